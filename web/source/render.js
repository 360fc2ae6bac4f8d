/* What a camera sees of the head's surface, and a photo unwrapped onto the page. */
import { Crop } from "./image.js";
import { clip, round } from "./numbers.js";
import { boxMean } from "./pages.js";

const [HEAD_MARGIN, BUFFER_SIDE] = [0.03, 448];
const [DEPTH_TOLERANCE_MM, GRAZING, STRAIGHTER] = [3, 0.12, 1.5];
const [FAR, NEAR] = [{ jump: 12, wide: 3.5 }, { jump: 3, wide: 0.8 }];
const [OPEN_MOUTH_MM, BEHIND_MM, CHIN, JAW_SLOPE, NECK_MM] = [1.3, 1000, 8, 0.5, [8, 20]];

/* The triangle under each pixel centre, its corners' weights and its depth. */
export function rasterize(places, triangles, width, height, weights = null, [from, to] = [0,
  triangles.length / 3]) {
  const triangle = new Int32Array(width * height).fill(-1);
  const shares = new Float32Array(width * height * 3);
  const depth = new Float32Array(width * height).fill(-Infinity);
  for (let t = from; t < to; t += 1) {
    const [i, j, k] = [triangles[3 * t], triangles[3 * t + 1], triangles[3 * t + 2]];
    const [x0, y0, z0] = [places[3 * i], places[3 * i + 1], places[3 * i + 2]];
    const [x1, y1, z1] = [places[3 * j], places[3 * j + 1], places[3 * j + 2]];
    const [x2, y2, z2] = [places[3 * k], places[3 * k + 1], places[3 * k + 2]];
    const area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0);
    if (!area) continue;
    const left = Math.max(Math.ceil(Math.min(x0, x1, x2)), 0);
    const right = Math.min(Math.floor(Math.max(x0, x1, x2)), width - 1);
    const top = Math.max(Math.ceil(Math.min(y0, y1, y2)), 0);
    const bottom = Math.min(Math.floor(Math.max(y0, y1, y2)), height - 1);
    for (let y = top; y <= bottom; y += 1) {
      for (let x = left; x <= right; x += 1) {
        let e0 = ((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)) / area;
        let e1 = ((x0 - x2) * (y - y2) - (y0 - y2) * (x - x2)) / area;
        let e2 = 1 - e0 - e1;
        if (e0 < 0 || e1 < 0 || e2 < 0) continue;
        if (weights) {
          [e0, e1, e2] = [e0 * weights[i], e1 * weights[j], e2 * weights[k]];
          const total = e0 + e1 + e2;
          [e0, e1, e2] = [e0 / total, e1 / total, e2 / total];
        }
        const [z, at] = [e0 * z0 + e1 * z1 + e2 * z2, y * width + x];
        if (!(z > depth[at])) continue;
        depth[at] = z;
        triangle[at] = t;
        shares[3 * at] = e0;
        shares[3 * at + 1] = e1;
        shares[3 * at + 2] = e2;
      }
    }
  }
  return { triangle, shares, depth };
}

/* The skin on a page of `side` texels; where it lies twice, what is in front on the mean head. */
export function skinPage(surface, meanHead, side) {
  const mean = surface.vertices(meanHead);
  const places = new Float64Array(mean.length);
  for (let v = 0; v < surface.twin.length; v += 1) {
    places.set([surface.uv[2 * v] * side - 0.5, surface.uv[2 * v + 1] * side - 0.5,
      mean[3 * v + 2]], 3 * v);
  }
  const { start, stop } = surface.parts[0];
  return rasterize(places, surface.triangles, side, side, null, [start, stop]);
}

/* Interpolate three numbers per vertex at each texel; 0 where a page shows nothing. */
export function spread({ triangle, shares }, triangles, values) {
  const out = new Float64Array(shares.length);
  for (let at = 0; at < triangle.length; at += 1) {
    if (triangle[at] < 0) continue;
    for (let k = 0; k < 3; k += 1) {
      const [share, from] = [shares[3 * at + k], 3 * triangles[3 * triangle[at] + k]];
      for (let c = 0; c < 3; c += 1) out[3 * at + c] += share * values[from + c];
    }
  }
  return out;
}

/* The surface in front of a photo's camera: {vertices, normals, crop, camera, buffer}. */
export function viewOf(photo, surface) {
  const vertices = surface.vertices(photo.vertices);
  const { places } = photo.camera.image(vertices);
  const box = boxOf(places);
  const side = Math.max(box.right - box.left, box.bottom - box.top) * (1 + 2 * HEAD_MARGIN);
  const crop =
    new Crop((box.left + box.right) / 2, (box.top + box.bottom) / 2, side, BUFFER_SIDE);
  const camera = photo.camera.cropped(crop);
  const image = camera.image(vertices);
  const buffer =
    rasterize(image.places, surface.triangles, BUFFER_SIDE, BUFFER_SIDE, image.weights);
  return { surface, vertices, normals: surface.normals(vertices), crop, camera, buffer };
}

function boxOf(places) {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (let at = 0; at < places.length; at += 3) {
    box.left = Math.min(box.left, places[at]);
    box.right = Math.max(box.right, places[at]);
    box.top = Math.min(box.top, places[at + 1]);
    box.bottom = Math.max(box.bottom, places[at + 1]);
  }
  return box;
}

/* 1 where a part of the surface is visible in the view's buffer. */
export function shows({ surface, buffer }, ...names) {
  const parts = surface.parts.filter(({ name }) => names.includes(name));
  return new Float32Array(buffer.triangle).map((t) =>
    (parts.some(({ start, stop }) => t >= start && t < stop) ? 1 : 0));
}

/* The colours, 0..1, of the photo's pixels where a mask of the buffer is set, each pixel once. */
export function colorsUnder({ crop }, { image }, mask) {
  const taken = new Set();
  mask.forEach((inside, at) => {
    if (!inside) return;
    const [x, y] = crop.toImage([at % BUFFER_SIDE, Math.floor(at / BUFFER_SIDE)]).map(round);
    if (x >= 0 && y >= 0 && x < image.width && y < image.height) taken.add(y * image.width + x);
  });
  return Array.from(taken, (at) => [0, 1, 2].map((c) => image.data[3 * at + c] / 255));
}

/* Cut the head out of a photo and shrink it, by a whole number, to the page's fineness. */
export function nearHead(photo, texelsPerMm) {
  const { image, camera } = photo;
  const box = boxOf(camera.image(photo.vertices).places);
  const margin = [box.right - box.left, box.bottom - box.top].map((side) => HEAD_MARGIN * side + 2);
  const left = clip(Math.floor(box.left - margin[0]), 0, image.width - 1);
  const top = clip(Math.floor(box.top - margin[1]), 0, image.height - 1);
  const right = clip(Math.ceil(box.right + margin[0]), left, image.width - 1) + 1;
  const bottom = clip(Math.ceil(box.bottom + margin[1]), top, image.height - 1) + 1;
  const factor = Math.min(Math.max(1, Math.trunc(camera.scale / texelsPerMm)), right - left,
    bottom - top);
  const [width, height] = [right - left, bottom - top].map((side) => Math.floor(side / factor));
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width * 3; x += 1) {
      let total = 0;
      for (let v = 0; v < factor; v += 1) {
        const row = (top + y * factor + v) * image.width + left + Math.floor(x / 3) * factor;
        for (let u = 0; u < factor; u += 1) total += image.data[(row + u) * 3 + (x % 3)];
      }
      data[y * width * 3 + x] = Math.floor(total / factor ** 2 + 0.5);
    }
  }
  return { ...photo, image: { data, width, height },
    camera: camera.changed(1, [-left, -top]).changed(1 / factor, [0, 0]) };
}

/* A photo on the page: every texel samples it through the camera; red 0 where it shows nothing. */
export function unwrap({ image, camera }, view, page, side) {
  const { data, width, height } = image;
  const { places, weights } = camera.image(view.vertices);
  const out = new Uint8Array(side * side * 3);
  const { triangles } = view.surface;
  for (let at = 0; at < page.triangle.length; at += 1) {
    if (page.triangle[at] < 0) continue;
    let [x, y, q] = [0, 0, 0];
    for (let k = 0; k < 3; k += 1) {
      const vertex = triangles[3 * page.triangle[at] + k];
      const weight = page.shares[3 * at + k] * weights[vertex];
      x += weight * places[3 * vertex];
      y += weight * places[3 * vertex + 1];
      q += weight;
    }
    [x, y] = [x / q, y / q];
    if (!(x > -0.5 && y > -0.5 && x < width - 0.5 && y < height - 0.5)) continue;
    [x, y] = [Math.max(x, 0), Math.max(y, 0)];
    const [left, top] = [Math.min(Math.trunc(x), width - 1), Math.min(Math.trunc(y), height - 1)];
    const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
    const [fx, fy] = [x - left, y - top];
    for (let c = 0; c < 3; c += 1) {
      const upper = data[(top * width + left) * 3 + c] * (1 - fx)
        + data[(top * width + right) * 3 + c] * fx;
      const lower = data[(bottom * width + left) * 3 + c] * (1 - fx)
        + data[(bottom * width + right) * 3 + c] * fx;
      out[3 * at + c] = Math.max(upper * (1 - fy) + lower * fy + 0.5, 1);
    }
  }
  return out;
}

/* How well a photo shows each texel of a page: 1 seen straight, 0 not seen. */
export function quality(photo, view, page, head) {
  const clear = clearOfContours(view);
  const keypoints = head.keypoints(photo.vertices);
  const { rotation: r, translation: t } = photo.camera;
  const points = spread(page, view.surface.triangles, view.vertices);
  const normals = spread(page, view.surface.triangles, view.normals);
  const tolerance = DEPTH_TOLERANCE_MM * view.camera.scale;
  const out = new Float32Array(page.triangle.length);
  for (let at = 0; at < out.length; at += 1) {
    if (page.triangle[at] < 0) continue;
    let [dot, eyeSquare, normalSquare] = [0, 0, 0];
    for (let k = 0; k < 3; k += 1) {
      const [a, b, c] = [r[3 * k], r[3 * k + 1], r[3 * k + 2]];
      const eye =
        a * points[3 * at] + b * points[3 * at + 1] + c * points[3 * at + 2] + t[k];
      const facing = a * normals[3 * at] + b * normals[3 * at + 1] + c * normals[3 * at + 2];
      dot += eye * facing;
      eyeSquare += eye * eye;
      normalSquare += facing * facing;
    }
    const cosine = -dot / Math.max(Math.sqrt(normalSquare), 1e-6) / Math.sqrt(eyeSquare);
    const straight = clip((cosine - GRAZING) / (1 - GRAZING), 0, 1) ** STRAIGHTER;
    const [x, y, z] = view.camera.project(points, 3 * at);
    const cell = clip(round(y), 0, BUFFER_SIDE - 1) * BUFFER_SIDE + clip(round(x), 0, BUFFER_SIDE - 1);
    if (!(z > view.buffer.depth[cell] - tolerance)) continue;
    const jaw = keypoints[3 * CHIN + 1] + JAW_SLOPE * (keypoints[3 * CHIN + 2] - points[3 * at + 2]);
    const below = jaw - points[3 * at + 1];
    const above = clip((NECK_MM[1] - below) / (NECK_MM[1] - NECK_MM[0]), 0, 1);
    out[at] = straight * clear[cell] * above;
  }
  return out;
}

/* 0 near a jump in depth, 1 farther away. */
function clearOfContours(view) {
  const perMm = view.camera.scale;
  const depth = view.buffer.depth.map((z) => (z === -Infinity ? -BEHIND_MM : z / perMm));
  const far = awayFrom(jumps(depth, FAR.jump, shows(view, "eyes", "teeth", "mouth")), FAR.wide * perMm);
  const near = awayFrom(jumps(depth, NEAR.jump), NEAR.wide * perMm);
  const mouth = awayFrom(shows(view, "teeth", "mouth"), OPEN_MOUTH_MM * perMm);
  return far.map((value, at) => value * near[at] * mouth[at]);
}

function awayFrom(marked, margin) {
  const reach = Math.max(1, round(margin));
  const away = boxMean(marked, BUFFER_SIDE, reach).map((value) => (value <= 0 ? 1 : 0));
  return boxMean(away, BUFFER_SIDE, reach).map((value) => clip(2 * value - 1, 0, 1));
}

function jumps(depth, least, apart = null) {
  const marked = new Float32Array(depth.length);
  for (let at = 0; at < depth.length; at += 1) {
    for (const step of [1, BUFFER_SIDE]) {
      const next = at + step;
      if (next >= depth.length || (step === 1 && next % BUFFER_SIDE === 0)) continue;
      if (!(Math.abs(depth[at] - depth[next]) > least) || apart?.[at] || apart?.[next]) continue;
      marked[at] = 1;
      marked[next] = 1;
    }
  }
  return marked;
}
