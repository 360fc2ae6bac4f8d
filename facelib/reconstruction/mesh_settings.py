"""How a mesh is written: which part, how fine, with which texture, expression and scale.

This module loads nothing, because the command line makes its options of `MeshSettings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from facelib.files.setting import setting

INTEROCULAR_MM = 63.0  # mean distance of adults' pupils: dodgson2004, both sexes
Part = Literal["head", "face"]
Expression = Literal["photo", "neutral"]
DETAIL, TEXTURE_SIZE = 1, 2048
FACE_TEXTURE_SIZE = 512
LARGEST_FACE_TEXTURE = 1024  # of a network of position maps: its map is coarser


class MeshSettingsError(ValueError):
    """A mesh was wanted that the network cannot give."""


@dataclass(frozen=True)
class MeshSettings:
    """How a mesh is written; None stands for the default network's way, which the help names."""

    part: Part | None = setting(
        None,
        "The whole head, or its face alone, from ear to ear and from hairline to chin.  "
        "[default: head]",
    )
    detail: int | None = setting(
        None,
        "Fineness: 0, 1 or 2 for about 5, 20 or 80 thousand vertices.  [default: 1]",
        minimum=0,
        maximum=2,
    )
    texture_size: int | None = setting(
        None, "Side of the texture, px.  [default: 2048]", minimum=16, maximum=4096
    )
    rig: bool | None = setting(
        None, "Put ARKit's 52 facial actions into a GLB as morph targets.  [default: on]"
    )
    expression: Expression | None = setting(
        None,
        "Show the expression of the front photo or a neutral face.  [default: photo]",
    )
    interocular_mm: float = setting(
        INTEROCULAR_MM,
        "Distance between the eyes, mm: it sets the size of the mesh, which photos do not show.",
        option="--interocular",
        above=0.0,
        maximum=1000.0,
    )

    def check_face_alone(self, network: str) -> None:
        """Refuse what only a fitted head can do, for a network that predicts a face alone.

        Args:
            network: its name.

        Raises:
            MeshSettingsError: in one sentence that names the first such setting.
        """
        wishes = {
            "part head": self.part == "head",
            f"detail {self.detail}": bool(self.detail),
            "rig": bool(self.rig),
            "expression neutral": self.expression == "neutral",
            f"texture-size {self.texture_size}": (self.texture_size or 0) > LARGEST_FACE_TEXTURE,
        }
        for wish, asked in wishes.items():
            if asked:
                raise MeshSettingsError(
                    f"{network} predicts a face without a head behind it, so it cannot do {wish}; "
                    "the default network can"
                )
