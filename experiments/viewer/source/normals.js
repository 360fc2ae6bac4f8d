/* Normals of a mesh as its morph targets move it: files hold those of the neutral head alone. */

/* Returns a function that gives the mesh the normals of its present expression. */
export function normalsOf({ geometry, morphTargetInfluences: weights }) {
  const { position, normal } = geometry.attributes;
  const targets = geometry.morphAttributes.position;
  if (!targets || !normal || geometry.morphAttributes.normal) return () => {};
  const rest = position.array.slice();
  const moved = new Float32Array(rest.length);
  const corners = geometry.index.array;
  const first = firstInPlace(rest);
  const sums = new Float32Array(rest.length);
  return () => {
    moved.set(rest);
    weights.forEach((weight, k) => {
      if (weight) addScaled(moved, targets[k].array, weight);
    });
    sums.fill(0);
    for (let i = 0; i < corners.length; i += 3) addNormal(sums, moved, first, corners, i);
    for (let vertex = 0; vertex < first.length; vertex += 1) {
      const at = 3 * first[vertex];
      const length = Math.hypot(sums[at], sums[at + 1], sums[at + 2]) || 1;
      normal.setXYZ(vertex, sums[at] / length, sums[at + 1] / length, sums[at + 2] / length);
    }
    normal.needsUpdate = true;
  };
}

/* The texture's seams have several vertices in one place, which share a normal: the number of the
 * first of them, by vertex. */
function firstInPlace(positions) {
  const numbers = new Map();
  return Uint32Array.from({ length: positions.length / 3 }, (_, vertex) => {
    const place = positions.subarray(3 * vertex, 3 * vertex + 3).join();
    if (!numbers.has(place)) numbers.set(place, vertex);
    return numbers.get(place);
  });
}

function addScaled(sum, values, factor) {
  for (let i = 0; i < sum.length; i += 1) sum[i] += factor * values[i];
}

/* Adds the normal of the triangle whose corners begin at `start`, as long as twice its area. */
function addNormal(sums, points, first, corners, start) {
  const [a, b, c] = [3 * corners[start], 3 * corners[start + 1], 3 * corners[start + 2]];
  const [x, y, z] = [points[a], points[a + 1], points[a + 2]];
  const [ux, uy, uz] = [points[b] - x, points[b + 1] - y, points[b + 2] - z];
  const [vx, vy, vz] = [points[c] - x, points[c + 1] - y, points[c + 2] - z];
  for (let corner = start; corner < start + 3; corner += 1) {
    const at = 3 * first[corners[corner]];
    sums[at] += uy * vz - uz * vy;
    sums[at + 1] += uz * vx - ux * vz;
    sums[at + 2] += ux * vy - uy * vx;
  }
}
