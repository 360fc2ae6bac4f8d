/* The most likely head behind the points of one or two photos: Levenberg-Marquardt with a prior.
 * Chapter "What two photos tell" derives it; facelib/fitting is the same in Python. */
import { Camera, poseOf, rotationFrom, spinOf, vectorFrom } from "./camera.js";
import { cholesky, gram, inverseOfRoot, solveByRoot, squared, sum } from "./numbers.js";

const N_CAMERA = 7; // rotation vector, log scale, origin x and y, log distance
const [DISTANCE_MM, DISTANCE_SPREAD, CHANGE, CUT, FLAT] = [1500, 0.7, 0.05, 4, 1e-9];
const [WIDEST, NARROWED, TOLERANCE, MAX_STEPS, HARDEST] = [64, 0.25, 1e-3, 40, 1e6];
const [FAR_MM, SIDE_FROM_DEG, NEAREST] = [1e7, 45, 0.05];

/* A camera in closed form: weak perspective of the mean head, at a given distance. */
function firstCamera(head, seen, distanceMm) {
  const { places, covariance, visibility } = seen;
  const raw = visibility.map((v, i) => v / (covariance[3 * i] + covariance[3 * i + 2]));
  const weights = raw.map((w) => w / sum(raw));
  const points = (i) => [...head.pointMean.subarray(3 * i, 3 * i + 3), places[2 * i],
    -places[2 * i + 1]];
  const mean = [0, 1, 2, 3, 4].map((k) => sum(weights.map((w, i) => w * points(i)[k])));
  const [square, right] = [new Float64Array(9), [new Float64Array(3), new Float64Array(3)]];
  weights.forEach((w, i) => {
    const p = points(i).map((value, k) => value - mean[k]);
    for (let a = 0; a < 3; a += 1) {
      for (let b = 0; b < 3; b += 1) square[3 * a + b] += w * p[a] * p[b];
      for (let axis = 0; axis < 2; axis += 1) right[axis][a] += w * p[a] * p[3 + axis];
    }
  });
  const root = cholesky(square, 3);
  const [m, n] = right.map((side) => solveByRoot(root, 3, side));
  // The rows made perpendicular and equally long: by the inverse root of the 2 × 2 matrix of both.
  const dot = (u, v) => u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
  const [a, b, c] = [dot(m, m), dot(m, n), dot(n, n)];
  const det = Math.sqrt(a * c - b * b);
  const trace = Math.sqrt(a + c + 2 * det); // of the root: the sum of the singular values
  const [p, q, s] = [(c + det) / det / trace, -b / det / trace, (a + det) / det / trace];
  const x = [0, 1, 2].map((k) => p * m[k] + q * n[k]);
  const y = [0, 1, 2].map((k) => q * m[k] + s * n[k]);
  const z = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
  const scale = trace / 2;
  return [...vectorFrom([...x, ...y, ...z]), Math.log(scale), mean[3] - scale * dot(x, mean),
    -(mean[4] - scale * dot(y, mean)), Math.log(distanceMm)];
}

function cameraOf(numbers, seen) {
  const [scale, distance] = [Math.exp(numbers[3]), Math.exp(numbers[6])];
  const origin = [numbers[4], numbers[5]];
  const centre = seen.principal ?? origin;
  const translation =
    [(origin[0] - centre[0]) / scale, (centre[1] - origin[1]) / scale, -distance];
  return new Camera({ rotation: rotationFrom(numbers), translation, centre, scale,
    focal: scale * distance });
}

/* What stays constant during a fit: how the points of a photo are weighed. */
function pointModel(head, seen) {
  const { places, covariance } = seen;
  const { nPoints, nHead } = head;
  const yaw = poseOf(rotationFrom(firstCamera(head, seen, FAR_MM)))[1];
  const { right, left } = head.errors[Math.abs(yaw) > SIDE_FROM_DEG ? 1 : 0];
  const errors = yaw >= 0 ? right : left;
  const nPatterns = errors.patterns.length / nPoints / 2;
  const width = nPatterns + nHead;
  const [whiten, offset] = [new Float64Array(4 * nPoints), new Float64Array(2 * nPoints)];
  const linear = new Float64Array(2 * nPoints * width);
  const [cos, sin] = rollOf(head, places);
  for (let i = 0; i < nPoints; i += 1) {
    const [xx, xy, yy] = covariance.subarray(3 * i, 3 * i + 3);
    // In the upright frame, then its root, whose columns turn back to the image.
    const a = Math.sqrt(cos * cos * xx + 2 * cos * sin * xy + sin * sin * yy);
    const b = (cos * sin * (yy - xx) + (cos * cos - sin * sin) * xy) / a;
    const c = Math.sqrt(sin * sin * xx - 2 * cos * sin * xy + cos * cos * yy - b * b);
    const own = [Math.sqrt(errors.own[2 * i]), Math.sqrt(errors.own[2 * i + 1])];
    // The inverse of ((a, 0), (b, c)) · diag(own), times the rotation to the upright frame.
    const inverse = [1 / (a * own[0]), 0, -b / (a * c * own[1]), 1 / (c * own[1])];
    for (let r = 0; r < 2; r += 1) {
      whiten[4 * i + 2 * r] = inverse[2 * r] * cos - inverse[2 * r + 1] * sin;
      whiten[4 * i + 2 * r + 1] = inverse[2 * r] * sin + inverse[2 * r + 1] * cos;
      const row = 2 * i + r;
      let shift = errors.offset[row];
      for (let k = 0; k < nHead; k += 1) {
        const slope = errors.slope[row * nHead + k];
        shift -= slope * head.arrays.prior_likeliest[k];
        linear[row * width + nPatterns + k] = slope / own[r];
      }
      for (let k = 0; k < nPatterns; k += 1) {
        linear[row * width + k] = errors.patterns[row * nPatterns + k] / own[r];
      }
      offset[row] = shift / own[r];
    }
  }
  return { seen, whiten, offset, linear, nPatterns, width };
}

/* Cosine and sine of the roll of a face: of the similarity that maps the mean head to it. */
function rollOf(head, places) {
  const n = head.nPoints;
  const mean = [0, 1].map((k) => sum(Array.from({ length: n }, (_, i) =>
    head.pointMean[3 * i + k])) / n);
  let [real, imaginary] = [0, 0];
  for (let i = 0; i < n; i += 1) {
    const [u, v] = [head.pointMean[3 * i] - mean[0], head.pointMean[3 * i + 1] - mean[1]];
    real += u * places[2 * i] - v * places[2 * i + 1];
    imaginary += u * places[2 * i + 1] + v * places[2 * i];
  }
  const length = Math.hypot(real, imaginary);
  return [real / length, imaginary / length];
}

/* The residuals of a photo and, if wanted, minus their derivatives by its unknowns. */
function residualsOf(head, model, unknowns, withJacobian) {
  const { seen, whiten, offset, linear, nPatterns, width } = model;
  const { nPoints, nHead } = head;
  const coefficients = unknowns.subarray(N_CAMERA + nPatterns);
  const r = rotationFrom(unknowns);
  const spin = spinOf(unknowns);
  const [scale, nearness] = [Math.exp(unknowns[3]), Math.exp(-unknowns[6])];
  const origin = [unknowns[4], unknowns[5]];
  const shift = seen.principal ? origin.map((o, k) => o - seen.principal[k]) : [0, 0];
  const columns = N_CAMERA + width;
  const residuals = new Float64Array(2 * nPoints);
  const jacobian = withJacobian && new Float64Array(4 * Math.ceil(nPoints / 2) * columns);
  for (let i = 0; i < nPoints; i += 1) {
    const point = [0, 1, 2].map((axis) => {
      let total = head.pointMean[3 * i + axis];
      const from = (3 * i + axis) * nHead;
      for (let k = 0; k < nHead; k += 1) total += head.pointBasis[from + k] * coefficients[k];
      return total;
    });
    const q = [0, 3, 6].map((k) => r[k] * point[0] + r[k + 1] * point[1] + r[k + 2] * point[2]);
    const flat = [scale * q[0], -scale * q[1]];
    const depth = Math.max(1 - nearness * q[2], NEAREST);
    const fromAxis = [(flat[0] + shift[0]) / depth, (flat[1] + shift[1]) / depth];
    const off = [0, 1].map((k) => seen.places[2 * i + k] - (origin[k] - shift[k] + fromAxis[k]));
    const w = whiten.subarray(4 * i, 4 * i + 4);
    for (let row = 0; row < 2; row += 1) {
      let error = offset[2 * i + row];
      const from = (2 * i + row) * width;
      for (let k = 0; k < width; k += 1) error += linear[from + k] * unknowns[N_CAMERA + k];
      residuals[2 * i + row] = w[2 * row] * off[0] + w[2 * row + 1] * off[1] - error;
    }
    if (!withJacobian) continue;
    const byRotated = [
      [scale / depth, 0, (nearness * fromAxis[0]) / depth],
      [0, -scale / depth, (nearness * fromAxis[1]) / depth]];
    const byPlace = byRotated.map(([a, b, c], axis) => {
      const bySpin = [b * -q[2] + c * q[1], a * q[2] + c * -q[0], a * -q[1] + b * q[0]];
      const byVector = [0, 1, 2].map((k) =>
        bySpin[0] * spin[k] + bySpin[1] * spin[3 + k] + bySpin[2] * spin[6 + k]);
      const byOrigin = [0, 0];
      byOrigin[axis] = seen.principal ? 1 / depth : 1;
      return [...byVector, flat[axis] / depth, ...byOrigin,
        (-nearness * q[2] * fromAxis[axis]) / depth,
        ...[0, 1, 2].map((k) => a * r[k] + b * r[3 + k] + c * r[6 + k])];
    });
    for (let row = 0; row < 2; row += 1) {
      const by = byPlace[0].map((x, k) => w[2 * row] * x + w[2 * row + 1] * byPlace[1][k]);
      const at = (2 * i + row) * columns;
      for (let k = 0; k < N_CAMERA; k += 1) jacobian[at + k] = by[k];
      const from = (2 * i + row) * width;
      for (let k = 0; k < width; k += 1) jacobian[at + N_CAMERA + k] = linear[from + k];
      for (let axis = 0; axis < 3; axis += 1) {
        const basis = (3 * i + axis) * nHead;
        const to = at + N_CAMERA + nPatterns;
        const factor = by[N_CAMERA + axis];
        for (let k = 0; k < nHead; k += 1) jacobian[to + k] += factor * head.pointBasis[basis + k];
      }
    }
  }
  return { residuals, jacobian, columns, visibility: seen.visibility };
}

/* Number the unknowns: each photo's camera, patterns and change of expression; then the head. */
function problemOf(head, photos) {
  const { nShape, nActions, nHead } = head;
  const models = photos.map((seen) => pointModel(head, seen));
  const sizes = models.map(({ nPatterns }, k) => N_CAMERA + nPatterns + (k ? nActions : 0));
  const first = sum(sizes);
  const n = first + nHead;
  const [precision, likeliest] = [new Float64Array(n * n), new Float64Array(n)];
  const add = (i, j, value) => { precision[i * n + j] += value; };
  for (let i = 0; i < first; i += 1) add(i, i, 1);
  for (let i = 0; i < nHead; i += 1) {
    likeliest[first + i] = head.arrays.prior_likeliest[i];
    for (let j = 0; j < nHead; j += 1) add(first + i, first + j, head.precision[i * nHead + j]);
  }
  const slots = models.map(({ nPatterns }, number) => {
    const start = sum(sizes.slice(0, number));
    const own = Array.from({ length: N_CAMERA + nPatterns }, (_, k) => start + k);
    const expression = Array.from({ length: nActions }, (_, k) => first + nShape + k);
    if (number) {
      expression.forEach((slot, k) => {
        const changed = start + own.length + k;
        likeliest[changed] = likeliest[slot];
        precision[changed * n + changed] = 0;
        pair(add, slot, changed, CHANGE ** -2, -1);
        expression[k] = changed;
      });
    }
    for (let k = 0; k < N_CAMERA; k += 1) precision[own[k] * n + own[k]] = FLAT;
    precision[own[6] * n + own[6]] = DISTANCE_SPREAD ** -2;
    likeliest[own[6]] = Math.log(DISTANCE_MM);
    const { focal, focalSpread } = photos[number];
    if (focal) {
      likeliest[own[3]] = Math.log(focal / DISTANCE_MM);
      pair(add, own[3], own[6], focalSpread ** -2, 1);
    }
    const shape = Array.from({ length: nShape }, (_, k) => first + k);
    return Int32Array.from([...own, ...shape, ...expression]);
  });
  return { head, models, slots, precision, likeliest, n, first };
}

function pair(add, i, j, weight, sign) {
  add(i, i, weight);
  add(j, j, weight);
  add(i, j, sign * weight);
  add(j, i, sign * weight);
}

/* The energy at some unknowns and, if wanted, its gradient and its Gauss-Newton matrix. */
function expand({ head, models, slots, precision, likeliest, n }, unknowns, cut, withMatrix) {
  const away = unknowns.map((value, k) => value - likeliest[k]);
  const gradient = new Float64Array(n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) gradient[i] += precision[i * n + j] * away[j];
  }
  let energy = 0.5 * sum(away.map((value, k) => value * gradient[k]));
  const information = withMatrix && Float64Array.from(precision);
  models.forEach((model, number) => {
    const at = slots[number];
    const seen = residualsOf(head, model, Float64Array.from(at, (k) => unknowns[k]), withMatrix);
    const { residuals, jacobian, columns, visibility } = seen;
    const bound = cut * cut;
    for (let i = 0; i < visibility.length; i += 1) {
      const square = residuals[2 * i] ** 2 + residuals[2 * i + 1] ** 2;
      energy += (0.5 * visibility[i] * square * bound) / (bound + square);
      const root = Math.sqrt(visibility[i]) * (bound / (bound + square));
      for (let row = 2 * i; withMatrix && row < 2 * i + 2; row += 1) {
        for (let a = 0, k = row * columns; a < columns; a += 1, k += 1) {
          jacobian[k] *= root;
          gradient[at[a]] -= jacobian[k] * root * residuals[row];
        }
      }
    }
    const bend = withMatrix && gram(jacobian, columns);
    for (let a = 0; withMatrix && a < columns; a += 1) {
      for (let b = 0; b < columns; b += 1) {
        information[at[a] * n + at[b]] += bend[Math.max(a, b) * columns + Math.min(a, b)];
      }
    }
  });
  return { energy, gradient, information };
}

function* minimise(problem, start, isNear) {
  const { n } = problem;
  let [unknowns, wide, damping] = [start, isNear ? 1 : WIDEST, 1e-4];
  let here = expand(problem, unknowns, CUT * wide, true);
  for (let step = 0; step < MAX_STEPS && damping < HARDEST; step += 1) {
    const damped = Float64Array.from(here.information);
    for (let k = 0; k < n; k += 1) damped[k * n + k] *= 1 + damping;
    const root = cholesky(damped, n);
    const move = root && solveByRoot(root, n, here.gradient);
    const trial = root && unknowns.map((value, k) => value - move[k]);
    const gain = root ? here.energy - expand(problem, trial, CUT * wide, false).energy : NaN;
    if (!(gain >= 0)) {
      damping *= 10;
      continue;
    }
    damping *= 0.1;
    unknowns = trial;
    if (wide === 1 && gain < TOLERANCE) break;
    wide = Math.max(wide * NARROWED, 1);
    here = expand(problem, unknowns, CUT * wide, true);
    yield unknowns;
  }
  return { unknowns, ...expand(problem, unknowns, CUT, true) };
}

/* Fit a head to the points of photos. Yields a camera and coefficients at each step, and returns
 * {coefficients, expressions, cameras, numbers, covariance, evidence, yaw}. */
export function* fitHead(head, photos, alone = []) {
  const problem = problemOf(head, photos);
  const { n, first, slots, precision } = problem;
  const start = Float64Array.from(problem.likeliest);
  photos.forEach((seen, number) => {
    const near = alone[number];
    const numbers = near ? near.numbers[0] : firstCamera(head, seen, DISTANCE_MM);
    numbers.forEach((value, k) => { start[slots[number][k]] = value; });
    near?.coefficients.forEach((value, k) => {
      start[slots[number][slots[number].length - head.nHead + k]] = value;
    });
  });
  const steps = minimise(problem, start, alone.length > 0);
  const numbersIn = (unknowns, number) =>
    Array.from({ length: N_CAMERA }, (_, k) => unknowns[slots[number][k]]);
  let step = steps.next();
  for (; !step.done; step = steps.next()) {
    yield { coefficients: step.value.slice(first),
      camera: cameraOf(numbersIn(step.value, 0), photos[0]) };
  }
  const { unknowns, energy, information } = step.value;
  for (let k = 0; k < n; k += 1) information[k * n + k] *= 1 + 1e-12;
  const logs = (root) => sum(Array.from({ length: n }, (_, k) => Math.log(root[k * n + k])));
  const root = cholesky(information, n);
  const corner = new Float64Array(head.nHead ** 2);
  for (let i = 0; i < head.nHead; i += 1) {
    const from = (first + i) * n + first;
    corner.set(root.subarray(from, from + i + 1), i * head.nHead);
  }
  const tooSure = head.arrays.errors_too_sure[0];
  const free = inverseOfRoot(corner, head.nHead).map((value) => value * tooSure);
  const numbers = photos.map((_, number) => numbersIn(unknowns, number));
  const cameras = numbers.map((each, k) => cameraOf(each, photos[k]));
  return {
    numbers, cameras, covariance: squared(free, head.nHead), coefficients: unknowns.slice(first),
    evidence: logs(cholesky(precision, n)) - logs(root) - energy,
    expressions: slots.map((at) => Float64Array.from(at.slice(-head.nActions), (k) => unknowns[k])),
    yaw: poseOf(cameras[0].rotation)[1],
  };
}
