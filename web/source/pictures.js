/* Pictures of the steps, drawn on canvases. */
import { rasterize, spread } from "./render.js";
import { clip, sparseTimes, cholesky, product } from "./numbers.js";
import { WORK } from "./tones.js";

const [SHOWN_PX, ORANGE, BLUE] = [320, "#e69f00", "#56b4e9"];
const SURE = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const SOURCES = [[0, 114, 178], [230, 158, 0]];

export function canvasOf(width, height, label) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

export function imageOf({ data, width, height }, label) {
  const canvas = canvasOf(width, height, label);
  const rgba = new ImageData(width, height);
  for (let at = 0; at < width * height; at += 1) {
    rgba.data.set([data[3 * at], data[3 * at + 1], data[3 * at + 2], 255], 4 * at);
  }
  canvas.getContext("2d").putImageData(rgba, 0, 0);
  return canvas;
}

/* A part of a photo, (left, top) and side in px, and the way from its px to the canvas. */
function cutOut(photo, left, top, side, label) {
  photo.canvas ??= imageOf(photo.image, "");
  const canvas = canvasOf(SHOWN_PX, SHOWN_PX, label);
  const context = canvas.getContext("2d");
  const scale = SHOWN_PX / side;
  context.drawImage(photo.canvas, (0.5 - left - 0.5) * scale, -top * scale,
    photo.image.width * scale, photo.image.height * scale);
  return { canvas, context, to: ([x, y]) => [(x + 0.5 - left) * scale, (y + 0.5 - top) * scale], scale };
}

export function drawFaces(photo) {
  const side = Math.max(photo.image.width, photo.image.height);
  const { canvas, context, to, scale } = cutOut(photo, (photo.image.width - side) / 2,
    (photo.image.height - side) / 2, side, `The ${photo.view} photo with the faces found in it`);
  for (const face of photo.faces) {
    context.strokeStyle = face === photo.face ? ORANGE : BLUE;
    context.lineWidth = 3;
    const [left, top, right, bottom] = face.box;
    context.strokeRect(...to([left, top]), (right - left) * scale, (bottom - top) * scale);
  }
  return canvas;
}

export function drawPoints(photo) {
  const { crop, seen } = photo;
  const { canvas, context, to, scale } = cutOut(photo, crop.left, crop.top, crop.side,
    `The ${photo.view} photo with the points found, each with an ellipse of two deviations`);
  context.lineWidth = 1;
  for (let i = 0; i < seen.visibility.length; i += 1) {
    const [xx, xy, yy] = seen.covariance.subarray(3 * i, 3 * i + 3);
    const [middle, off] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
    const axes = [middle + off, Math.max(middle - off, 0)].map((v) =>
      (2 * Math.sqrt(v) * scale) / crop.scale);
    context.strokeStyle = seen.visibility[i] > 0.5 ? ORANGE : BLUE;
    context.beginPath();
    context.ellipse(...to(crop.toImage([seen.places[2 * i], seen.places[2 * i + 1]])), ...axes,
      Math.atan2(2 * xy, xx - yy) / 2, 0, 2 * Math.PI);
    context.stroke();
  }
  return canvas;
}

/* The face's mesh over a photo; the camera is that of the crop. */
export function drawMesh(photo, head, coefficients, camera) {
  const { crop } = photo;
  const { canvas, context, to } = cutOut(photo, crop.left, crop.top, crop.side,
    `The ${photo.view} photo with the fitted face mesh over it`);
  const vertices = head.layoutVertices(coefficients);
  const { places } = camera.image(vertices);
  const { layout_triangles: triangles } = head.arrays;
  context.strokeStyle = ORANGE;
  context.lineWidth = 0.5;
  context.beginPath();
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = [0, 1, 2].map((k) => 3 * triangles[t + k]);
    const [[ax, ay], [bx, by], [cx, cy]] =
      corners.map((at) => to(crop.toImage([places[at], places[at + 1]])));
    if ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax) > 0) continue; // faces away
    context.moveTo(ax, ay);
    context.lineTo(bx, by);
    context.lineTo(cx, cy);
  }
  context.stroke();
  return canvas;
}

/* The texture of RGBA bytes as a canvas. */
export function pageOf(pixels, side, label) {
  const canvas = canvasOf(side, side, label);
  canvas.getContext("2d").putImageData(new ImageData(pixels, side, side), 0, 0);
  return canvas;
}

/* Where each texel comes from: the photos, paler where mirrored, grey where made up. */
export function sourcesPage(shares) {
  const count = (shares.length - 1) / 2;
  const colors = [...SOURCES.slice(0, count),
    ...SOURCES.slice(0, count).map((color) => color.map((c) => 128 + c / 2)), [153, 153, 153]];
  const pixels = new Uint8ClampedArray(WORK * WORK * 4).fill(255);
  for (let at = 0; at < WORK * WORK; at += 1) {
    for (let c = 0; c < 3; c += 1) {
      pixels[4 * at + c] = shares.reduce((sum, share, k) => sum + share[at] * colors[k][c], 0);
    }
  }
  return pageOf(pixels, WORK, "Where each place of the texture comes from");
}

/* Standard deviation of each vertex of the surface, mm, all axes together. */
export function deviations(head, { covariance }) {
  const { nHead, nVertices, basis, surface } = head;
  const moved = product(basis, cholesky(covariance, nHead), 3 * nVertices, nHead, nHead);
  const onSurface = sparseTimes(surface.fromHead, moved, 3 * nHead);
  return Float32Array.from({ length: surface.twin.length }, (_, v) =>
    Math.hypot(...onSurface.subarray(v * 3 * nHead, (v + 1) * 3 * nHead)));
}

/* How sure the head is, as a page: dark where precise, bright where a point may be far off. */
export function surenessPage({ surface }, deviationsMm, low, high) {
  const count = deviationsMm.length;
  const places = new Float64Array(3 * count);
  const colors = new Float32Array(3 * count);
  for (let v = 0; v < count; v += 1) {
    places.set([surface.uv[2 * v] * WORK - 0.5, surface.uv[2 * v + 1] * WORK - 0.5, 0], 3 * v);
    const step = clip((deviationsMm[v] - low) / (high - low), 0, 1) * (SURE.length - 1);
    const [a, b] = [SURE[Math.floor(step)], SURE[Math.ceil(step)]];
    colors.set(a.map((value, c) => value + (b[c] - value) * (step % 1)), 3 * v);
  }
  const page = rasterize(places, surface.triangles, WORK, WORK);
  const pixels = new Uint8ClampedArray(WORK * WORK * 4).fill(255);
  const shown = spread(page, surface.triangles, colors);
  page.triangle.forEach((triangle, at) => {
    if (triangle >= 0) pixels.set(shown.subarray(3 * at, 3 * at + 3), 4 * at);
  });
  return pageOf(pixels, WORK, "How sure the head is, by place");
}
