"""Mesh transfer: fit our vertices to a face mesh of any other layout.

The thesis calls it mesh integration (section 4.2.3); chapter 7 teaches it. Three steps, each
starting from the result of the one before:

1. a similarity from 68 keypoints (Umeyama);
2. the head model's shapes and expressions, fitted to the keypoints and to the nearest points of
   the surface, so that every vertex slides to its anatomical position;
3. a displacement of every vertex, as smooth as possible, for what the model cannot express. Its
   stiffness falls from step to step (Amberg, Romdhani and Vetter, Optimal step nonrigid ICP
   algorithms for surface registration, CVPR 2007, where every vertex has an affine map).

The result is each vertex's triangle of the other mesh and its position there: a sparse matrix of
barycentric weights, which converts every mesh of the other layout to ours in one product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import bsr_array, csr_array, diags_array, eye_array, kron
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from facelib.face.template import FaceTemplate, neighbours
from facelib.geometry.mesh import triangle_normals, vertex_normals
from facelib.geometry.registration import umeyama
from facelib.geometry.surface import barycentric, closest_on_triangle, surface_matcher
from facelib.geometry.transforms import Similarity

FIT_STEPS, STEPS_PER_STIFFNESS = 24, 2
# Weights per mm² of misfit; a surface point has weight 1. A mesh that the model can express is in
# the end fitted almost without a prior.
SHAPE_PRIOR, EXPRESSION_PRIOR, LEAST_PRIOR = 50.0, 200.0, 1e-3
KEYPOINT_WEIGHT = 1.0
SLIDING = 0.05  # weight of a match along the surface; across it, 1
CANDIDATES = 32  # triangles to try if the nearest one faces away, as between closed lips
TIE_MM = 0.3  # such a triangle may be this much further away than the nearest
STIFFNESS = (200.0, 60.0, 20.0, 6.0, 2.0)
FACING = 0.5  # least cosine between the normals of a vertex and of its match
FAR_MM = 5.0  # a match at this distance has a quarter of the weight
MATCHED_MM = 2.0  # a vertex further from the surface has no match
NEAR_MM, LEAST_NEAR = 10.0, 0.5  # of a face's vertices, this share must be this near when fitted


@dataclass(frozen=True)
class MeshTransfer:
    """The transfer of a mesh from another layout to ours.

    Attributes:
        similarity: other frame → head frame.
        shape: (K,) float64, the fitted head model's identity, standard deviations.
        expression: (E,) float64, the fitted strengths of its facial actions.
        matrix: (V, N) csr: layout vertices = matrix @ vertices of the other layout, in any frame
            and unit.
        matched: (V,) bool: vertices that lie on the mesh; the others' rows hold the nearest point.
        distance_mm: (V,) float64, each vertex's distance from the surface before the projection.
    """

    similarity: Similarity
    shape: np.ndarray
    expression: np.ndarray
    matrix: csr_array
    matched: np.ndarray
    distance_mm: np.ndarray


def transfer_mesh(
    vertices: np.ndarray, triangles: np.ndarray, keypoints: np.ndarray, template: FaceTemplate
) -> MeshTransfer:
    """Register a mesh of another layout to ours.

    Args:
        vertices: (N, 3) float, any right-handed frame and unit.
        triangles: (M, 3) int, consistently wound, in either direction.
        keypoints: (68, 3) float, the iBUG keypoints on the mesh, same frame, to a few mm.
        template: the head model to fit to it.

    Returns:
        The transfer; its matrix serves every mesh with the same vertex order.

    Raises:
        ValueError: if the arrays do not fit, or the mesh does not cover the face.
    """
    keypoints = np.asarray(keypoints, np.float64)
    if keypoints.shape != (68, 3) or not np.isfinite(keypoints).all():
        raise ValueError(f"expected 68 finite keypoints (68, 3), got {keypoints.shape}")
    start = umeyama(keypoints, template.keypoint_matrix @ template.mean_head)
    surface = _facing_out(_Surface(vertices, triangles), start, template)
    similarity, coefficients = _fit_model(surface, keypoints, start, template)
    fitted_head = template.vertices(coefficients)
    _check_fit(surface, fitted_head, similarity, template)
    face_head = _displace(surface, similarity, template, fitted_head)
    return _finished(surface, face_head, similarity, coefficients, template)


class _Surface:
    """The other mesh: nearest points, their normals, and whether they are inside its border."""

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        self.vertices, self.triangles = np.asarray(vertices, np.float64), np.asarray(triangles)
        self._match = surface_matcher(self.vertices, self.triangles)
        self._normals = triangle_normals(self.vertices, self.triangles)
        self._centroids = self.vertices[self.triangles].mean(axis=1)
        on_border = np.zeros(len(self.vertices), bool)
        on_border[_border(self.triangles)] = True
        self._at_border = on_border[self.triangles].any(axis=1)

    def match(self, face_head, normals_head, similarity):
        """Nearest points and normals in the head frame, their triangles and their weights."""
        found, triangle = self._match(similarity.inverse().apply(face_head))
        points_head = similarity.apply(found)
        normals = self._normals[triangle] @ np.asarray(similarity.rotation).T
        distance = np.linalg.norm(points_head - face_head, axis=1)
        weight = 1 / (1 + (distance / FAR_MM) ** 2) ** 2
        facing = np.einsum("vk,vk->v", normals, normals_head) > FACING
        return points_head, normals, triangle, weight * (facing & ~self._at_border[triangle])

    def match_facing(self, face_head, normals_head, similarity):
        """`match`, but points that face away are replaced by ones that do not and are as near."""
        points, normals, triangle, weight = self.match(face_head, normals_head, similarity)
        away = np.einsum("vk,vk->v", normals, normals_head) <= FACING
        distance = np.linalg.norm(points - face_head, axis=1)
        for vertex in np.flatnonzero(away):
            found, other = self._nearest_facing(face_head[vertex], normals_head[vertex], similarity)
            if np.linalg.norm(found - face_head[vertex]) < distance[vertex] + TIE_MM:
                points[vertex], triangle[vertex] = found, other
                weight[vertex] = float(not self._at_border[other])
        return points, triangle, weight

    def _nearest_facing(self, point_head, normal_head, similarity):
        """The nearest point, head frame, on triangles that face the same way as the normal."""
        facing = self._normals @ (normal_head @ np.asarray(similarity.rotation)) > FACING
        place = similarity.inverse().apply(point_head[None])[0]
        far2 = ((self._centroids - place) ** 2).sum(axis=1)
        near = np.argsort(np.where(facing, far2, np.inf))[:CANDIDATES]
        corners = np.ascontiguousarray(self.vertices[self.triangles[near]])
        found = np.array([closest_on_triangle(place, three) for three in corners])
        best = ((found - place) ** 2).sum(axis=1).argmin()
        return similarity.apply(found[[best]])[0], near[best]


def _facing_out(surface: _Surface, start: Similarity, template: FaceTemplate) -> _Surface:
    """Reverse the winding if most triangles face into the head."""
    normals_head = vertex_normals(template.mean_head, template.triangles)
    _, normals, _, _ = surface.match(template.mean_head, normals_head, start)
    if np.median(np.einsum("vk,vk->v", normals, normals_head)) >= 0:
        return surface
    return _Surface(surface.vertices, surface.triangles[:, ::-1])


def _fit_model(
    surface: _Surface, keypoints: np.ndarray, start: Similarity, template: FaceTemplate
) -> tuple[Similarity, np.ndarray]:
    """Fit pose, size, shape and expression by Gauss-Newton steps.

    Minimises Σ wᵥ (nᵥ · (Sᵥ(α, β) − T(cᵥ)))² + λ (Σ keypoints' squared distances + 50 |α|² +
    200 |β|²) over α, β and the similarity T, where cᵥ is the surface point nearest to vertex v and
    nᵥ its normal: a match constrains a vertex across the surface and lets it slide along it. λ is
    the mean square misfit, as Bayes' rule gives for a misfit that is noise: it falls as the fit
    improves, and stays high if the model cannot express the mesh.

    Args:
        surface: the other mesh.
        keypoints: (68, 3), other frame.
        start: other frame → head frame.
        template: the head model.

    Returns:
        Similarity, other frame → head frame, and (K + E,) coefficients.
    """
    similarity, coefficients = start, np.zeros(len(template.basis))
    keypoint_matrix = template.keypoint_matrix
    keypoint_basis = np.stack([keypoint_matrix @ direction for direction in template.basis])
    for _ in range(FIT_STEPS):
        face_head = template.vertices(coefficients)
        normals_head = vertex_normals(face_head, template.triangles)
        points, normals, _, weight = surface.match(face_head, normals_head, similarity)
        # In the other mesh's own scale; otherwise shrinking that mesh would lower the sum.
        size2 = (start.scale / similarity.scale) ** 2
        weight = weight * template.bound * size2
        misfit2 = _mean_square(points - face_head, normals, weight)
        pull = np.full(68, KEYPOINT_WEIGHT * misfit2 * size2)
        equations = _Equations(template, coefficients, misfit2)
        equations.add(face_head, template.basis, points, normals, weight)
        for axis in np.eye(3):
            slide = SLIDING * min(1.0, misfit2) * weight
            equations.add(face_head, template.basis, points, axis, slide)
            equations.add(
                keypoint_matrix @ face_head, keypoint_basis, similarity.apply(keypoints), axis, pull
            )
        motion, change = equations.solve()
        similarity, coefficients = similarity.then(motion.inverse()), coefficients + change
    return similarity, coefficients


def _check_fit(surface, fitted_head, similarity, template) -> None:
    """Refuse a mesh that is not a face: the displacements could fit it anyway."""
    normals_head = vertex_normals(fitted_head, template.triangles)
    points, _, _, weight = surface.match(fitted_head, normals_head, similarity)
    near = (weight > 0) & (np.linalg.norm(points - fitted_head, axis=1) < NEAR_MM)
    share = near[template.bound].mean()
    if share < LEAST_NEAR:
        raise ValueError(
            f"expected a mesh of a face that fits its 68 keypoints, but only {share:.0%} of our "
            "vertices have a counterpart on it"
        )


class _Equations:
    """Normal equations for a small motion of the face (7) and a change of its coefficients."""

    def __init__(self, template: FaceTemplate, coefficients: np.ndarray, misfit2: float) -> None:
        priors = np.empty(len(coefficients))
        priors[: template.n_shape] = SHAPE_PRIOR * misfit2 + LEAST_PRIOR
        priors[template.n_shape :] = EXPRESSION_PRIOR * misfit2 + LEAST_PRIOR
        self.matrix = np.diag(np.concatenate([np.full(7, 1e-9), priors]))
        self.right_side = np.concatenate([np.zeros(7), -priors * coefficients])

    def add(self, face, basis, points, normals, weight) -> None:
        """Add Σ w (n · (face moved, rotated, scaled and changed − points))²."""
        normals = np.broadcast_to(normals, points.shape)
        turning, growing = np.cross(face, normals), np.einsum("vk,vk->v", face, normals)
        shapes = np.einsum("bvk,vk->vb", basis, normals)
        rows = np.hstack([turning, normals, growing[:, None], shapes])
        self.matrix += rows.T @ (rows * weight[:, None])
        self.right_side += rows.T @ (weight * np.einsum("vk,vk->v", points - face, normals))

    def solve(self) -> tuple[Similarity, np.ndarray]:
        """Return the motion of the face and the change of its coefficients."""
        solved = np.linalg.solve(self.matrix, self.right_side)
        rotation = Rotation.from_rotvec(solved[:3]).as_matrix()
        return Similarity(float(np.exp(solved[6])), rotation, solved[3:6]), solved[7:]


def _mean_square(offsets, normals, weight):
    """Mean square distance across the surface, mm²."""
    if not weight.any():
        raise ValueError("expected a mesh of a face, but no part of it faces as our face does")
    return float(weight @ np.einsum("vk,vk->v", offsets, normals) ** 2 / weight.sum())


def _displace(
    surface: _Surface, similarity: Similarity, template: FaceTemplate, face_head: np.ndarray
) -> np.ndarray:
    """Move every vertex onto the surface, by displacements as smooth as possible.

    Minimises Σ wᵥ (nᵥ · (xᵥ + dᵥ − cᵥ))² + ε |xᵥ + dᵥ − cᵥ|² + λ |L d|² over the displacements d
    for decreasing λ; L d is each vertex's displacement minus the mean of its neighbours'.

    Args:
        surface: the other mesh.
        similarity: other frame → head frame.
        template: provides the triangles.
        face_head: (V, 3) x, mm: the fitted model.

    Returns:
        (V, 3) float64, mm, head frame.
    """
    rough = kron(_laplacian(template.triangles, len(face_head)), eye_array(3), format="csc")
    bending, moved, diagonal = rough.T @ rough, face_head, np.arange(len(face_head) + 1)
    for stiffness in np.repeat(STIFFNESS, STEPS_PER_STIFFNESS):
        normals_head = vertex_normals(moved, template.triangles)
        points, normals, _, weight = surface.match(moved, normals_head, similarity)
        weight = weight * template.bound
        blocks = normals[:, :, None] * normals[:, None, :] + SLIDING * np.eye(3)
        blocks = blocks * weight[:, None, None]  # (V, 3, 3)
        pull = np.einsum("vij,vj->vi", blocks, points - face_head)
        system = bsr_array((blocks, diagonal[:-1], diagonal)) + stiffness * bending
        system = system.tocsc() + 1e-6 * eye_array(3 * len(moved), format="csc")
        moved = face_head + _solved(system, pull.ravel()).reshape(-1, 3)
    return moved


def _solved(matrix, right: np.ndarray) -> np.ndarray:
    """Solve a symmetric positive definite system, which needs no pivoting."""
    options = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0}
    return splu(matrix, **options, options={"SymmetricMode": True}).solve(right)


def _laplacian(triangles: np.ndarray, n_vertices: int) -> csr_array:
    """(V, V) csr: a vertex minus the mean of its neighbours."""
    joined = neighbours(triangles, n_vertices)
    return (eye_array(n_vertices) - diags_array(1 / joined.sum(axis=1)) @ joined).tocsr()


def _finished(surface, face_head, similarity, coefficients, template) -> MeshTransfer:
    """Express every vertex in a triangle of the other mesh."""
    normals_head = vertex_normals(face_head, template.triangles)
    points, triangle, weight = surface.match_facing(face_head, normals_head, similarity)
    distance = np.linalg.norm(points - face_head, axis=1)
    matched = (weight > 0) & (distance < MATCHED_MM)
    corners = surface.triangles[triangle]
    weights = barycentric(similarity.inverse().apply(points), surface.vertices[corners])
    weights = np.clip(weights, 0, 1)  # the points are in their triangles, except for rounding
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(points)), 3)
    matrix = csr_array(
        (weights.ravel(), (rows, corners.ravel())), shape=(len(points), len(surface.vertices))
    )
    matrix.eliminate_zeros()
    shape, expression = np.split(coefficients, [template.n_shape])
    filled, matched = csr_array(template.fill @ matrix), matched | ~template.bound
    return MeshTransfer(similarity, shape, expression, filled, matched, distance)


def _border(triangles: np.ndarray) -> np.ndarray:
    """Vertices on an edge that belongs to only one triangle."""
    pairs = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    pairs, counts = np.unique(pairs, axis=0, return_counts=True)
    return np.unique(pairs[counts == 1])
