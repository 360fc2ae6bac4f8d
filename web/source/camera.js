/* Cameras: a rotation (head to eye), a translation in the eye frame, and where px lie. */

export function rotationFrom([x, y, z]) {
  const angle = Math.hypot(x, y, z);
  const sine = angle ? Math.sin(angle) / angle : 1;
  const half = angle ? Math.sin(angle / 2) / (angle / 2) : 1;
  const c = (half * half) / 2;
  return [
    1 - c * (y * y + z * z), c * x * y - sine * z, c * x * z + sine * y,
    c * x * y + sine * z, 1 - c * (x * x + z * z), c * y * z - sine * x,
    c * x * z - sine * y, c * y * z + sine * x, 1 - c * (x * x + y * y)];
}

/* Rate of rotation per change of a rotation vector. */
export function spinOf([x, y, z]) {
  const angle = Math.max(Math.hypot(x, y, z), 1e-4);
  const once = (1 - Math.cos(angle)) / angle ** 2;
  const twice = (angle - Math.sin(angle)) / angle ** 3;
  return [
    1 - twice * (y * y + z * z), -once * z + twice * x * y, once * y + twice * x * z,
    once * z + twice * x * y, 1 - twice * (x * x + z * z), -once * x + twice * y * z,
    -once * y + twice * x * z, once * x + twice * y * z, 1 - twice * (x * x + y * y)];
}

/* The rotation vector of a rotation, by the largest component of its quaternion. */
export function vectorFrom(r) {
  const trace = r[0] + r[4] + r[8];
  const squares = [1 + 2 * r[0] - trace, 1 + 2 * r[4] - trace, 1 + 2 * r[8] - trace, 1 + trace];
  const products = [
    [squares[0], r[1] + r[3], r[2] + r[6], r[7] - r[5]],
    [r[1] + r[3], squares[1], r[5] + r[7], r[2] - r[6]],
    [r[2] + r[6], r[5] + r[7], squares[2], r[3] - r[1]],
    [r[7] - r[5], r[2] - r[6], r[3] - r[1], squares[3]]];
  const quaternion = products[squares.indexOf(Math.max(...squares))];
  const sign = quaternion[3] < 0 ? -1 : 1;
  const sine = Math.hypot(...quaternion.slice(0, 3));
  const angle = 2 * Math.atan2(sine, sign * quaternion[3]);
  return quaternion.slice(0, 3).map((part) => (sine ? (sign * part * angle) / sine : 0));
}

/* Pitch, yaw and roll in degrees. */
export function poseOf(r) {
  const roll = Math.atan2(-r[1], r[4]);
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  const yaw = Math.atan2(cos * r[2] + sin * r[5], cos * r[0] + sin * r[3]);
  return [Math.atan2(-r[7], Math.hypot(r[1], r[4])), yaw, roll].map((a) => (a * 180) / Math.PI);
}

export class Camera {
  constructor(fields) {
    Object.assign(this, fields);
  }

  /* Px and depth in px (0 at the head's origin), and px per mm, of a point: [x, y, z, w]. */
  project(vertices, at) {
    const { rotation: r, translation: t, centre, focal, scale } = this;
    const [x, y, z] = [vertices[at], vertices[at + 1], vertices[at + 2]];
    const eye = r[6] * x + r[7] * y + r[8] * z + t[2];
    const perMm = focal / -eye;
    return [(r[0] * x + r[1] * y + r[2] * z + t[0]) * perMm + centre[0],
      centre[1] - (r[3] * x + r[4] * y + r[5] * z + t[1]) * perMm, (eye - t[2]) * scale, perMm];
  }

  /* The same of all vertices: {places: x, y, z of each, weights: px per mm of each}. */
  image(vertices) {
    const places = new Float64Array(vertices.length);
    const weights = new Float64Array(vertices.length / 3);
    for (let v = 0; v < weights.length; v += 1) {
      const [x, y, z, w] = this.project(vertices, 3 * v);
      places.set([x, y, z], 3 * v);
      weights[v] = w;
    }
    return { places, weights };
  }

  /* The camera whose image is enlarged by a factor and then shifted, px. */
  changed(factor, shift) {
    const centre = this.centre.map((c, k) => (c + 0.5) * factor - 0.5 + shift[k]);
    return new Camera({ ...this, centre, scale: this.scale * factor, focal: this.focal * factor });
  }

  cropped(crop) {
    return this.changed(crop.scale, [-crop.left * crop.scale - 0.5 * crop.scale,
      -crop.top * crop.scale - 0.5 * crop.scale]);
  }

  uncropped(crop) {
    return this.changed(1 / crop.scale, [crop.left + 0.5, crop.top + 0.5]);
  }
}
