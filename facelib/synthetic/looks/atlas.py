"""The texture page on which people are painted, and the positions of all parts on it.

The head model's texture coordinates unfold the whole head evenly. The atlas enlarges the face,
which is largest in photos, and has a separate strip for eyeballs, teeth and tongue below the skin.
It stores every texel's point on the mean head, so painting uses mm on the head (chapter 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import cKDTree

from facelib.render.rasterize import interpolate, rasterize
from facelib.synthetic.light.occlusion import ambient_occlusion
from facelib.synthetic.looks.falloff import Edge, soft_step

# Map from the evenly unfolded head's coordinates to the page: the face takes up most of it.
STRETCH_U = ((0.0, 0.26, 0.5, 0.74, 1.0), (0.0, 0.12, 0.5, 0.88, 1.0))
STRETCH_V = ((0.0, 0.44, 0.6, 0.76, 1.0), (0.0, 0.19, 0.54, 0.88, 1.0))
SKIN_SHARE = 0.8  # the page is 1.25 times as high as wide: square of skin, strip of four patches
PATCH_FILL = 0.9  # share of its patch that a part covers
CORNERS = ((0.07, 0.07), (0.93, 0.07), (0.07, 0.93), (0.93, 0.93))  # the model's patches ...
CORNER_RADIUS = 0.06  # ... and their size; an eyeball's rim lies 180 degrees from its front
EYE_VIEW = np.pi / 2  # rad, the angle from the eyeball's front that an atlas patch reaches
WIDEST_TRIANGLE = 0.2  # of the page's width: wider triangles wrap around its border
EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))  # iBUG keypoints
SHIRT_UV = (15 / 16, 0.9)  # a spot of the page in the shirt's colour
# Keypoints follow the bone; hair sits a little higher at the nose. From the temple to the nose.
BROW_LIFT_MM = np.array([[0, 0, 0], [0, -0.5, 0], [0, -1, 0], [0, 0.8, 0], [0, 3.0, 0]])
# Brows and lashes reflect this share of the head hair's light, and turn grey later.
BROW_SHADE = 0.45
BROWS = ((17, 18, 19, 20, 21), (26, 25, 24, 23, 22))  # keypoints from the temple to the nose
BROW_STEPS = 65  # points of the smooth line through a brow's keypoints
BROW_TAPER = ((0, 0.35, 0.9, 1), (0.4, 1.0, 1.0, 0.7))  # fullness along it, from temple to nose

# `shade` as a function of the share of the sky that a vertex sees.
SKY_GAIN = 1.25  # few places on a head see more than 0.8 of the sky, which counts as 1
FOLD_SHADE = 0.35  # shade of a vertex that sees no sky: skin around it reflects light
MOUTH_SHADE = (0.16, 0.07, 0.06)  # RGB
SOCKET_SHADE = 0.8  # factor
DEPTH_SHADE = {"teeth": (0.4, 1.0), "tongue": (0.2, 0.7)}  # at the back and at the front
# Strength of the plain renderer's highlight, relative to skin.
PLAIN_GLOSS = {
    "lips": 2.0,
    "nose": 1.6,
    "ears": 0.6,
    "scalp": 0.5,
    "neck": 0.5,
    "mouth_cavity": 0.0,
    "eye_sockets": 0.5,
    "teeth": 2.0,
    "tongue": 1.0,
    "eyeballs": 5.0,
}

# Features of the mean head: places and radii in mm, head frame.
CHEEKS_MM, CHEEK_RADIUS_MM = ((-42, -26, 62), (42, -26, 62)), 15
TIP_RADIUS_MM = 11  # of the nose
BAGS_MM, BAG_RADIUS_MM = ((-27, 2, 72), (27, 2, 72)), 7
LID_RADIUS_MM, LID_EDGE_MM = 6, 0.7
LASH_RADIUS_MM, LOWER_LASHES = 1.3, 0.35  # the lower lid's lashes are fainter
LIPS_BLUR_PX, NOSE_BLUR_PX, EARS_BLUR_PX = 1.6, 4, 3  # on a page of BLUR_SIZE
BLUR_SIZE = 512
# The beard's upper edge as y over |x|: along the moustache and the cheek to the sideburn.
BEARD_TOP_MM = ((0, 20, 34, 52, 66, 72), (-35, -39, -52, -42, -10, 6))
BEARD_TOP_WIDTH_MM, BEARD_BACK, BEARD_LOW = 4, Edge(-5, 8), Edge(-118, 8)
BEARD_OFF_LIPS = 1.6  # no beard where lips have more than 1 over this
FRECKLES_TOP, FRECKLES_LOW, FRECKLES_BACK = Edge(22, 8), Edge(-50, 10), Edge(35, 15)
FRECKLES, FRECKLE_MM, FRECKLE_FAINTEST = 2600, (0.5, 1.4), 0.4  # how many, radius, opacity
NAPE_Z_MM, NAPE_Y_MM = -25, -62  # hair covers the neck behind and above this


@dataclass(frozen=True, eq=False)  # hashed by identity, so that caches can be keyed with it
class Atlas:
    """Texture coordinates and maps of a texture page, all of the mean head.

    Attributes:
        size: width of the page and height of its square of skin, px.
        uv: (N, 2) float32, texture coordinates of the head's vertices, v down.
        position_mm: (size, size, 3) float32, head frame: the point under each texel.
        maps: (size, size) float32 in 0..1 by name: lips, nose, ears, cheeks, tip (of the
            nose), bags (below the eyes), lids, lashes, beard and freckles.
        hairline_mm: (size, size) float32: depth inside the region of hair; negative outside.
        brow_mm: (size, size) float32: distance to the line of the nearer brow.
        brow_taper: (size, size) float32: fullness of the brow, at most 1.
        eye_angle: (size/4, size/4) float32, rad from the eyeball's front; and `eye_around`.
        eye_around: (size/4, size/4) float32, rad, counter-clockwise seen from the front.
        shade: (N, 3) float32, RGB: factor on each vertex's colour in the plain renderer; from
            FOLD_SHADE where the head hides the whole sky to 1 where it hides none.
        gloss: (N,) float32: strength of each vertex's highlight, relative to dry skin = 1.
    """

    size: int
    uv: np.ndarray
    position_mm: np.ndarray
    maps: dict[str, np.ndarray]
    hairline_mm: np.ndarray
    brow_mm: np.ndarray
    brow_taper: np.ndarray
    eye_angle: np.ndarray
    eye_around: np.ndarray
    shade: np.ndarray
    gloss: np.ndarray

    def openness(self) -> np.ndarray:
        """Return the share of the sky that reaches each vertex, from `shade`: (N,) float32, 0..1.

        It is meaningless in the mouth, where shade is paint.
        """
        return np.clip((self.shade[:, 0] - FOLD_SHADE) / (1 - FOLD_SHADE), 0, 1)


def build_atlas(
    vertices_head: np.ndarray,
    triangles: np.ndarray,
    uv: np.ndarray,
    regions: dict[str, np.ndarray],
    keypoints_head: np.ndarray,
    size: int,
) -> Atlas:
    """Lay out the page for a head.

    Args:
        vertices_head: (N, 3) float, mm: the mean head.
        triangles: (M, 3) int.
        uv: (N, 2) float: the head model's own texture coordinates, v down.
        regions: (N,) bool by name, as `MorphableModel.regions`.
        keypoints_head: (68, 3) float, mm.
        size: width of the page, px; a multiple of 8.

    Returns:
        Atlas; making it takes a second or two, so cache it.

    Raises:
        ValueError: if the size is not a positive multiple of 8.
    """
    if size < 8 or size % 8:
        raise ValueError(f"expected a page size that is a positive multiple of 8, got {size}")
    page_uv = _page_coordinates(vertices_head, uv, regions)
    position_mm, painted = _paint_vertices(vertices_head, triangles, page_uv, regions, size)
    maps = _feature_maps(position_mm, painted, vertices_head, triangles, regions, keypoints_head)
    brow_mm, brow_taper = _brow_maps(position_mm, keypoints_head)
    angle, around = _eye_maps(size // 4)
    return Atlas(
        size,
        page_uv.astype(np.float32),
        position_mm,
        maps,
        _hairline(position_mm, vertices_head, regions),
        brow_mm,
        brow_taper,
        angle,
        around,
        _vertex_shade(vertices_head, triangles, regions),
        _gloss(regions),
    )


def skin_on_page(uv: np.ndarray) -> np.ndarray:
    """Move texture coordinates of the model's skin onto the page: (N, 2) to (N, 2), v down."""
    across, down = PchipInterpolator(*STRETCH_U), PchipInterpolator(*STRETCH_V)
    return np.column_stack([across(uv[:, 0]), SKIN_SHARE * down(uv[:, 1])])


def _page_coordinates(
    vertices_head: np.ndarray, uv: np.ndarray, regions: dict[str, np.ndarray]
) -> np.ndarray:
    """Move the model's texture coordinates onto the page: (N, 2) float64, v down."""
    page = skin_on_page(uv)
    half = PATCH_FILL * np.array([1 / 8, (1 - SKIN_SHARE) / 2])
    for patch, members in enumerate(_parts(vertices_head, regions)):
        local = (uv[members] - CORNERS[patch]) / CORNER_RADIUS
        if patch < 2:
            local *= np.pi / EYE_VIEW
            local /= np.maximum(np.linalg.norm(local, axis=1, keepdims=True), 1)
        centre = np.array([(patch + 0.5) / 4, (1 + SKIN_SHARE) / 2])
        if patch == 3:  # the tongue shares its patch with the shirt
            centre, local = centre - [1 / 16, 0], local * [0.5, 1]
        page[members] = centre + local * half
    return page


def _vertex_shade(
    vertices_head: np.ndarray,
    triangles: np.ndarray,
    regions: dict[str, np.ndarray],
    n_directions: int = 96,
) -> np.ndarray:
    """Measure the share of the sky that each vertex sees, and darken the inside of the head.

    Args:
        vertices_head: (N, 3) float, mm.
        triangles: (M, 3) int.
        regions: (N,) bool by name.
        n_directions: number of parallel views.

    Returns:
        (N, 3) float32 in 0..1, RGB.
    """
    seen = ambient_occlusion(vertices_head, triangles, n_directions)
    openness = np.clip(seen * SKY_GAIN, 0, 1)[:, None]
    shade = np.repeat(FOLD_SHADE + (1 - FOLD_SHADE) * openness, 3, axis=1)
    shade[regions["mouth_cavity"]] = MOUTH_SHADE
    shade[regions["eye_sockets"]] *= SOCKET_SHADE
    for name, (darkest, brightest) in DEPTH_SHADE.items():
        z = vertices_head[regions[name], 2]
        if len(z):
            near = (z - z.min()) / max(np.ptp(z), 1e-9)
            shade[regions[name]] = (darkest + (brightest - darkest) * near**2)[:, None]
    return shade.astype(np.float32)


def _parts(vertices_head, regions):
    left = regions["eyeballs"] & (vertices_head[:, 0] < 0)
    return left, regions["eyeballs"] & ~left, regions["teeth"], regions["tongue"]


def _paint_vertices(vertices, triangles, page_uv, regions, size):
    """Position and regions under each texel of the skin; holes get the nearest texel's."""
    inside = regions["mouth_cavity"] | regions["eye_sockets"]
    for part in ("eyeballs", "teeth", "tongue"):
        inside = inside | regions[part]
    skin = triangles[~inside[triangles].all(axis=1)]
    # Low at the back of the neck the unfolding wraps: triangles there would span the whole page.
    wrapped = np.ptp(page_uv[skin], axis=1).max(axis=1) > WIDEST_TRIANGLE
    skin = skin[~wrapped]
    pixels = page_uv * [size, size / SKIN_SHARE] - 0.5
    fragments = rasterize(np.column_stack([pixels, vertices[:, 2]]), skin, size, size)
    names = ("lips", "nose", "ears", "neck")
    attributes = np.column_stack([vertices, *(regions[name] for name in names)])
    values = interpolate(fragments, skin, attributes)
    rows, columns = distance_transform_edt(
        ~fragments.covered, return_distances=False, return_indices=True
    )
    values = values[rows, columns]
    painted = {name: values[..., 3 + k] for k, name in enumerate(names)}
    return np.ascontiguousarray(values[..., :3]), painted


def _feature_maps(position, painted, vertices, triangles, regions, keypoints):
    x, y, z = np.moveaxis(position, -1, 0)
    blur = position.shape[0] / BLUR_SIZE
    rim_mm, upper = _lid_rim(position, vertices, triangles, regions, keypoints)
    lips = gaussian_filter(painted["lips"], LIPS_BLUR_PX * blur)
    beard_top = np.interp(np.abs(x), *BEARD_TOP_MM)
    beard = soft_step(beard_top - y, BEARD_TOP_WIDTH_MM) * BEARD_BACK.above(z) * BEARD_LOW.above(y)
    freckles = _spots(position) * FRECKLES_TOP.below(y)
    freckles = freckles * FRECKLES_LOW.above(y) * FRECKLES_BACK.above(z)
    maps = {
        "lips": lips,
        "nose": gaussian_filter(painted["nose"], NOSE_BLUR_PX * blur),
        "ears": gaussian_filter(painted["ears"], EARS_BLUR_PX * blur),
        "cheeks": _bumps(position, CHEEKS_MM, CHEEK_RADIUS_MM),
        "tip": _bumps(position, keypoints[30:31], TIP_RADIUS_MM),
        "bags": _bumps(position, BAGS_MM, BAG_RADIUS_MM),
        "lids": np.exp(-((rim_mm / LID_RADIUS_MM) ** 2)) * upper,
        "lashes": np.exp(-((rim_mm / LASH_RADIUS_MM) ** 2))
        * (LOWER_LASHES + (1 - LOWER_LASHES) * upper),
        "beard": beard * np.clip(1 - BEARD_OFF_LIPS * lips, 0, 1),
        "freckles": freckles,
    }
    return {name: np.ascontiguousarray(values, np.float32) for name, values in maps.items()}


def _lid_rim(position, vertices, triangles, regions, keypoints):
    """Distance to the lids' rim, mm, and whether the nearer lid is the upper one (0..1)."""
    socket = regions["eye_sockets"]
    mixed = socket[triangles].any(axis=1) & ~socket[triangles].all(axis=1)
    rim = np.unique(triangles[mixed][socket[triangles[mixed]]])
    rim_mm = cKDTree(vertices[rim]).query(position)[0].astype(np.float32)
    x, y = position[..., 0], position[..., 1]
    middle = np.zeros_like(y)
    for eye in EYES:
        corners = keypoints[[eye[0], eye[3]]]
        side = np.sign(corners[0, 0])
        middle += np.where(x * side > 0, np.interp(x, corners[:, 0], corners[:, 1]), 0)
    return rim_mm, soft_step(y - middle, LID_EDGE_MM)


def _brow_maps(position, keypoints):
    """Distance to the nearer brow's line, mm, and its fullness there, 0..1."""
    best = np.full(position.shape[:2], np.inf, np.float32)
    along = np.zeros_like(best)
    for brow in BROWS:
        fine = np.linspace(0, 4, BROW_STEPS)
        line = PchipInterpolator(range(5), keypoints[list(brow)] + BROW_LIFT_MM)(fine)
        distance, index = cKDTree(line).query(position)
        nearer = distance < best
        best[nearer], along[nearer] = distance[nearer], index[nearer] / (BROW_STEPS - 1)
    taper = np.interp(along, *BROW_TAPER)
    return best, taper.astype(np.float32)


def _hairline(position, vertices, regions):
    """Depth inside the hair's region, mm: distance to skin without hair, or minus that to hair."""
    x, y, z = vertices.T
    skin = ~(regions["eyeballs"] | regions["teeth"] | regions["tongue"])
    skin &= ~(regions["mouth_cavity"] | regions["eye_sockets"])
    hair = skin & (regions["scalp"] | (regions["neck"] & (z < NAPE_Z_MM) & (y > NAPE_Y_MM)))
    to_bare = cKDTree(vertices[skin & ~hair]).query(position)[0]
    to_hair = cKDTree(vertices[hair]).query(position)[0]
    return ((to_bare - to_hair) / 2).astype(np.float32)


def _eye_maps(size):
    axis = ((np.arange(size) + 0.5) / size * 2 - 1) / PATCH_FILL
    x, y = np.meshgrid(axis, -axis)
    return (np.hypot(x, y) * EYE_VIEW).astype(np.float32), np.arctan2(y, x).astype(np.float32)


def _gloss(regions):
    gloss = np.ones(len(regions["lips"]), np.float32)
    for name, strength in PLAIN_GLOSS.items():
        gloss[regions[name]] = strength
    return gloss


def _bumps(position, centres, radius):
    """1 at the nearest centre, falling off like a Gaussian."""
    tree = cKDTree(np.array(centres, float))
    return np.exp(-((tree.query(position)[0] / radius) ** 2)).astype(np.float32)


def _spots(position):
    """Small dark spots all over the skin, a fixed pattern: 1 at their centres."""
    rng = np.random.default_rng(7)
    anchors = position.reshape(-1, 3)[rng.integers(0, position.shape[0] ** 2, FRECKLES)]
    size = rng.uniform(*FRECKLE_MM, len(anchors))
    distance, index = cKDTree(anchors).query(position)
    opacity = FRECKLE_FAINTEST + (1 - FRECKLE_FAINTEST) * rng.random(len(anchors))[index]
    return (np.exp(-((distance / size[index]) ** 2)) * opacity).astype(np.float32)
