"""What seems wrong with two photos of a face, in one sentence for the person who took them."""

from __future__ import annotations

from dataclasses import dataclass

from facelib.reconstruction.dense_fit import PairFit


@dataclass(frozen=True)
class Doubt:
    """Something that seems wrong: what kind of thing, and one sentence on it."""

    kind: str
    sentence: str


SIDE_FROM_DEG = 45.0  # |yaw| of side photos
APART_DEG = 20.0  # least difference between the yaws of two photos that both help


def doubt_about(pair: PairFit) -> str | None:
    """Return what seems wrong with two photos, the worst alone; None if nothing does."""
    front, side = pair.front.yaws_deg[0], pair.side.yaws_deg[0]
    if abs(front) > SIDE_FROM_DEG and abs(front) - abs(side) > APART_DEG:
        return (
            "The two photos seem to be swapped: the first shows the face from the side "
            f"(yaw {round(front)}°), the second from the front ({round(side)}°)."
        )
    if not pair.agrees:
        return (
            "The two photos do not seem to show one face: is the side photo of another person, "
            "mirrored, or with another expression?"
        )
    if abs(front - side) < APART_DEG:
        return (
            "Both photos show the face from nearly the same direction "
            f"(yaw {round(front)}° and {round(side)}°), so the second adds little."
        )
    return None
