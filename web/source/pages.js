/* Pages of texture, square, as flat arrays: pyramids, filling, means. Columns wrap around. */

/* Halve a page of `side` texels: the mean of each 2 × 2. */
export function reduced(page, side, channels = 1) {
  const half = side / 2;
  const out = new Float32Array(half * half * channels);
  for (let y = 0; y < half; y += 1) {
    for (let x = 0; x < half; x += 1) {
      const from = (2 * y * side + 2 * x) * channels;
      for (let c = 0; c < channels; c += 1) {
        out[(y * half + x) * channels + c] = 0.25 * (page[from + c] + page[from + channels + c]
          + page[from + side * channels + c] + page[from + (side + 1) * channels + c]);
      }
    }
  }
  return out;
}

/* Double a page bilinearly; texels keep their places on the head. */
export function enlarged(page, side, channels = 1) {
  const [wide, width] = [2 * side, side * channels];
  const out = new Float32Array(wide * wide * channels);
  const line = new Float32Array(width);
  for (let row = 0; row < wide; row += 1) {
    const near = row >> 1;
    const far = Math.min(Math.max(near + (row % 2 ? 1 : -1), 0), side - 1);
    for (let k = 0; k < width; k += 1) {
      line[k] = 0.75 * page[near * width + k] + 0.25 * page[far * width + k];
    }
    for (let x = 0; x < side; x += 1) {
      const [left, right] = [(x + side - 1) % side, (x + 1) % side];
      for (let c = 0; c < channels; c += 1) {
        const at = (row * wide + 2 * x) * channels + c;
        const own = 0.75 * line[x * channels + c];
        out[at] = own + 0.25 * line[left * channels + c];
        out[at + channels] = own + 0.25 * line[right * channels + c];
      }
    }
  }
  return out;
}

/* Continue a page of three channels into its gaps (push-pull); share: how far texels are known. */
export function filled(page, share, side, far = null) {
  const known = page.map((value, k) => value * share[Math.floor(k / 3)]);
  if (side <= (far ? 4 : 1)) {
    return known.map((value, k) => {
      const own = share[Math.floor(k / 3)];
      return far ? value + (1 - own) * far[k % 3] : value / Math.max(own, 1e-6);
    });
  }
  const weights = reduced(share, side);
  const above = reduced(known, side, 3)
    .map((value, k) => value / Math.max(weights[Math.floor(k / 3)], 1e-6));
  const more = filled(above, weights.map((w) => Math.min(4 * w, 1)), side / 2, far);
  const wide = enlarged(more, side / 2, 3);
  return known.map((value, k) => value + wide[k] * (1 - share[Math.floor(k / 3)]));
}

/* The detail of each level, the finest first, and the page that remains. */
export function pyramid(page, side, nLevels) {
  if (!nLevels) return [page];
  const low = reduced(page, side, 3);
  const back = enlarged(low, side / 2, 3);
  return [page.map((value, k) => value - back[k]), ...pyramid(low, side / 2, nLevels - 1)];
}

/* Blend pages band by band by their shares (Burt and Adelson 1983). */
export function blendedByBands(pyramids, shares, side) {
  const out = new Float32Array(side * side * 3);
  pyramids.forEach(([band], k) => {
    for (let i = 0; i < out.length; i += 1) out[i] += band[i] * shares[k][Math.floor(i / 3)];
  });
  if (pyramids[0].length === 1) return out;
  const coarser = blendedByBands(pyramids.map((bands) => bands.slice(1)),
    shares.map((share) => reduced(share, side)), side / 2);
  const wide = enlarged(coarser, side / 2, 3);
  return out.map((value, k) => value + wide[k]);
}

/* The mean over the square of side 2 · radius + 1 around each value; borders repeat. */
export function boxMean(values, width, radius) {
  const across = ({ values: from, at }, step, count, out) => {
    const place = (k) => at + Math.min(Math.max(k, 0), count - 1) * step;
    let total = 0;
    for (let tap = -radius; tap <= radius; tap += 1) total += from[place(tap)];
    for (let k = 0; k < count; k += 1) {
      out[at + k * step] = total / (2 * radius + 1);
      total += from[place(k + radius + 1)] - from[place(k - radius)];
    }
  };
  const height = values.length / width;
  const [rows, out] = [new Float32Array(values.length), new Float32Array(values.length)];
  for (let y = 0; y < height; y += 1) across({ values, at: y * width }, 1, width, rows);
  for (let x = 0; x < width; x += 1) across({ values: rows, at: x }, width, height, out);
  return out;
}

/* A page with left and right exchanged. */
export function flipped(page, side, channels = 1) {
  const out = new Float32Array(page.length);
  for (let at = 0; at < side * side; at += 1) {
    const from = at - (at % side) + side - 1 - (at % side);
    for (let c = 0; c < channels; c += 1) out[at * channels + c] = page[from * channels + c];
  }
  return out;
}
