/* What seems wrong with the photos: the sentences of facelib/reconstruction/doubts.py. */
import { contrast, resized, scaled } from "./image.js";
import { clip, median, round } from "./numbers.js";

const [APART_DEG, SIDE_FROM_DEG] = [20, 45];
const [OTHER_FACE, FEWEST_INSIDE, UNSURE_SHARE] = [0.3, 0.8, 0.05];
const [NARROWEST_PX, LOOKED_AT_PX, FAINT, LOST_CONTRAST] = [64, 256, 0.1, 0.005];
const TURNS = ["", "90° counter-clockwise", "180°", "90° clockwise"];
const CHOOSE = "choose another by cutting it out of the photo";

const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;

export const isSwapped = (front, side) =>
  Math.abs(front) > SIDE_FROM_DEG && Math.abs(front) - Math.abs(side) > APART_DEG;

export const swapped = (front, side) => ({
  kind: "swapped",
  sentence: "The two photos were given in the wrong order and were swapped: the first shows the "
    + `face from the side (yaw ${round(front)}°), the second from the front (${round(side)}°).`,
});

export function aboutPair({ front, side, agreement, agreeAbove }) {
  const doubts = [];
  if (!(agreement > agreeAbove)) {
    doubts.push({ kind: "disagreement", sentence: "The two photos do not seem to show one face: "
      + "is the side photo of another person, mirrored, or with another expression? (The log of "
      + `the odds is ${agreement.toFixed(0)}, and above ${agreeAbove.toFixed(0)} for one person.)` });
  }
  if (Math.abs(front.yaw - side.yaw) < APART_DEG) {
    doubts.push({ kind: "one direction", sentence: "Both photos show the face from nearly the same "
      + `direction (yaw ${round(front.yaw)}° and ${round(side.yaw)}°), so the second adds little.` });
  }
  return doubts;
}

export const otherFace = ({ name, face }) => ({
  kind: "other face",
  sentence: `The largest face in ${name} does not fit the front photo; took the one ${place(face)}, `
    + `which does; ${CHOOSE}.`,
});

/* The median standard deviation of the points, as a share of the crop's side. */
export function deviationShare({ covariance, visibility, size }) {
  const variances = visibility.map((_, i) => covariance[3 * i] + covariance[3 * i + 2]);
  return Math.sqrt(median(variances)) / size;
}
export const isUnsure = (seen) => deviationShare(seen) > UNSURE_SHARE;

export function aboutPhoto({ name, image, faces, face, keypoints, turns, seen }) {
  const doubts = [];
  const doubt = (kind, sentence) => doubts.push({ kind, sentence });
  if (isUnsure(seen)) {
    doubt("unsure", `The face in ${name} is hard to make out: its points are uncertain by `
      + `${percent(deviationShare(seen))} of the picture around it. Is it upright, sharp and `
      + "uncovered?");
  }
  if (turns % 4) doubt("turned", `${name} was turned by ${TURNS[turns % 4]} to be upright.`);
  const wide = ({ box }) => box[2] - box[0];
  const people = faces.filter((each) => wide(each) >= OTHER_FACE * wide(face));
  if (people.length > 1 && face === faces[0]) {
    doubt("several faces",
      `${people.length} faces in ${name}; took the largest, ${place(face)}; ${CHOOSE}.`);
  }
  const outside = keypoints.filter(([x, y]) =>
    x < -0.5 || y < -0.5 || x > image.width - 0.5 || y > image.height - 0.5).length;
  if (outside > (1 - FEWEST_INSIDE) * keypoints.length) {
    doubt("outside", `A part of the face lies outside ${name}: ${outside} of ${keypoints.length} `
      + "keypoints. What is not there was guessed.");
  }
  return [...doubts, ...aboutPixels(name, image, face)];
}

const place = ({ box }) => {
  const [left, top, right, bottom] = box.map(round);
  return `at (${left}, ${top})-(${right}, ${bottom})`;
};

function aboutPixels(name, image, { box }) {
  const low = [0, 1].map((k) =>
    clip(round(box[k]), 0, (k ? image.height : image.width) - 1));
  const high = [0, 1].map((k) =>
    clip(round(box[k + 2]), low[k] + 1, k ? image.height : image.width));
  let pixels = scaled(cut(image, low, high), 1 / 255);
  if (pixels.width < NARROWEST_PX) {
    return [{ kind: "small", sentence: `The face in ${name} is ${pixels.width} px wide; for detail `
      + `it needs ${NARROWEST_PX} or more.` }, ...faint(name, contrast(pixels))];
  }
  if (pixels.width > LOOKED_AT_PX) {
    pixels = resized(pixels, LOOKED_AT_PX, round((LOOKED_AT_PX * pixels.height) / pixels.width));
  }
  const used = contrast(pixels);
  if (used < FAINT) return faint(name, used);
  const lost = pixels.width > 2 * NARROWEST_PX ? detail(pixels) / used : 1;
  if (lost >= LOST_CONTRAST) return [];
  return [{ kind: "blurred", sentence: `The face in ${name} is blurred: shrunk to a width of `
    + `${NARROWEST_PX} px it would lose no more than ${percent(lost, 1)} of its contrast.` }];
}

const faint = (name, used) => (used < FAINT ? [{
  kind: "faint",
  sentence: `The face in ${name} has hardly any contrast: it uses ${percent(used)} of the values `
    + "from black to white. Take the photo in more light.",
}] : []);

export function cut({ data, width }, [left, top], [right, bottom]) {
  const out = new data.constructor((right - left) * (bottom - top) * 3);
  for (let y = top; y < bottom; y += 1) {
    const row = data.subarray((y * width + left) * 3, (y * width + right) * 3);
    out.set(row, (y - top) * (right - left) * 3);
  }
  return { data: out instanceof Uint8Array ? Float32Array.from(out) : out,
    width: right - left, height: bottom - top };
}

/* The rms difference between a picture and its small copy. */
function detail(image) {
  const small =
    resized(image, NARROWEST_PX, Math.max(1, round((NARROWEST_PX * image.height) / image.width)));
  const back = resized(small, image.width, image.height);
  let total = 0;
  for (let at = 0; at < image.data.length; at += 3) {
    const off = [0, 1, 2].map((c) => image.data[at + c] - back.data[at + c]);
    total += ((off[0] + off[1] + off[2]) / 3) ** 2;
  }
  return Math.sqrt(total / (image.width * image.height));
}
