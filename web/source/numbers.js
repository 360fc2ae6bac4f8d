/* Packed arrays, statistics, and the linear algebra of small matrices, stored row by row. */

const KINDS = {
  f4: Float32Array, f8: Float64Array, u1: Uint8Array, b1: Uint8Array, i1: Int8Array,
  u2: Uint16Array, i2: Int16Array, i4: Int32Array, i8: BigInt64Array, f2: Uint16Array,
};

/* The arrays of a file of web/pack.py, by name; half precision becomes single. */
export function unpack(bytes) {
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const described = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  const arrays = {};
  for (const [name, [kind, shape, start]] of Object.entries(described)) {
    const count = shape.reduce((product, side) => product * side, 1);
    const array = new KINDS[kind](bytes, 8 + length + start, count);
    arrays[name] = kind === "f2" ? new Float32Array(array).map(fromHalf) : array;
  }
  return arrays;
}

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return (sign * fraction) / 2 ** 24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export const clip = (value, low, high) => Math.min(Math.max(value, low), high);
export const sum = (values) => values.reduce((total, value) => total + value, 0);
/* As Python rounds: halves go to the even neighbour. */
export const round = (value) => {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 ? near - 1 : near;
};

/* Percentiles of numbers, interpolated linearly. */
export function percentiles(values, ranks) {
  const sorted = Float32Array.from(values).sort();
  return ranks.map((rank) => {
    const place = (rank / 100) * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return low + (high - low) * (place - Math.floor(place));
  });
}
export const median = (values) => percentiles(values, [50])[0];

/* The lower root of a symmetric positive definite n × n matrix; null if it is not. */
export function cholesky(matrix, n) {
  const root = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let rest = matrix[i * n + j];
      const [a, b] = [i * n, j * n];
      for (let k = 0; k < j; k += 1) rest -= root[a + k] * root[b + k];
      if (i !== j) root[a + j] = rest / root[b + j];
      else if (rest > 0) root[a + i] = Math.sqrt(rest);
      else return null;
    }
  }
  return root;
}

/* x with L Lᵀ x = b. */
export function solveByRoot(root, n, b) {
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < i; k += 1) x[i] -= root[i * n + k] * x[k];
    x[i] /= root[i * n + i];
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    x[i] /= root[i * n + i];
    for (let k = 0; k < i; k += 1) x[k] -= root[i * n + k] * x[i];
  }
  return x;
}

/* Robust least squares, rows · found = values, that pulls found to 0 by the ridge; an equation that
 * is off by an outlier's size has half its weight. */
export function robustly(rows, values, shares, ridge, outlier) {
  const n = ridge.length;
  let found = new Float64Array(n);
  for (let pass = 0; pass < 4; pass += 1) {
    const [square, right] = [new Float64Array(n * n), new Float64Array(n)];
    rows.forEach((row, k) => {
      let off = -values[k];
      for (let a = 0; a < n; a += 1) off += row[a] * found[a];
      const weight = shares[k] / (1 + (off / outlier) ** 2);
      for (let a = 0; a < n; a += 1) {
        right[a] += weight * row[a] * values[k];
        for (let b = 0; b < n; b += 1) square[a * n + b] += weight * row[a] * row[b];
      }
    });
    ridge.forEach((value, a) => { square[a * n + a] += value; });
    found = solveByRoot(cholesky(square, n), n, right);
  }
  return found;
}

/* The inverse of a lower triangular matrix. */
export function inverseOfRoot(root, n) {
  const inverse = new Float64Array(n * n);
  for (let j = 0; j < n; j += 1) {
    inverse[j * n + j] = 1 / root[j * n + j];
    for (let i = j + 1; i < n; i += 1) {
      let rest = 0;
      for (let k = j; k < i; k += 1) rest -= root[i * n + k] * inverse[k * n + j];
      inverse[i * n + j] = rest / root[i * n + i];
    }
  }
  return inverse;
}

/* Aᵀ A of an n × n matrix. */
export function squared(matrix, n) {
  const square = new Float64Array(n * n);
  for (let k = 0; k < n; k += 1) {
    for (let i = 0; i < n; i += 1) {
      const factor = matrix[k * n + i];
      if (factor) for (let j = 0; j < n; j += 1) square[i * n + j] += factor * matrix[k * n + j];
    }
  }
  return square;
}

/* The lower triangle of Aᵀ A, of (rows, n); the number of rows is a multiple of four. */
export function gram(matrix, n) {
  const out = new Float64Array(n * n);
  for (let w = 0; w < matrix.length; w += 4 * n) {
    const [x, y, z] = [w + n, w + 2 * n, w + 3 * n];
    for (let a = 0; a < n; a += 1) {
      const [p, q, r, s] = [matrix[w + a], matrix[x + a], matrix[y + a], matrix[z + a]];
      const to = a * n;
      for (let b = 0; b <= a; b += 1) {
        out[to + b] += p * matrix[w + b] + q * matrix[x + b] + r * matrix[y + b] + s * matrix[z + b];
      }
    }
  }
  return out;
}

/* A B of (n, m) and (m, p). */
export function product(a, b, n, m, p) {
  const out = new Float64Array(n * p);
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < m; k += 1) {
      const factor = a[i * m + k];
      if (factor) for (let j = 0; j < p; j += 1) out[i * p + j] += factor * b[k * p + j];
    }
  }
  return out;
}

/* A sparse matrix by rows times values with `width` numbers a row. */
export function sparseTimes({ starts, columns, weights }, values, width) {
  const out = new Float32Array((starts.length - 1) * width);
  for (let row = 0; row + 1 < starts.length; row += 1) {
    for (let entry = starts[row]; entry < starts[row + 1]; entry += 1) {
      const [from, weight] = [columns[entry] * width, weights[entry]];
      for (let k = 0; k < width; k += 1) out[row * width + k] += weight * values[from + k];
    }
  }
  return out;
}
