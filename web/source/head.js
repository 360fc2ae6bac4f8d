/* The head model, and all that is computed from the packed arrays once. */
import { product, sparseTimes, unpack, cholesky, inverseOfRoot, squared } from "./numbers.js";

export const N_KEYPOINTS = 68;

export class Head {
  constructor(bytes) {
    const a = unpack(bytes);
    this.arrays = a;
    this.nVertices = a.mean_head.length / 3;
    [this.nShape, this.nActions] =
      ["shape_basis", "expression_basis"].map((name) => a[name].length / a.mean_head.length);
    this.nHead = this.nShape + this.nActions;
    this.names = new TextDecoder().decode(a.expression_names).split("\n");
    // (3 N, C), mm per unit of a coefficient
    this.basis = transposed([a.shape_basis, a.expression_basis], 3 * this.nVertices);
    this.toLayout =
      rowsOf(a.layout_from_head_indptr, a.layout_from_head_indices, a.layout_from_head_data);
    this.layoutMean = sparseTimes(this.toLayout, a.mean_head, 3);
    this.layoutBasis = sparseTimes(this.toLayout, this.basis, 3 * this.nHead);
    this.nPoints = a.points_mirror.length;
    const corners = threeARow(this.nPoints, a.points_vertices, a.points_weights);
    this.pointMean = sparseTimes(corners, this.layoutMean, 3);
    this.pointBasis = sparseTimes(corners, this.layoutBasis, 3 * this.nHead);
    this.precision = squared(inverseOfRoot(cholesky(a.prior_covariance, this.nHead), this.nHead),
      this.nHead);
    this.errors = ["front", "side"].map((view) => this.errorsOf(view));
    this.surface = new Surface(a);
  }

  /* The learned errors of a view: of faces that look to the image's right, and to its left. */
  errorsOf(view) {
    const right = Object.fromEntries(["offset", "slope", "patterns", "own"]
      .map((name) => [name, this.arrays[`errors_${view}_${name}`]]));
    const { nPoints, nHead } = this;
    const slope = product(right.slope, this.arrays.prior_mirror, 2 * nPoints, nHead, nHead);
    const flipped = (values, width, flip = -1) => {
      const out = new Float64Array(values.length);
      this.arrays.points_mirror.forEach((twin, point) => {
        for (let axis = 0; axis < 2; axis += 1) {
          for (let k = 0; k < width; k += 1) {
            const value = values[(2 * twin + axis) * width + k];
            out[(2 * point + axis) * width + k] = axis ? value : flip * value;
          }
        }
      });
      return out;
    };
    const nPatterns = right.patterns.length / nPoints / 2;
    return { right, left: { offset: flipped(right.offset, 1), slope: flipped(slope, nHead),
      patterns: flipped(right.patterns, nPatterns), own: flipped(right.own, 1, 1) } };
  }

  /* Vertices, three numbers each, of the head or of its layout: mean + basis times coefficients. */
  vertices(coefficients, mean = this.arrays.mean_head, basis = this.basis) {
    return mean.map((value, row) => {
      let total = value;
      const from = row * this.nHead;
      for (let k = 0; k < this.nHead; k += 1) total += basis[from + k] * coefficients[k];
      return total;
    });
  }

  layoutVertices(coefficients) {
    return this.vertices(coefficients, this.layoutMean, this.layoutBasis);
  }

  keypoints(vertices) {
    const { keypoint_triangles: corners, keypoint_weights: weights } = this.arrays;
    return sparseTimes(threeARow(N_KEYPOINTS, corners, weights), vertices, 3);
  }
}

function transposed(bases, rows) {
  const count = bases.map((basis) => basis.length / rows);
  const width = count[0] + count[1];
  const out = new Float32Array(rows * width);
  bases.forEach((basis, number) => {
    for (let k = 0; k < count[number]; k += 1) {
      const column = k + number * count[0];
      for (let row = 0; row < rows; row += 1) out[row * width + column] = basis[k * rows + row];
    }
  });
  return out;
}

const rowsOf = (starts, columns, weights) => ({ starts, columns, weights });

function threeARow(rows, columns, weights) {
  return rowsOf(Int32Array.from({ length: rows + 1 }, (_, k) => 3 * k), columns, weights);
}

/* The smooth surface over the head's vertices, with its page of texture. */
class Surface {
  constructor(a) {
    const starts = new Int32Array(a.surface_counts.length + 1);
    a.surface_counts.forEach((count, row) => { starts[row + 1] = starts[row] + count; });
    this.fromHead = rowsOf(starts, a.surface_columns, a.surface_weights);
    this.triangles = Int32Array.from(a.surface_triangles);
    this.uv = new Float32Array(a.surface_uv).map((step) => step / 65535);
    this.twin = Int32Array.from({ length: a.surface_counts.length }, (_, k) => k);
    const nCopies = a.surface_copies.length / 2;
    for (let k = 0; k < nCopies; k += 1) {
      this.twin[a.surface_copies[k]] = a.surface_copies[nCopies + k];
    }
    const stops = Array.from(a.surface_stops, Number);
    this.parts = ["skin", "eyes", "teeth", "mouth"]
      .map((name, k) => ({ name, start: k ? stops[k - 1] : 0, stop: stops[k] }));
  }

  vertices(ofHead) {
    return sparseTimes(this.fromHead, ofHead, 3);
  }

  /* Unit normals, alike across seams. */
  normals(vertices) {
    const sums = new Float64Array(vertices.length);
    const { triangles, twin } = this;
    for (let t = 0; t < triangles.length; t += 3) {
      const [i, j, k] = [3 * twin[triangles[t]], 3 * twin[triangles[t + 1]],
        3 * twin[triangles[t + 2]]];
      const [ax, ay, az] = [vertices[i], vertices[i + 1], vertices[i + 2]];
      const [bx, by, bz] = [vertices[j] - ax, vertices[j + 1] - ay, vertices[j + 2] - az];
      const [cx, cy, cz] = [vertices[k] - ax, vertices[k + 1] - ay, vertices[k + 2] - az];
      for (const corner of [i, j, k]) {
        sums[corner] += by * cz - bz * cy;
        sums[corner + 1] += bz * cx - bx * cz;
        sums[corner + 2] += bx * cy - by * cx;
      }
    }
    const out = new Float32Array(vertices.length);
    for (let v = 0; v < twin.length; v += 1) {
      const at = 3 * twin[v];
      const length = Math.hypot(sums[at], sums[at + 1], sums[at + 2]) || 1;
      for (let c = 0; c < 3; c += 1) out[3 * v + c] = sums[at + c] / length;
    }
    return out;
  }
}
