/* The person's own colours, light evened between photos, and what else is in a photo. */
import { clip, median, percentiles, robustly } from "./numbers.js";
import { boxMean, enlarged, reduced } from "./pages.js";

export const WORK = 512; // side of the page on which all is decided
const DARKEST = 4;
const [LEAST_SPREAD, MOST_SPREAD] = [[0.16, 0.035, 0.05], [0.3, 0.09, 0.14]];
const [ALIKE, SURE, FEW, BARE, AMONG_ALIKE] = [2.5, 0.25, 50, 0.1, 0.85];
export const HAIR_MM = 64;
const [HAIRY_MM, BEFORE_MM] = [6, 8];
const [EARS, EAR_SEEN, EAR_SURE] = [0.1, 0.4, 0.6];
const FACTORS = [0.28209479, 0.48860251, 0.48860251, 0.48860251, 1.09254843, 1.09254843, 0.31539157,
  1.09254843, 0.54627422];
const [RIDGE, LOOSE, FIXED, SYMMETRY, OUTLIER, MOST] = [12, 0.1, 1e4, 0.5, 0.15, 1.2];

/* By texel of a page, or by colour of a list, 0..255: logs of green, red/green and blue/green. */
function logsOf(colors) {
  const logs = new Float32Array(colors).map((value) => Math.log(Math.max(value, DARKEST)));
  for (let at = 0; at < logs.length; at += 3) {
    const green = logs[at + 1];
    logs[at + 1] = logs[at] - green;
    logs[at + 2] -= green;
    logs[at] = green;
  }
  return logs;
}

/* A normal distribution of such logs. */
class Tone {
  constructor(logs) {
    const channels = [0, 1, 2].map((c) => logs.filter((_, k) => k % 3 === c));
    this.middle = channels.map(median);
    this.spread = channels.map((values, c) => clip(
      1.4826 * median(values.map((value) => Math.abs(value - this.middle[c]))),
      LEAST_SPREAD[c], MOST_SPREAD[c]));
  }

  distance(logs, at) {
    let total = 0;
    for (let c = 0; c < 3; c += 1) {
      total += ((logs[3 * at + c] - this.middle[c]) / this.spread[c]) ** 2;
    }
    return Math.sqrt(total);
  }

  /* By texel: 1 for colours alike, 0 for others. */
  likeness(logs) {
    return perTexel((at) => Math.exp(-(Math.max(this.distance(logs, at) - ALIKE, 0) ** 2)));
  }

  get color() {
    const [green, red, blue] = this.middle;
    return [green + red, green, green + blue].map(Math.exp);
  }
}

export const perTexel = (value) => {
  const out = new Float32Array(WORK * WORK);
  for (let at = 0; at < out.length; at += 1) out[at] = value(at);
  return out;
};

/* Three numbers of each texel that is wanted. */
function those(page, isWanted) {
  const out = [];
  for (let at = 0; at < WORK * WORK; at += 1) {
    if (isWanted(at)) out.push(page[3 * at], page[3 * at + 1], page[3 * at + 2]);
  }
  return Float32Array.from(out);
}

function measured(logs, rated, where) {
  for (const least of [SURE, 0]) {
    const found = those(logs, (at) => where(at) && rated[at] > least);
    if (found.length >= 3 * FEW) return new Tone(found);
  }
  const seen = those(logs, (at) => rated[at] > 0);
  return new Tone(seen.length ? seen : logs);
}

const isLeft = (at) => at % WORK < WORK / 2;

/* Tones of skin, lips and hair (or null) in a photo, and how far each texel is the person's. */
export function ownColors(page, rated, framed, maps) {
  const logs = logsOf(page);
  const hairMm = maps.hair.map((value) => (value - 0.5) * HAIR_MM);
  const skin = measured(logs, rated, (at) =>
    maps.inner[at] > 0.5 && maps.features[at] < BARE && maps.eyes[at] === 0);
  let alike = skin.likeness(logs);
  const hair = hairOf(logs, rated, skin, hairMm);
  if (hair) {
    const own = hair.likeness(logs);
    alike = alike.map((value, at) => Math.max(value, hairMm[at] > -BEFORE_MM ? own[at] : 0));
  }
  const free = freeOfGlasses(logs, rated, skin, maps);
  const around = alikeAround(alike, 5);
  const share = around.map((value, at) => {
    const exempt = Math.max(maps.inner[at], maps.features[at]) * free[at];
    return exempt + (1 - exempt) * value;
  });
  const lips = measured(logs, rated, (at) => maps.lips[at] > 0.5);
  const likeLips = lips.likeness(logs);
  const mouth = alikeAround(perTexel((at) => (maps.lips[at] > 0.5 ? likeLips[at] : 1)), 2);
  for (let at = 0; at < share.length; at += 1) share[at] *= framed?.[at] ? 0 : mouth[at];
  if (hair && hair.middle[0] > skin.middle[0]) {
    hair.middle = hair.middle.map((value, c) => (c ? value / 2 : value));
  }
  const doubtful = [true, false].map((left) => isDoubtfulEar(left, share, rated, maps.ears));
  return { logs, skin, lips, hair, share: share.map((value, at) =>
    value * (doubtful[isLeft(at) ? 0 : 1] ? 1 - (1 - EARS) * maps.ears[at] : 1)) };
}

const alikeAround = (alike, reach) => boxMean(alike, WORK, reach)
  .map((value) => clip((value - AMONG_ALIKE) / (1 - AMONG_ALIKE), 0, 1));

function hairOf(logs, rated, skin, hairMm) {
  const isThere = (at) => hairMm[at] > HAIRY_MM && rated[at] > 0.05;
  const there = those(logs, isThere);
  const other = those(logs, (at) => isThere(at)
    && (logs[3 * at] - skin.middle[0] < -0.45 || logs[3 * at + 1] - skin.middle[1] < -0.15));
  if (other.length < Math.max(0.2 * there.length, 12 * FEW)) return null;
  const hair = new Tone(other);
  const [, red, blue] = hair.middle;
  return red > -0.15 && red < 0.9 && blue > -1.2 && blue < 0.25 ? hair : null;
}

function freeOfGlasses(logs, rated, skin, maps) {
  const distance = perTexel((at) => skin.distance(logs, at));
  const bare = (at) => maps.beard[at] < BARE && maps.features[at] < BARE;
  const strange = boxMean(perTexel((at) => (bare(at) && distance[at] > 4 ? 1 : 0)), WORK, 1);
  const isDark = [true, false].map((left) => {
    const around = distance.filter((_, at) =>
      isLeft(at) === left && maps.eyes[at] > 0 && bare(at) && rated[at] > 0);
    return around.length > FEW && median(around) > 3;
  });
  return strange.map((value, at) =>
    (value < 0.3 && !(maps.eyes[at] > 0 && isDark[isLeft(at) ? 0 : 1]) ? 1 : 0));
}

function isDoubtfulEar(left, share, rated, ears) {
  let [shown, skin, all] = [0, 0, 0];
  for (let at = 0; at < ears.length; at += 1) {
    if (isLeft(at) !== left) continue;
    all += ears[at];
    shown += rated[at] > 0 ? ears[at] : 0;
    skin += rated[at] > 0 ? ears[at] * share[at] : 0;
  }
  return !(shown > EAR_SEEN * all && skin > EAR_SURE * shown);
}

/* A factor per texel and channel for each photo that evens its light: nine numbers for its
 * brightness over the sphere of normals, and one a channel for its colour. */
export function eveningGains(pages, quality, normals, reference) {
  const small = (page, channels = 1) =>
    reduced(reduced(reduced(page, 512, channels), 256, channels), 128, channels);
  const weights = quality.map((each) => small(each));
  const logs = pages.map((page, k) =>
    small(page.map((value, i) => value * quality[k][Math.floor(i / 3)]), 3).map((value, i) =>
      Math.log(Math.max(value / Math.max(weights[k][Math.floor(i / 3)], 1e-6), DARKEST))));
  const harmonics = normals.map((each) => harmonicsOf(small(each, 3)));
  const rows = equations(logs, weights, harmonics);
  const count = pages.length;
  const ridge = Array.from({ length: 9 * count }, (_, k) =>
    (k % 9 ? RIDGE : k === 9 * reference ? FIXED : LOOSE));
  const grey = rows.map(({ off }) => (off[0] + off[1] + off[2]) / 3);
  const shares = rows.map(({ weight }) => weight);
  const found = robustly(rows.map(({ row }) => row), grey, shares, ridge, OUTLIER);
  const flat = rows.map(({ row }) => pages.map((_, k) => row[9 * k]));
  const ofColor = [0, 1, 2].map((c) => robustly(flat, rows.map(({ off }, k) => off[c] - grey[k]),
    shares, pages.map((_, k) => ridge[9 * k]), OUTLIER));
  return normals.map((each, k) => {
    const basis = harmonicsOf(reduced(reduced(each, 512, 3), 256, 3));
    const gains = new Float32Array(128 * 128 * 3).map((_, i) => {
      const from = 9 * Math.floor(i / 3);
      let log = basis[from] * ofColor[i % 3][k];
      for (let h = 0; h < 9; h += 1) log += basis[from + h] * found[9 * k + h];
      return Math.exp(clip(log, -MOST, MOST));
    });
    return enlarged(enlarged(gains, 128, 3), 256, 3);
  });
}

function harmonicsOf(normals) {
  const out = new Float64Array(normals.length * 3);
  for (let at = 0; at < normals.length; at += 3) {
    const length = Math.max(Math.hypot(normals[at], normals[at + 1], normals[at + 2]), 1e-6);
    const [x, y, z] = [normals[at] / length, normals[at + 1] / length, normals[at + 2] / length];
    [1, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
      .forEach((term, k) => { out[3 * at + k] = term * FACTORS[k]; });
  }
  return out;
}

/* Pairs of texels that should be equal: mirrored in one photo, and the same in two. */
function equations(logs, weights, harmonics) {
  const rows = [];
  const add = (a, b, at, other, weight) => {
    if (!(weight > 0.02)) return;
    const row = new Float64Array(9 * logs.length);
    for (let h = 0; h < 9; h += 1) {
      row[9 * a + h] += harmonics[a][9 * at + h];
      row[9 * b + h] -= harmonics[b][9 * other + h];
    }
    rows.push({ row, weight, off: [0, 1, 2].map((c) => logs[b][3 * other + c] - logs[a][3 * at + c]) });
  };
  for (let at = 0; at < 64 * 64; at += 1) {
    const mirror = at - (at % 64) + 63 - (at % 64);
    weights.forEach((weight, a) => {
      if (at % 64 < 32) add(a, a, at, mirror, Math.sqrt(weight[at] * weight[mirror]) * SYMMETRY);
      for (let b = a + 1; b < weights.length; b += 1) {
        add(a, b, at, at, Math.sqrt(weight[at] * weights[b][at]));
      }
    });
  }
  return rows;
}

/* The frames of glasses in photos, which no skin is painted with: true where they are, or null.
 * A line across the nose gives glasses away; thin long lines around the eyes are then frames. */
export function frames(pages, rated, maps) {
  const tones = pages.map((page) => logsOf(page).map((value, k) => value / UNIT[k % 3]));
  if (!tones.some((each, k) => showsBridge(each, rated[k]))) return pages.map(() => null);
  const near = boxMean(maps.eyes.map((value) => (value > 0 ? 1 : 0)), WORK, 8);
  return tones.map((each, k) => {
    const isPlace = (at) => near[at] > 0 && rated[k][at] > 0;
    const bare = (at) => maps.features[at] < 0.5;
    const skin = those(each, (at) => isPlace(at) && bare(at)).filter((_, i) => i % 3 === 0);
    if (!skin.length) return null;
    const middle = median(skin);
    const lines = lineContrast(each, isPlace);
    const marked = perTexel((at) =>
      (isPlace(at) && (bare(at) || each[3 * at] > middle) && lines[at] > 1 ? 1 : 0));
    return boxMean(marked, WORK, 1).map((value) => (value > 0 ? 1 : 0));
  });
}

const UNIT = [0.16, 0.06, 0.08]; // of the three logs, that look equally strong

function showsBridge(tones, rated) {
  const columns = Array.from({ length: 10 }, (_, k) => 251 + k);
  let seen = 0;
  for (let y = 183; y < 204; y += 1) seen += columns.filter((x) => rated[y * WORK + x] > 0).length;
  if (seen < 0.5 * 21 * 10) return false;
  const rows = Array.from({ length: 35 }, (_, k) => [0, 1, 2].map((c) =>
    median(columns.map((x) => tones[3 * ((176 + k) * WORK + x) + c]))));
  return rows.slice(7, -7).some((row, k) => [4, 7].some((reach) => {
    const dot = row.reduce((total, value, c) =>
      total + (value - rows[k + 7 - reach][c]) * (value - rows[k + 7 + reach][c]), 0);
    return Math.sqrt(Math.max(dot, 0)) > 1.5;
  }));
}

/* By texel: how far the best line through it differs, alike, from both its sides. */
function lineContrast(tones, isPlace) {
  const best = new Float32Array(WORK * WORK);
  const places = Array.from(best.keys()).filter(isPlace);
  const around = (placeOf) => places.reduce(([low, high], at) => [
    clip(placeOf(at) - 16, 0, low), clip(placeOf(at) + 17, high, WORK)], [WORK, 0]);
  const [left, right] = around((at) => at % WORK);
  const [top, bottom] = around((at) => Math.floor(at / WORK));
  const shift = (down, across) => Math.round(down) * WORK + Math.round(across);
  const along = new Float32Array(tones.length);
  for (let turn = 0; turn < 8; turn += 1) {
    const [down, across] = [Math.sin, Math.cos].map((f) => f((Math.PI * turn) / 8));
    const steps = [-8, -6, -4, -2, 0, 2, 4, 6, 8].map((step) => 3 * shift(step * down, step * across));
    for (let row = top; row < bottom; row += 1) {
      for (let i = 3 * (row * WORK + left); i < 3 * (row * WORK + right); i += 1) {
        let total = 0;
        for (let k = 0; k < steps.length; k += 1) total += tones[i - steps[k]];
        along[i] = total / steps.length;
      }
    }
    for (const at of places) {
      for (const reach of [4, 7]) {
        const side = 3 * shift(reach * across, -reach * down);
        let dot = 0;
        for (let i = 3 * at; i < 3 * at + 3; i += 1) {
          dot += (along[i] - along[i - side]) * (along[i] - along[i + side]);
        }
        best[at] = Math.max(best[at], Math.sqrt(Math.max(dot, 0)));
      }
    }
  }
  return best;
}

const linear = (value) => clip(value, 0, 1) ** 2.2;

/* Iris and white of the eyes, linear, from the colours between the lids; null if there are none. */
export function eyeColors(display) {
  if (display.length < 60) return null;
  const colors = display.map((color) => color.map(linear));
  const meanOf = (color) => (color[0] + color[1] + color[2]) / 3;
  const brightness = colors.map((color) => Math.log(Math.max(meanOf(color), 1e-3)));
  const [low, high] = percentiles(brightness, [5, 95]);
  const [iris, white] = [[false, 20, 80], [true, 20, 90]].map(([isBright, ...ranks]) => {
    const among = brightness.filter((value) => value > (low + high) / 2 === isBright);
    if (!among.length) return [0, 0, 0];
    const [least, most] = percentiles(among, ranks);
    const chosen = colors.filter((_, k) => brightness[k] > (low + high) / 2 === isBright
      && brightness[k] >= least && brightness[k] <= most);
    return [0, 1, 2].map((c) => median(chosen.map((color) => color[c])));
  });
  const [irisMean, whiteMean] = [meanOf(iris), meanOf(white)];
  const warmth = Math.log(white[0] / Math.max(white[2], 1e-3));
  if (!irisMean || !(whiteMean > 1.5 * irisMean) || warmth > 0.75) return null;
  return { iris: iris.map((v) => (v * clip(irisMean, 0.008, 0.22)) / irisMean),
    white: white.map((v) =>
      ((v + (whiteMean - v) * 0.6) * clip(whiteMean, 0.28, 0.62)) / whiteMean) };
}

/* The colour of the teeth, linear, from what shows between the lips; null if that is too little. */
export function enamelOf(display, skin, gain, visibility) {
  if (visibility && median(visibility.slice(48, 68)) < 0.5) return null;
  const colors = display.map((color) => color.map((value, c) => value * gain[c]));
  const logs = logsOf(colors.flat().map((value) => 255 * value));
  const teeth = colors.map((color, k) => [logs[3 * k], color])
    .filter((_, k) => logs[3 * k + 1] < skin.middle[1] - 0.08);
  if (teeth.length < 60) return null;
  const [low, high] = percentiles(teeth.map(([green]) => green), [40, 95]);
  const lit = teeth.filter(([green]) => green >= low && green <= high);
  return [0, 1, 2].map((c) => linear(median(lit.map(([, color]) => color[c]))));
}

