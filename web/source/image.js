/* Pictures, {data, width, height} with three channels, and the squares cut out of them. */
import { clip, percentiles } from "./numbers.js";

const LEAST_CONTRAST = 0.25;
const SAMPLED_PX = 256;

/* Sample a box of a picture (left, top, right, bottom: outer edges) on a grid: float values.
 * A triangle filter as wide as a pixel of the grid, or of the picture if that is wider. */
export function resample(image, box, width, height, repeatEdge = true) {
  const { data, width: wide } = image;
  const rows = taps(image.height, box[1], box[3], height, repeatEdge);
  const columns = taps(wide, box[0], box[2], width, repeatEdge);
  const out = new Float32Array(width * height * 3);
  const line = new Float32Array(wide * 3);
  const [begin, end] = [3 * Math.min(...columns.first), 3 * (Math.max(...columns.first) + columns.count)];
  for (let i = 0; i < height; i += 1) {
    line.fill(0);
    for (let tap = 0; tap < rows.count; tap += 1) {
      const weight = rows.weights[i * rows.count + tap];
      if (!weight) continue;
      const from = (rows.first[i] + tap) * wide * 3;
      for (let k = begin; k < end; k += 1) line[k] += weight * data[from + k];
    }
    for (let j = 0; j < width; j += 1) {
      const at = (i * width + j) * 3;
      for (let tap = 0; tap < columns.count; tap += 1) {
        const weight = columns.weights[j * columns.count + tap];
        const from = (columns.first[j] + tap) * 3;
        for (let c = 0; c < 3 && weight; c += 1) out[at + c] += weight * line[from + c];
      }
    }
  }
  return { data: out, width, height };
}

function taps(length, start, stop, count, repeatEdge) {
  const step = (stop - start) / count;
  const reach = Math.max(step, 1);
  const nTaps = Math.ceil(2 * reach) + 2;
  const kept = Math.min(nTaps, length);
  const first = new Int32Array(count);
  const weights = new Float32Array(count * kept);
  for (let i = 0; i < count; i += 1) {
    const centre = start + (i + 0.5) * step;
    const from = Math.floor(centre - reach);
    first[i] = Math.min(clip(from, 0, length - 1), length - kept);
    const shares = Array.from({ length: nTaps }, (_, tap) =>
      Math.max(0, 1 - Math.abs(from + tap - centre) / reach));
    const total = shares.reduce((a, b) => a + b);
    shares.forEach((share, tap) => {
      const place = from + tap;
      if (!repeatEdge && (place < 0 || place >= length)) return;
      weights[i * kept + clip(place, 0, length - 1) - first[i]] += share / total;
    });
  }
  return { first, weights, count: kept };
}

export function resized(image, width, height) {
  return resample(image, [-0.5, -0.5, image.width - 0.5, image.height - 0.5], width, height);
}

export const scaled = (image, factor) => ({ ...image, data: image.data.map((v) => v * factor) });

/* Turn a picture counter-clockwise by quarter turns. */
export function turned(image, turns) {
  if (turns % 4 === 0) return image;
  const { data, width, height } = image;
  const out = new data.constructor(data.length);
  for (let y = 0; y < width; y += 1) {
    for (let x = 0; x < height; x += 1) {
      const from = (x * width + (width - 1 - y)) * 3;
      for (let c = 0; c < 3; c += 1) out[(y * height + x) * 3 + c] = data[from + c];
    }
  }
  return turned({ ...image, data: out, width: height, height: width }, turns - 1);
}

export function mirrored({ data, width, height }) {
  const out = new data.constructor(data.length);
  for (let at = 0; at < width * height; at += 1) {
    const from = at - (at % width) + width - 1 - (at % width);
    for (let c = 0; c < 3; c += 1) out[at * 3 + c] = data[from * 3 + c];
  }
  return { data: out, width, height };
}

/* The values of a picture in 0..1 between which all but a hundredth on each side lie. */
function range({ data, width, height }) {
  const step = Math.max(1, Math.floor(Math.max(width, height) / SAMPLED_PX));
  const grey = [];
  for (let y = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step) {
      const at = (y * width + x) * 3;
      grey.push((data[at] + data[at + 1] + data[at + 2]) / 3);
    }
  }
  return percentiles(grey, [1, 99]);
}

export function contrast(image) {
  const [low, high] = range(image);
  return high - low;
}

/* Stretch a picture of too little contrast. */
export function withContrast(image) {
  const [low, high] = range(image);
  if (!(high > low && high - low < LEAST_CONTRAST)) return image;
  const scale = 0.9 / (high - low);
  return { ...image, data: image.data.map((v) => clip(0.05 + (v - low) * scale, 0, 1)) };
}

/* A square of a photo, centre (x, y) and side in px, seen at `output` × `output` px. */
export class Crop {
  constructor(x, y, side, output) {
    Object.assign(this, { x, y, side, output, scale: output / side });
    [this.left, this.top] = [x - side / 2, y - side / 2];
  }

  static aroundKeypoints(points, output) {
    const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
    const [left, right, top, bottom] =
      [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const side = (1.5 * (right - left + bottom - top)) / 2;
    return new Crop((left + right) / 2, (top + bottom) / 2, side, output);
  }

  toCrop([x, y]) {
    return [(x - this.left) * this.scale - 0.5, (y - this.top) * this.scale - 0.5];
  }

  toImage([x, y]) {
    return [(x + 0.5) / this.scale + this.left, (y + 0.5) / this.scale + this.top];
  }

  /* What a network sees of a photo: 0..1, black outside, stretched if it lacks contrast. */
  input(photo) {
    const box = [this.left, this.top, this.left + this.side, this.top + this.side];
    const cut = resample(photo, box, this.output, this.output, false);
    return withContrast(scaled(cut, 1 / 255));
  }
}

/* Channels first, as networks take them. */
export function planes({ data, width, height }, factor = 1) {
  const size = width * height;
  const out = new Float32Array(3 * size);
  for (let at = 0; at < size; at += 1) {
    for (let c = 0; c < 3; c += 1) out[c * size + at] = factor * data[at * 3 + c];
  }
  return out;
}
