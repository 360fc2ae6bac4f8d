/* Photos in, a fitted head out: the steps of facelib/reconstruction/reconstruct.py. */
import { findFaces, MIN_SCORE, SURE_SCORE, turnedFace } from "./detect.js";
import { aboutPair, aboutPhoto, deviationShare, isSwapped, isUnsure, otherFace, swapped }
  from "./doubts.js";
import { fitHead } from "./fit.js";
import { N_KEYPOINTS } from "./head.js";
import { Crop, mirrored, planes, turned } from "./image.js";

const BOX_TO_CROP = { front: 1.24, side: 1.215 }; // crop's side over the box's
const SHIFT_Y = 0.145;
const LENS_SPREAD = 0.05;
const [MAX_CROP_SHIFT, MAX_CROP_ZOOM] = [0.25, 1.4];
const SIZE = 192; // px of the network's crops

export class NoFaceError extends Error {}

/* Reconstruct a head.
 *   given: one or two of {view, name, image, focal}, the front photo first
 *   models: {detector, dense, head}; both networks take {input: [values, shape]}
 *   tell: async, hears of each step, (step, what it found) */
export async function reconstruct(given, models, tell = async () => {}) {
  const photos = [];
  for (const photo of given) photos.push(await findInPhoto(photo, models, MIN_SCORE));
  await tell("faces", photos);
  for (const k of photos.keys()) photos[k] = await lookAt(photos[k], models);
  await tell("points", photos);
  const { fit, doubts, chosen, agreement } = photos.length > 1
    ? await fitPair(photos, models, tell)
    : { fit: await fitSlowly(models.head, photos.map((p) => p.seen), [], tell), doubts: [],
      chosen: photos };
  const keypoints = models.head.keypoints(models.head.vertices(fit.coefficients));
  chosen.forEach((photo, k) => {
    photo.keypoints = Array.from({ length: N_KEYPOINTS }, (_, i) => photo.crop.toImage(k
      ? [photo.seen.places[2 * i], photo.seen.places[2 * i + 1]]
      : fit.cameras[0].project(keypoints, 3 * i)));
    photo.camera = fit.cameras[k].uncropped(photo.crop);
    doubts.push(...aboutPhoto(photo));
  });
  return { fit, photos: chosen, doubts, agreement };
}

async function findInPhoto(photo, { detector }, sure) {
  const { turns, faces } = await findFaces(photo.image, detector, sure);
  const name = photo.name || `the ${photo.view} photo`;
  if (!faces.length) throw new NoFaceError(`no face found in the ${photo.view} photo ${photo.name}`);
  const image = turned(photo.image, turns);
  return { ...photo, name, image, turns, faces, face: faces[0] };
}

function firstCrop(face, view) {
  const [left, top, right, bottom] = face.box;
  const side = (BOX_TO_CROP[view] * (right - left + bottom - top)) / 2;
  return new Crop((left + right) / 2, (top + bottom) / 2 + SHIFT_Y * (bottom - top), side, SIZE);
}

/* The points show whether a photo is turned; only where they do not, the detector is asked. */
async function lookAt(found, models) {
  const best = await lookUpright(found, models);
  if (!isUnsure(best.seen) || found.turns || found.face.score >= SURE_SCORE) return best;
  return lookUpright(await findInPhoto(found, models, SURE_SCORE), models);
}

/* Look at a face, and if the network is unsure, at the photo turned by quarter turns, too. */
async function lookUpright(found, models) {
  const looks = [];
  for (let turns = 0; turns < 4 && (!turns || isUnsure(looks[0].seen)); turns += 1) {
    const faces = found.faces.map((each) => turnedFace(each, found.image, turns));
    const face = faces[found.faces.indexOf(found.face)];
    const image = turned(found.image, turns);
    looks.push({ ...found, image, faces, face, turns: (found.turns + turns) % 4,
      ...await look(image, firstCrop(face, found.view), found.focal, models) });
  }
  return looks.reduce((a, b) => (deviationShare(b.seen) < deviationShare(a.seen) ? b : a));
}

/* Find the points in a first crop, and again in one around the keypoints just found. */
async function look(image, first, focal, models) {
  const once = await findOnce(first.input(image), models);
  const keypoints = Array.from({ length: N_KEYPOINTS }, (_, i) =>
    first.toImage([once.places[2 * i], once.places[2 * i + 1]]));
  const better = Crop.aroundKeypoints(keypoints, SIZE);
  const crop = isPlausible(better, first) ? better : first;
  const input = crop.input(image);
  const [found, other] = [await findOnce(input, models), await findOnce(mirrored(input), models)];
  const seen = meanOf(found, mirroredPoints(other, models.head));
  if (focal) {
    seen.principal = crop.toCrop([(image.width - 1) / 2, (image.height - 1) / 2]);
    Object.assign(seen, { focal: focal * crop.scale, focalSpread: LENS_SPREAD });
  }
  return { crop, seen };
}

function isPlausible(crop, first) {
  const zoom = crop.side / first.side;
  const shift = Math.max(Math.abs(crop.x - first.x), Math.abs(crop.y - first.y)) / first.side;
  return shift <= MAX_CROP_SHIFT && zoom <= MAX_CROP_ZOOM && zoom >= 1 / MAX_CROP_ZOOM;
}

async function findOnce(input, { dense }) {
  const { places, precision_root: { data: root }, visibility } =
    await dense({ photos: [planes(input), [1, 3, SIZE, SIZE]] });
  const covariance = new Float64Array(root.length);
  for (let i = 0; i < root.length; i += 3) {
    const [x, y] = [1 / root[i], 1 / root[i + 1]];
    const xy = -root[i + 2] * x * y;
    covariance.set([x * x + xy * xy, xy * y, y * y], i);
  }
  return { places: Float64Array.from(places.data), covariance, size: SIZE,
    visibility: Float64Array.from(visibility.data) };
}

function mirroredPoints({ places, covariance, visibility }, { arrays: { points_mirror: twins } }) {
  const out = { places: places.slice(), covariance: covariance.slice(),
    visibility: visibility.map((_, i) => visibility[twins[i]]) };
  twins.forEach((twin, i) => {
    out.places.set([SIZE - 1 - places[2 * twin], places[2 * twin + 1]], 2 * i);
    const [xx, xy, yy] = covariance.subarray(3 * twin, 3 * twin + 3);
    out.covariance.set([xx, -xy, yy], 3 * i);
  });
  return out;
}

function meanOf(one, other) {
  const mean = (name) => one[name].map((value, k) => (value + other[name][k]) / 2);
  return { places: mean("places"), covariance: mean("covariance"), size: SIZE,
    visibility: mean("visibility") };
}

async function fitSlowly(head, seen, alone, tell) {
  const steps = fitHead(head, seen, alone);
  let step = steps.next();
  for (; !step.done; step = steps.next()) await tell("fit", step.value);
  return step.value;
}

function fitAtOnce(head, seen) {
  const steps = fitHead(head, seen);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/* Fit each photo alone and then both, with the face of the side photo that fits the front. */
async function fitPair([front, side], models, tell) {
  const both = async (one, other) => {
    const alone = [one, other].map(({ seen }) => fitAtOnce(models.head, [seen]));
    const fit = await fitSlowly(models.head, [one.seen, other.seen], alone, tell);
    return { fit, front: alone[0], side: alone[1], agreeAbove: models.head.arrays.errors_agree_above[0],
      agreement: fit.evidence - alone[0].evidence - alone[1].evidence };
  };
  let [best, number] = [await both(front, side), 0];
  let chosen = side;
  for (let k = 1; k < side.faces.length && !(best.agreement > best.agreeAbove); k += 1) {
    const face = side.faces[k];
    const other = await lookUpright({ ...side, face }, models);
    const pair = await both(front, other);
    if (pair.agreement > best.agreement) [best, chosen, number] = [pair, other, k];
  }
  const doubts = number ? [otherFace(chosen)] : [];
  let photos = [front, chosen];
  const [frontYaw, sideYaw] = [best.front.yaw, best.side.yaw];
  if (isSwapped(frontYaw, sideYaw)) {
    photos = [{ ...chosen, view: "front" }, { ...front, view: "side" }];
    best = await both(...photos);
    doubts.push(swapped(frontYaw, sideYaw));
  }
  return { fit: best.fit, chosen: photos, agreement: best.agreement,
    doubts: [...doubts, ...aboutPair(best)] };
}
