/* The texture of the head: what the photos show, what their mirror image shows, what is made up.
 * The steps of facelib/avatar/texture; all is decided on a page of WORK texels a side. */
import { clip, round, sum } from "./numbers.js";
import { blendedByBands, boxMean, enlarged, filled, flipped, pyramid } from "./pages.js";
import { colorsUnder, nearHead, quality, shows, skinPage, spread, unwrap, viewOf }
  from "./render.js";
import { resized } from "./image.js";
import { WORK, HAIR_MM, enamelOf, eveningGains, eyeColors, frames, ownColors, perTexel }
  from "./tones.js";

const PAGE_MM = 340;
const [FIRST, MIRRORED, MADE_UP, DECIDED, SMOOTH_PX, N_BANDS] = [0.5, 0.3, 0.05, 5, 4, 4];
const [PORES, STRANDS, SKY_SHADE, MOST_GAIN, LEAST_SHARE] = [0.035, 0.045, 0.6, 4, 0.004];
const [SKIN_SHARE, MOUTH_LEFT] = [0.8, 0.88];
const MAPS = ["hair", "features", "inner", "ears", "beard", "eyes", "lips", "sky"];

/* Paint a page of `side` texels: {pixels: RGBA, shares: how much of a texel each source painted}.
 *   photos: {image, camera, vertices, visibility}, the front photo first */
export async function paintHead(photos, head, side, pause = async () => {}) {
  const maps = Object.fromEntries(MAPS.map((name) =>
    [name, new Float32Array(head.arrays[`page_${name}`]).map((value) => value / 255)]));
  const views = photos.map((photo) => viewOf(photo, head.surface));
  const page = skinPage(head.surface, head.arrays.mean_head, WORK);
  await pause();
  const coarse = await decide(photos, views, page, maps, head, side, pause);
  await pause();
  const pixels = inFullSize(photos, views, coarse, maps, head, side);
  paintStrip(pixels, side, innerColors(photos, views, coarse, maps), head.arrays);
  return { pixels, shares: coarse.shares };
}

async function decide(photos, views, page, maps, head, side, pause) {
  const small = photos.map((photo) => nearHead(photo, WORK / PAGE_MM));
  const colors = small.map((photo, k) =>
    new Float32Array(unwrap(photo, views[k], page, WORK)).map((value) => Math.max(value, 1)));
  await pause();
  const sharp = sharpness(photos, side / PAGE_MM);
  const rated = photos.map((photo, k) => {
    const free = uncovered(photo, maps, head);
    return quality(photo, views[k], page, head).map((value, at) =>
      value * free[at] * (colors[k][3 * at] > 1 ? sharp[k] : 0) * (k ? 1 : 1 + FIRST * maps.inner[at]));
  });
  await pause();
  const plain = rated.map((each) => each.map((value, at) => value * (1 - maps.features[at])));
  const middle = plain.map((each) => each.map((value, at) => value * maps.inner[at]));
  const totals = middle.map(sum);
  const best = totals.indexOf(Math.max(...totals));
  const normals = views.map((view) => spread(page, head.surface.triangles, view.normals));
  const gains = eveningGains(colors, middle, normals, best);
  const evened = colors.map((each, k) => each.map((value, i) => value * gains[k][i]));
  await pause();
  const framed = frames(evened, rated, maps);
  const own = evened.map((each, k) => ownColors(each, rated[k], framed[k], maps));
  await pause();
  rated.forEach((each, k) => each.forEach((value, at) => { each[at] = value * own[k].share[at]; }));
  const shares = sharesOf(rated);
  const trusted = plain.map((each, k) => each.map((value, at) => value * own[k].share[at]));
  const { base, strands } = madeUp(evened, trusted, own, best, maps);
  const bands = evened.map((each, k) => {
    const mirror = flipped(shares[photos.length + k], WORK);
    const used = perTexel((at) => (Math.max(shares[k][at], mirror[at]) > 0.05 ? 1 : 0));
    return pyramid(filled(each, used, WORK), WORK, N_BANDS);
  });
  await pause();
  const mirrored = bands.map((levels) => levels.map((band, level) => flipped(band, WORK >> level, 3)));
  const pyramids = [...bands, ...mirrored, pyramid(base, WORK, N_BANDS)];
  const made = shares.at(-1);
  const blended = blendedByBands(pyramids, shares, WORK).map((value, i) => {
    const at = Math.floor(i / 3);
    const isFrame = framed.some((each) => each?.[at]);
    return value * (1 - (isFrame ? 0 : SKY_SHADE * (1 - maps.sky[at]) * made[at]));
  });
  return { colors, evened, rated, own, shares, strands, blended };
}

function sharpness(photos, texelsPerMm) {
  const finest = Math.max(...photos.map(({ camera }) => camera.scale));
  return photos.map(({ camera }) => Math.min(camera.scale / Math.min(finest, texelsPerMm), 1));
}

/* By texel: 0 where the points are hidden by something that covers the face. */
function uncovered({ visibility }, maps, { arrays: { page_points_uv: uv } }) {
  const side = WORK / 8;
  const [seen, all] = [new Float32Array(side * side), new Float32Array(side * side)];
  visibility.forEach((value, k) => {
    const shown = clip((value - 0.15) / 0.35, 0, 1);
    const [across, down] = [0, 1].map((c) => Array.from({ length: side }, (_, place) =>
      Math.exp(-((((place + 0.5) / side - uv[2 * k + c]) / 0.03) ** 2) / 2)));
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const weight = down[y] * across[x];
        seen[y * side + x] += weight * shown;
        all[y * side + x] += weight;
      }
    }
  });
  let free = seen.map((value, at) => (value + 0.05) / (all[at] + 0.05));
  for (let wide = side; wide < WORK; wide *= 2) free = enlarged(free, wide);
  return free.map((value, at) =>
    Math.max(value, clip(1 + ((maps.hair[at] - 0.5) * HAIR_MM) / 8, 0, 1)));
}

/* How much each source paints of a texel: photos, mirrored photos, made up; they sum to 1. */
function sharesOf(rated) {
  const smooth = rated.map((each) =>
    boxMean(each, WORK, SMOOTH_PX).map((value, at) => (each[at] > 0 ? value : 0)));
  const mirrored = smooth.map((each) => flipped(each, WORK).map((value) => value * MIRRORED));
  const sources = [...smooth, ...mirrored, perTexel(() => MADE_UP)];
  for (let at = 0; at < WORK * WORK; at += 1) {
    const most = Math.max(...sources.map((each) => each[at]));
    const powers = sources.map((each) => (each[at] / most) ** DECIDED);
    const total = sum(powers);
    sources.forEach((each, k) => { each[at] = powers[k] / total; });
  }
  return sources;
}

/* What no photo shows: the skin around it, continued; plain lips and hair. */
function madeUp(evened, plain, own, best, maps) {
  const weights = plain.map((each, k) => {
    const bare = own[k].skin.likeness(own[k].logs);
    return each.map((value, at) => (maps.hair[at] < 0.5 ? (value * bare[at]) ** 2 : 0));
  });
  const half = perTexel((at) => weights.reduce((total, each) => total + each[at], 0));
  const mirror = flipped(half, WORK);
  const total = half.map((value, at) => value + mirror[at]);
  const seen = new Float32Array(WORK * WORK * 3).map((_, i) =>
    weights.reduce((all, each, k) => all + each[Math.floor(i / 3)] * evened[k][i], 0));
  const other = flipped(seen, WORK, 3);
  const shown = seen.map((value, i) => (value + other[i]) / Math.max(total[Math.floor(i / 3)], 1e-9));
  const known = total.map((value) => clip((Math.sqrt(value) - 0.15) / 0.3, 0, 1));
  const amount = sum(known);
  const tone = amount < 1 ? own[best].skin.color : [0, 1, 2].map((c) =>
    sum(known.map((value, at) => value * shown[3 * at + c])) / amount);
  const base = filled(shown, known, WORK, tone);
  const hair = [own[best], ...own].map((each) => each.hair).find(Boolean);
  const strands = perTexel((at) =>
    (hair ? 1 / (1 + Math.exp(-((maps.hair[at] - 0.5) * HAIR_MM) / 2.5)) : 0));
  const [lips, hairColor] = [own[best].lips.color, hair?.color];
  return { strands, base: base.map((value, i) => {
    const at = Math.floor(i / 3);
    const skin = value + (lips[i % 3] - value) * maps.lips[at];
    return hair ? skin + (hairColor[i % 3] - skin) * strands[at] : skin;
  }) };
}

/* The coarse page with the photos' detail: each photo times what the page is to the coarse photo. */
function inFullSize(photos, views, coarse, maps, head, side) {
  const { shares, blended, colors, strands } = coarse;
  const page = skinPage(head.surface, head.arrays.mean_head, side);
  const fine = photos.map((photo, k) =>
    unwrap(nearHead(photo, side / PAGE_MM), views[k], page, side));
  const gains = [...colors, ...colors.map((each) => flipped(each, WORK, 3))].map((seen, k) =>
    blended.map((value, i) => Math.min(value / seen[i], MOST_GAIN) * shares[k][Math.floor(i / 3)]));
  const finest = Math.max(...photos.map(({ camera }) => camera.scale)) / (side / PAGE_MM);
  const made = shares.at(-1);
  const gaps = boxMean(made, WORK, 6);
  const pores = perTexel((at) =>
    PORES * clip(finest, 0.25, 1) * made[at] * gaps[at] * (1 - strands[at]));
  const { page_detail: detail, page_strands: hair } = head.arrays;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let row = 0; row < round(SKIN_SHARE * side); row += 1) {
    const y = clip(((row + 0.5) * WORK) / side - 0.5, 0, WORK - 1);
    const top = Math.min(Math.trunc(y), WORK - 2);
    for (let col = 0; col < side; col += 1) {
      const x = ((col + 0.5) * WORK) / side - 0.5;
      const left = (Math.floor(x) + WORK) % WORK;
      const right = (left + 1) % WORK;
      const [fx, fy] = [x - Math.floor(x), y - top];
      const cells = [top * WORK + left, top * WORK + right, (top + 1) * WORK + left,
        (top + 1) * WORK + right];
      const [a, b, c, d] = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy];
      const between = (values, step, offset) => values[cells[0] * step + offset] * a
        + values[cells[1] * step + offset] * b + values[cells[2] * step + offset] * c
        + values[cells[3] * step + offset] * d;
      const color = [0, 0, 0];
      let sure = 0;
      for (let source = 0; source < gains.length; source += 1) {
        const share = between(shares[source], 1, 0);
        if (share < LEAST_SHARE) continue;
        const isMirror = source >= fine.length;
        const from = (row * side + (isMirror ? side - 1 - col : col)) * 3;
        const photo = fine[source % fine.length];
        if (!photo[from]) continue;
        sure += share;
        for (let k = 0; k < 3; k += 1) color[k] += photo[from + k] * between(gains[source], 3, k);
      }
      if (1 - sure > LEAST_SHARE) {
        const tile = (row % 512) * 512 + (col % 512);
        const grain = (pores[cells[0]] * detail[tile]
          + STRANDS * strands[cells[0]] * hair[tile]) / 32;
        for (let k = 0; k < 3; k += 1) color[k] += (1 - sure) * (1 + grain) * between(blended, 3, k);
      }
      const at = (row * side + col) * 4;
      for (let k = 0; k < 3; k += 1) pixels[at + k] = Math.floor(color[k] + 0.5);
    }
  }
  return pixels;
}

function innerColors(photos, views, { own, colors, evened, rated }, maps) {
  const eyes = photos.map((photo, k) => eyeColors(colorsUnder(views[k], photo,
    boxMean(shows(views[k], "eyes"), 448, 2).map((value) => (value > 0.999 ? 1 : 0))))).find(Boolean);
  const { iris, white } = eyes ?? { iris: [0.09, 0.042, 0.02], white: [0.5, 0.46, 0.43] };
  const enamel = photos.map((photo, k) => {
    let [count, logs] = [0, [0, 0, 0]];
    for (let at = 0; at < WORK * WORK; at += 1) {
      if (!(maps.lips[at] > 0.5 && rated[k][at] > 0)) continue;
      count += 1;
      logs = logs.map((log, c) => log + Math.log(evened[k][3 * at + c] / colors[k][3 * at + c]));
    }
    const gain = logs.map((log) => Math.exp(log / Math.max(count, 1)));
    const shown = colorsUnder(views[k], photo, shows(views[k], "teeth", "mouth"));
    return enamelOf(shown, own[k].skin, gain, photo.visibility);
  }).find(Boolean);
  const shade = (white[0] + white[1] + white[2]) / (0.5 + 0.46 + 0.43);
  return { iris, white, enamel: enamel ?? [0.3, 0.26, 0.21].map((value) => value * shade) };
}

/* The strip below the skin: eyes, teeth, tongue and the mouth's cavity, in the generator's paint. */
function paintStrip(pixels, side, { iris, white, enamel }, arrays) {
  const [top, quarter] = [round(SKIN_SHARE * side), side / 4];
  const [gum, tongue, lips, throat] =
    [[0.22, 0.078, 0.072], [0.24, 0.075, 0.07], [0.24, 0.07, 0.06], [0.02, 0.006, 0.006]];
  const inner = iris.map((value, c) => value * [1.5, 1.25, 0.8][c]);
  const eye = { width: 128, height: 128, data: Float32Array.from(arrays.page_eye_iris, (value, i) =>
    (1.6 / 255) * (value * iris[i % 3] + arrays.page_eye_inner[i] * inner[i % 3]
      + arrays.page_eye_white[i] * white[i % 3])) };
  const teeth = { width: 128, height: 128, data: new Float32Array(128 * 128 * 3).map((_, i) => {
    const color = (enamel[i % 3] * arrays.page_tooth_light[Math.floor(i / 3)]) / 255;
    return color + ((gum[i % 3] - color) * arrays.page_tooth_gum[Math.floor(i / 3)]) / 255;
  }) };
  const put = (row, col, linear) => {
    const at = ((top + row) * side + col) * 4;
    linear.forEach((value, c) => { pixels[at + c] = round(255 * clip(value, 0, 1) ** (1 / 2.2)); });
  };
  const height = side - top;
  [eye, eye, teeth].forEach((paint, number) => {
    const [left, right] = [round(number * quarter), round((number + 1) * quarter)];
    const wide = resized(paint, right - left, height);
    for (let row = 0; row < height; row += 1) {
      for (let col = left; col < right; col += 1) {
        const from = (row * (right - left) + col - left) * 3;
        put(row, col, wide.data.subarray(from, from + 3));
      }
    }
  });
  for (let row = 0; row < height; row += 1) {
    const inward = lips.map((value, c) => value + ((throat[c] - value) * row) / (height - 1));
    for (let col = round(3 * quarter); col < side; col += 1) {
      put(row, col, col < round(MOUTH_LEFT * side) ? tongue : inward);
    }
  }
}
