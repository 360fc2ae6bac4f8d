/* The head as files: GLB with 52 movable actions, OBJ with its material. */
const INTEROCULAR_MM = 63; // photos do not show a head's size
const [FLOAT, UINT16, VERTICES, INDICES] = [5126, 5123, 34962, 34963];
const ROUGHNESS = { skin: 0.6, eyes: 0.1, teeth: 0.25, mouth: 0.4 };

/* The head in metres: neutral vertices, and the moves of each action. */
export function rigOf(head, fit) {
  const { nShape, nHead, surface, arrays: { eyeballs, mean_head: mean } } = head;
  const neutral = fit.coefficients.map((value, k) => (k < nShape ? value : 0));
  const ofHead = head.vertices(neutral);
  const centres = [-1, 1].map((side) => {
    const ball = Array.from(eyeballs.keys()).filter((v) => eyeballs[v] && mean[3 * v] * side > 0);
    return [0, 1, 2].map((c) => ball.reduce((all, v) => all + ofHead[3 * v + c], 0) / ball.length);
  });
  const apart = Math.hypot(...centres[0].map((value, c) => value - centres[1][c]));
  const metres = INTEROCULAR_MM / apart / 1000;
  const scaled = (values) => surface.vertices(values).map((value) => value * metres);
  const moves = head.names.map((name, action) =>
    scaled(mean.map((_, row) => head.basis[row * nHead + nShape + action])));
  const vertices = scaled(ofHead);
  return { vertices, moves, strengths: Array.from(fit.coefficients.slice(nShape)) };
}

export function glb(head, rig, jpeg) {
  const [pieces, views, accessors] = [[], [], []];
  let length = 0;
  const view = (array, more) => {
    views.push({ buffer: 0, byteOffset: length, byteLength: array.byteLength, ...more });
    const padding = (4 - (array.byteLength % 4)) % 4;
    pieces.push(array, new Uint8Array(padding));
    length += array.byteLength + padding;
    return views.length - 1;
  };
  const accessor = (fields) => accessors.push(fields) - 1;
  const { surface } = head;
  const of = (part) => surface.triangles.subarray(3 * part.start, 3 * part.stop);
  const parts = surface.parts.map((part) => ({ ...part, ...extent(of(part)) }));
  const vertexAccessor = (values, width, { first, last }) => accessor({
    bufferView: view(values.subarray(first * width, (last + 1) * width), { target: VERTICES }),
    componentType: FLOAT, count: last + 1 - first, type: `VEC${width}`,
    ...range(values, width, first, last) });
  const normals = surface.normals(rig.vertices);
  const primitives = parts.map((part, material) => ({
    attributes: {
      POSITION: vertexAccessor(rig.vertices, 3, part), NORMAL: vertexAccessor(normals, 3, part),
      TEXCOORD_0: vertexAccessor(surface.uv, 2, part) },
    indices: accessor({ bufferView: view(Uint16Array.from(of(part), (v) => v - part.first),
      { target: INDICES }), componentType: UINT16, count: of(part).length, type: "SCALAR" }),
    material,
    targets: rig.moves.map((moves) => ({ POSITION: accessor(sparse(moves, part, view)) })),
  }));
  const image = view(jpeg);
  const scene = {
    asset: { version: "2.0", generator: "facelib" }, scene: 0, scenes: [{ nodes: [0] }],
    nodes: [{ name: "head", mesh: 0 }],
    meshes: [{ name: "head", primitives, weights: rig.strengths,
      extras: { targetNames: head.names } }],
    materials: parts.map(({ name }) => ({ name, doubleSided: name !== "eyes",
      pbrMetallicRoughness: { metallicFactor: 0, roughnessFactor: ROUGHNESS[name],
        baseColorTexture: { index: 0 } } })),
    images: [{ bufferView: image, mimeType: "image/jpeg" }], samplers: [{}],
    textures: [{ sampler: 0, source: 0 }],
    accessors, bufferViews: views, buffers: [{ byteLength: length }],
  };
  const text = new TextEncoder().encode(JSON.stringify(scene));
  const spaces = new Uint8Array((4 - (text.length % 4)) % 4).fill(32);
  const head1 = Uint32Array.of(0x46546c67, 2, 28 + text.length + spaces.length + length,
    text.length + spaces.length, 0x4e4f534a);
  return new Blob([head1, text, spaces, Uint32Array.of(length, 0x004e4942), ...pieces],
    { type: "model/gltf-binary" });
}

const extent = (corners) => ({ first: corners.reduce((a, b) => Math.min(a, b)),
  last: corners.reduce((a, b) => Math.max(a, b)) });

function range(values, width, first, last) {
  const [min, max] = [Array(width).fill(Infinity), Array(width).fill(-Infinity)];
  for (let at = first * width; at < (last + 1) * width; at += 1) {
    min[at % width] = Math.min(min[at % width], values[at]);
    max[at % width] = Math.max(max[at % width], values[at]);
  }
  return { min, max };
}

/* A morph target of a part: only vertices that move are listed, one at least. */
function sparse(moves, { first, last }, view) {
  const places = [];
  for (let v = first; v <= last; v += 1) {
    if (Math.hypot(moves[3 * v], moves[3 * v + 1], moves[3 * v + 2]) > 5e-6) places.push(v);
  }
  if (!places.length) places.push(first);
  const values = Float32Array.from({ length: 3 * places.length }, (_, k) =>
    moves[3 * places[Math.floor(k / 3)] + (k % 3)]);
  const zeros = new Float32Array(places.length < last + 1 - first ? 3 : 0);
  const all = Float32Array.from([...values, ...zeros]);
  return { componentType: FLOAT, count: last + 1 - first, type: "VEC3",
    ...range(all, 3, 0, all.length / 3 - 1),
    sparse: { count: places.length,
      indices: { bufferView: view(Uint16Array.from(places, (v) => v - first)), componentType: UINT16 },
      values: { bufferView: view(values) } } };
}

/* The head with the front photo's expression, as the text of an OBJ file and of its material. */
export function obj(head, { vertices, moves, strengths }) {
  const { surface } = head;
  const shown = vertices.map((value, row) =>
    moves.reduce((total, each, k) => total + strengths[k] * each[row], value));
  const lines = ["mtllib head.mtl", "usemtl head"];
  for (let v = 0; v < surface.twin.length; v += 1) {
    lines.push(`v ${shown[3 * v].toFixed(6)} ${shown[3 * v + 1].toFixed(6)} ${
      shown[3 * v + 2].toFixed(6)}`);
    lines.push(`vt ${surface.uv[2 * v].toFixed(6)} ${(1 - surface.uv[2 * v + 1]).toFixed(6)}`);
  }
  for (let t = 0; t < surface.triangles.length; t += 3) {
    const [i, j, k] = surface.triangles.subarray(t, t + 3).map((v) => v + 1);
    lines.push(`f ${i}/${i} ${j}/${j} ${k}/${k}`);
  }
  return { obj: `${lines.join("\n")}\n`, mtl: "newmtl head\nKd 1 1 1\nmap_Kd head.png\n" };
}
