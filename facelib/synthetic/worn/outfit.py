"""Outfits from hair to collar: drawn at random, put on a head, drawn over a photo.

Cloth is a mesh that is rendered with the head. Hair, lashes and frames are ribbons, and lenses are
glass: both are drawn over the finished render, which must be over black. None of them changes the
face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facelib.face.headmodel import MorphableModel
from facelib.geometry.mesh import Mesh
from facelib.render.camera import Camera
from facelib.render.render import Light, Rendering
from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.atlas import SHIRT_UV
from facelib.synthetic.worn.clothes import Clothes, random_clothes, sew
from facelib.synthetic.worn.facial_hair import FacialHair, grow_facial_hair, random_facial_hair
from facelib.synthetic.worn.garments import Garments, sewn
from facelib.synthetic.worn.glasses import Glasses, WornGlasses, put_on, random_glasses
from facelib.synthetic.worn.hair import grow_hair
from facelib.synthetic.worn.hair_style import HairStyle, random_hair_style
from facelib.synthetic.worn.hats import CAP_MM, Hat, make_hat, random_hat
from facelib.synthetic.worn.lenses import draw_lenses
from facelib.synthetic.worn.ribbons import Overlay, Ribbons, draw_ribbons, join
from facelib.synthetic.worn.scalp import Scalp

GLASSES_SHARE, HAT_SHARE = 0.3, 0.14
FEMININE_WITH_BEARD = 0.1
# Paint under grown hair: opacity of the hair, shares of the beard by its kind, and of
# the brows' opacity, thickness and raggedness.
PAINTED_HAIR = 0.97
PAINTED_BEARD = {"full": 0.75, "goatee": 0.2, "moustache": 0.12}
PAINTED_BROW = (0.55, 0.9, 1.0)
MOST_CURL_UNDER_HAT_MM = 0.8  # no curl may stick through a hat
# Hair is at least this much redder than green, and the more so the less blue it is: warm from
# green / blue = GOLDEN on, fully after another GOLDEN_RANGE.
LEAST_RED, WARM_RED, GOLDEN, GOLDEN_RANGE = 1.02, 0.55, 1.1, 0.4


@dataclass(frozen=True)
class Outfit:
    """A person's outfit; None for kinds that are not worn.

    Attributes:
        hair: on the head.
        facial: brows, lashes, beard.
        glasses: on the nose.
        hat: on the head.
        clothes: below it.
    """

    hair: HairStyle | None = None
    facial: FacialHair | None = None
    glasses: Glasses | None = None
    hat: Hat | None = None
    clothes: Clothes | None = None

    def __post_init__(self) -> None:
        """Check that a hat comes with clothes: both use the same white patch of the page."""
        if self.hat is not None and self.clothes is None:
            raise ValueError("expected clothes with a hat, got a hat and the plain shirt")

    def only(self, kinds: frozenset[str]) -> Outfit:
        """Keep some of "hair" (on head and face), "glasses" and "clothes" (with the hat)."""
        return Outfit(
            hair=self.hair if "hair" in kinds else None,
            facial=self.facial if "hair" in kinds else None,
            glasses=self.glasses if "glasses" in kinds else None,
            hat=self.hat if "clothes" in kinds else None,
            clothes=self.clothes if "clothes" in kinds else None,
        )


@dataclass(frozen=True)
class Worn:
    """An outfit on a head.

    Attributes:
        cloth: garments, mm, head frame; None for none.
        ribbons: hair and frames, mm, head frame.
        glasses: with their lenses; None for none.
    """

    cloth: Garments | None
    ribbons: Ribbons
    glasses: WornGlasses | None


def random_outfit(
    rng: np.random.Generator, looks: Appearance, feminine: float = 0.5, adult: bool = True
) -> Outfit:
    """Draw an outfit that fits a person's looks.

    Args:
        rng: draws; each kind has its own draws, so omitting one does not change the others.
        looks: colours of hair, skin and cloth, the painted beard and brows.
        feminine: 0..1, decides between kinds of hair and hats.
        adult: whether hair may be lost.
    """
    hair_rng, face_rng, glasses_rng, clothes_rng = rng.spawn(4)
    feminine = FEMININE_WITH_BEARD if looks.beard else feminine
    color = natural_color(looks.hair_color)
    hair = random_hair_style(hair_rng, color, looks.melanin, feminine, adult)
    facial = random_facial_hair(face_rng, color, looks.beard, looks.brow, looks.lashes)
    glasses = random_glasses(glasses_rng) if glasses_rng.random() < GLASSES_SHARE else None
    clothes, hat = random_clothes(clothes_rng, looks.garment), None
    if clothes_rng.random() < HAT_SHARE:
        hat = random_hat(clothes_rng, 0.0 if looks.beard else feminine)
    return Outfit(hair, facial, glasses, hat, clothes)


def looks_under(looks: Appearance, outfit: Outfit) -> Appearance:
    """Return the looks to paint below an outfit: less painted hair, and white for cloth."""
    if outfit.hair is not None:
        looks = replace(looks, hair_color=natural_color(looks.hair_color))
        covered = outfit.hair.kind != "bald"
        looks = replace(looks, hair=PAINTED_HAIR if covered else 0.0)
        looks = replace(looks, hairline_mm=outfit.hair.hairline_mm)
    if outfit.facial is not None:
        painted = PAINTED_BEARD.get(outfit.facial.beard, 1.0) * looks.beard
        looks = replace(looks, beard=painted, brow=looks.brow * PAINTED_BROW)
    return replace(looks, garment=np.ones(3)) if outfit.clothes is not None else looks


def natural_color(color: np.ndarray) -> np.ndarray:
    """Return the nearest colour, (3,) linear RGB, that hair has: never greenish or bluish."""
    red, green, blue = color
    blue = min(blue, green)
    warmth = np.clip((green / max(blue, 1e-6) - GOLDEN) / GOLDEN_RANGE, 0, 1)
    return np.array([max(red, green * (LEAST_RED + WARM_RED * warmth)), green, blue])


def wear(
    outfit: Outfit, skin: np.ndarray, model: MorphableModel, scalp: Scalp, vertices: np.ndarray
) -> Worn:
    """Put an outfit on a person.

    Args:
        outfit: the outfit.
        skin: (3,) linear RGB of the skin in an open collar.
        model: the head model.
        scalp: of its mean head.
        vertices: (N, 3) float, mm, head frame: the person with their expression.
    """
    movement = scalp.cage.carry(vertices - model.mean_head)
    keypoints = model.keypoints(vertices)
    parts = []
    if outfit.hair is not None and not (outfit.hat is not None and outfit.hat.kind == "scarf"):
        style = outfit.hair
        if outfit.hat is not None:
            curl_mm = min(style.curl_mm, MOST_CURL_UNDER_HAT_MM)
            style = replace(style, knot="low" if style.knot else "", curl_mm=curl_mm)
        hair = grow_hair(style, scalp, None if outfit.hat is None else CAP_MM)
        moved = hair.points_head + movement.at(hair.points_head)
        parts.append(replace(hair, points_head=moved))
    if outfit.facial is not None:
        parts.append(grow_facial_hair(outfit.facial, vertices, keypoints))
    glasses = None
    if outfit.glasses is not None:
        glasses = put_on(outfit.glasses, vertices, keypoints)
        parts.append(glasses.frame)
    cloth = []
    if outfit.clothes is not None:
        cloth.append(sew(outfit.clothes, skin))
    if outfit.hat is not None:
        cloth.append(make_hat(outfit.hat, scalp.field))
    worn = None
    if cloth:
        worn = sewn(cloth)
        worn = worn.carried(movement.at(worn.vertices_head))
    return Worn(worn, join([part for part in parts if len(part.first) > 1]), glasses)


def with_cloth(
    mesh_head: Mesh, normals_head: np.ndarray, cloth: Garments, kept: int
) -> tuple[Mesh, np.ndarray]:
    """Add cloth to a painted head; the page's patch for cloth must be white (`looks_under`).

    Args:
        mesh_head: the head's vertices first, then the plain shirt's.
        normals_head: (N, 3) float, of its vertices.
        cloth: garments in the head frame.
        kept: number of the mesh's first vertices to keep: the head's.

    Returns:
        The mesh, whose last triangles are the cloth's, and its normals.
    """
    old = mesh_head.triangles[(mesh_head.triangles < kept).all(axis=1)]
    spot = np.tile(np.float32(SHIRT_UV), (len(cloth.colors), 1))
    mesh = Mesh(
        np.concatenate([mesh_head.vertices[:kept], cloth.vertices_head]),
        np.concatenate([old, cloth.triangles + kept]),
        np.concatenate([mesh_head.uv[:kept], spot]),
        mesh_head.texture,
        np.concatenate([mesh_head.colors[:kept], cloth.colors]),
    )
    return mesh, np.concatenate([normals_head[:kept], cloth.normals()])


def draw_worn(
    photo: Rendering,
    camera: Camera,
    worn: Worn,
    lights: Sequence[Light],
    ambient: np.ndarray | tuple[float, float, float],
) -> Overlay:
    """Draw hair, frames and lenses over a render of head and cloth.

    Args:
        photo: over black, with the same camera.
        camera: of the photo.
        worn: on the same head.
        lights: directional, eye frame.
        ambient: (3,) RGB light from all directions, or (N, 3) for every point of the ribbons.
    """
    drawn = draw_ribbons(photo, camera, worn.ribbons, lights, ambient)
    if worn.glasses is None:
        return drawn
    around = np.asarray(ambient, float).reshape(-1, 3).mean(axis=0)
    return draw_lenses(drawn, camera, worn.glasses, lights, around)
