/* Faces in a photo by CenterFace, and the quarter turns that bring the photo upright. */
import { mirrored, planes, resized, scaled, turned, withContrast } from "./image.js";
import { clip, round } from "./numbers.js";

const MULTIPLE_PX = 32;
const [WORKING_PX, LARGER_PX, TURNED_PX] = [640, 1280, 320];
const WEAK_SCORE = 0.3;
export const [MIN_SCORE, SURE_SCORE] = [0.5, 0.75];
const OUTPUTS = ["537", "538", "539", "540"];

/* A copy of a photo, and the affine way [a, b, x, c, d, y] back to the photo's px. */
class View {
  constructor(image, back, isMirrored = false) {
    Object.assign(this, { image, back, isMirrored });
  }

  static whole(photo, longest = WORKING_PX) {
    const factor = Math.min(1, longest / Math.max(photo.width, photo.height));
    const [width, height] =
      [photo.width, photo.height].map((side) => Math.max(1, round(side * factor)));
    const step = Math.max(1, Math.trunc(1 / factor / 3));
    const some = everyNth(photo, step);
    const small = scaled(resized(some, width, height), 1 / 255);
    const [zx, zy] = [some.width / width, some.height / height];
    return new View(withContrast(small),
      [zx * step, 0, (zx / 2 - 0.5) * step, 0, zy * step, (zy / 2 - 0.5) * step]);
  }

  changed(image, [a, b, x, c, d, y], isMirrored = this.isMirrored) {
    const [A, B, X, C, D, Y] = this.back;
    return new View(image, [A * a + B * c, A * b + B * d, A * x + B * y + X,
      C * a + D * c, C * b + D * d, C * x + D * y + Y], isMirrored);
  }

  mirrored() {
    return this.changed(mirrored(this.image), [-1, 0, this.image.width - 1, 0, 1, 0],
      !this.isMirrored);
  }

  turned(turns) {
    const [a, b, x, c, d, y] = this.back;
    const back = turns % 2 ? [d, c, y, b, a, x] : this.back;
    return new View(turned(this.image, turns), back, this.isMirrored);
  }

  resized(factor) {
    const { width, height } = this.image;
    const [w, h] = [width, height].map((side) => Math.max(1, round(side * factor)));
    const [zx, zy] = [width / w, height / h];
    return this.changed(resized(this.image, w, h), [zx, 0, zx / 2 - 0.5, 0, zy, zy / 2 - 0.5]);
  }

  bordered() {
    const { width, height } = this.image;
    const [x, y] = [round(width / 2), round(height / 2)];
    const image = sampled(this.image, width + 2 * x, height + 2 * y, (u, v) => [u - x, v - y]);
    const copy = this.changed(image, [1, 0, -x, 0, 1, -y]);
    return copy.resized(Math.min(1, WORKING_PX / Math.max(image.width, image.height)));
  }

  tilted(degrees) {
    const { width, height } = this.image;
    const [cos, sin] = [Math.cos, Math.sin].map((f) => f((degrees * Math.PI) / 180));
    const [mx, my] = [(width - 1) / 2, (height - 1) / 2];
    const back = [cos, -sin, mx - cos * mx + sin * my, sin, cos, my - sin * mx - cos * my];
    const image = sampled(this.image, width, height,
      (u, v) => [cos * u - sin * v + back[2], sin * u + cos * v + back[5]], true);
    return this.changed(image, back);
  }

  async faces(detector, minScore) {
    const found = await runCenterface(detector, this.image, minScore);
    return found.map((face) => this.inPhoto(face));
  }

  inPhoto({ box, score, landmarks }) {
    const [a, b, x, c, d, y] = this.back;
    const to = ([u, v]) => [a * u + b * v + x, c * u + d * v + y];
    const [mx, my] = to([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]);
    const [hx, hy] =
      [((box[2] - box[0]) / 2) * Math.hypot(a, c), ((box[3] - box[1]) / 2) * Math.hypot(b, d)];
    const order = this.isMirrored ? [1, 0, 2, 4, 3] : [0, 1, 2, 3, 4];
    return { box: [mx - hx, my - hy, mx + hx, my + hy], score,
      landmarks: order.map((k) => to(landmarks[k])) };
  }
}

function everyNth({ data, width, height }, step) {
  if (step === 1) return { data, width, height };
  const [w, h] = [width, height].map((side) => Math.ceil(side / step));
  return sampled({ data, width, height }, w, h, (u, v) => [u * step, v * step]);
}

/* A picture whose pixel (u, v) is that of `image` at place(u, v): the nearest, or bilinear. */
function sampled(image, width, height, place, bilinear = false) {
  const out = new Float32Array(width * height * 3);
  const at = (x, y, c) => image.data[
    (clip(y, 0, image.height - 1) * image.width + clip(x, 0, image.width - 1)) * 3 + c];
  for (let v = 0; v < height; v += 1) {
    for (let u = 0; u < width; u += 1) {
      const [x, y] = place(u, v);
      if (bilinear && !(x > -0.5 && y > -0.5 && x < image.width - 0.5 && y < image.height - 0.5)) {
        continue;
      }
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [fx, fy] = [x - left, y - top];
      for (let c = 0; c < 3; c += 1) {
        out[(v * width + u) * 3 + c] = bilinear
          ? (at(left, top, c) * (1 - fx) + at(left + 1, top, c) * fx) * (1 - fy)
            + (at(left, top + 1, c) * (1 - fx) + at(left + 1, top + 1, c) * fx) * fy
          : at(left, top, c);
      }
    }
  }
  return { data: out, width, height };
}

async function runCenterface(detector, image, minScore) {
  const [width, height] = [image.width, image.height]
    .map((side) => side + ((MULTIPLE_PX - (side % MULTIPLE_PX)) % MULTIPLE_PX));
  const padded = { data: new Float32Array(width * height * 3), width, height };
  for (let y = 0; y < image.height; y += 1) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    padded.data.set(row, y * width * 3);
  }
  const outputs = await detector({ "input.1": [planes(padded, 255), [1, 3, height, width]] });
  return keepBest(decode(...OUTPUTS.map((name) => outputs[name].data), width / 4, minScore));
}

function decode(heat, size, offset, landmarks, columns, minScore) {
  const [faces, cells] = [[], heat.length];
  for (let cell = 0; cell < cells; cell += 1) {
    if (!(heat[cell] > minScore)) continue;
    const [high, wide] = [Math.exp(size[cell]) * 4, Math.exp(size[cells + cell]) * 4];
    const y = (Math.floor(cell / columns) + offset[cell] + 0.5) * 4 - high / 2 - 0.5;
    const x = ((cell % columns) + offset[cells + cell] + 0.5) * 4 - wide / 2 - 0.5;
    const points = [0, 1, 2, 3, 4].map((k) => [
      landmarks[(2 * k + 1) * cells + cell] * wide + x,
      landmarks[2 * k * cells + cell] * high + y]);
    faces.push({ box: [x, y, x + wide, y + high], score: heat[cell], landmarks: points });
  }
  return faces;
}

export const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);

function sameFace(one, other) {
  const side = (k) => Math.max(0,
    Math.min(one.box[k + 2], other.box[k + 2]) - Math.max(one.box[k], other.box[k]));
  const shared = side(0) * side(1);
  return shared > 0.3 * (area(one) + area(other) - shared)
    || shared > 0.6 * Math.min(area(one), area(other));
}

function keepBest(faces) {
  const kept = [];
  for (const face of faces.toSorted((a, b) => b.score - a.score)) {
    if (!kept.some((other) => sameFace(face, other))) kept.push(face);
  }
  return kept;
}

function isUpright({ landmarks: [a, b, , c, d] }) {
  const [right, down] = [0, 1].map((k) => (c[k] + d[k] - a[k] - b[k]) / 2);
  return Math.abs(Math.atan2(right, down)) <= Math.PI / 4;
}

const bestScore = (faces) => Math.max(0, ...faces.filter(isUpright).map((face) => face.score));

/* Find the faces of a photo that may be turned: {turns, faces}, the largest first. It is not taken
 * for a turned one if an upright face has the score `sure`. */
export async function findFaces(photo, detector, sure) {
  const view = View.whole(photo);
  let faces = await view.faces(detector, MIN_SCORE);
  const scores = [bestScore(faces), 0, 0, 0];
  const small =
    view.resized(Math.min(1, TURNED_PX / Math.max(view.image.width, view.image.height)));
  for (let turns = 1; turns < 4 && scores[0] < sure; turns += 1) {
    scores[turns] = bestScore(await small.turned(turns).faces(detector, MIN_SCORE));
  }
  if (Math.max(...scores) > 0) {
    const turns = scores.indexOf(Math.max(...scores));
    if (turns) {
      faces = await view.turned(turns).faces(detector, MIN_SCORE);
      if (!faces.length) faces = await small.turned(turns).faces(detector, MIN_SCORE);
    }
    return { turns, faces: largestFirst(faces, photo, turns) };
  }
  for (let turns = 0; turns < 4; turns += 1) {
    const found = await search(copies(photo, view.turned(turns), turns), detector);
    if (found.length) return { turns, faces: largestFirst(found, photo, turns) };
  }
  return { turns: 0, faces: largestFirst(faces, photo, 0) };
}

function* copies(photo, view, turns) {
  yield view.mirrored();
  for (const factor of [1.25, 0.75]) yield view.resized(factor);
  if (!turns) {
    yield view.bordered();
    for (const degrees of [-15, 15, -30, 30]) yield view.tilted(degrees);
    if (Math.max(photo.width, photo.height) > WORKING_PX) yield View.whole(photo, LARGER_PX);
  }
  yield view;
}

async function search(views, detector) {
  const weak = [];
  for (const view of views) {
    const found = (await view.faces(detector, WEAK_SCORE)).filter(isUpright);
    const sure = found.filter((face) => face.score >= MIN_SCORE);
    if (sure.length) return sure;
    weak.push(...found);
  }
  return keepBest(weak).filter((face) => weak.filter((other) => sameFace(face, other)).length > 1);
}

function largestFirst(faces, { width, height }, turns) {
  const [w, h] = turns % 2 ? [height, width] : [width, height];
  const inside = faces.map((face) => ({
    ...face, box: face.box.map((edge, k) => clip(edge, -0.5, (k % 2 ? h : w) - 0.5)),
  }));
  return inside.sort((a, b) => area(b) - area(a));
}

/* A face as it lies in its photo turned counter-clockwise by quarter turns. */
export function turnedFace(face, { width, height }, turns) {
  if (!turns) return face;
  const turn = ([x, y]) => [y, width - 1 - x];
  const [[x0, y1], [x1, y0]] = [turn(face.box.slice(0, 2)), turn(face.box.slice(2))];
  const next = { ...face, box: [x0, y0, x1, y1], landmarks: face.landmarks.map(turn) };
  return turnedFace(next, { width: height, height: width }, turns - 1);
}
