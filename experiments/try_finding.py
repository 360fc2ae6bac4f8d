"""How many faces are found, and brought upright, in photos turned by quarter turns without EXIF.

    python experiments/try_finding.py --count 64

The photos are of generated people whom no network saw. Takes a minute; writes
data/tries/finding.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from facelib.detect.faces import find_faces
from facelib.files.atomic import replacing
from facelib.files.tables import markdown
from facelib.imaging.imagefiles import Photo
from facelib.reconstruction.crops import FRONT_BOX, SIDE_BOX
from facelib.reconstruction.dense_fit import DenseFit
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.looking import look_upright
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

OUT = Path(__file__).parents[1] / "data" / "tries" / "finding.json"
BOXES = {"front": FRONT_BOX, "side": SIDE_BOX}


def try_turn(network: DenseFit, photos: list[np.ndarray], view: str, turns: int) -> dict:
    """Count the photos, turned so many times, in which the face is found and brought upright."""
    found = by_detector = by_points = 0
    for pixels in photos:
        photo = Photo.of_pixels(np.ascontiguousarray(np.rot90(pixels, turns)))
        faces = find_faces(photo.pixels)
        if not faces.faces:
            continue
        found += 1
        by_detector += (faces.quarter_turns + turns) % 4 == 0
        look = look_upright(
            lambda turned, crop: network.look(turned, crop, 2),
            photo.turned(faces.quarter_turns), faces.faces[0], BOXES[view], network.size,
        )  # fmt: skip
        by_points += (faces.quarter_turns + look.quarter_turns + turns) % 4 == 0
    return {
        "view": view,
        "turned_deg": 90 * turns,
        "photos": len(photos),
        "found": found,
        "upright_by_detector": int(by_detector),
        "upright_by_points": int(by_points),
    }


def main() -> None:
    """Make the photos, turn them and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=64, help="people")
    parser.add_argument("--preset", default="mixed", help="of poses")
    options = parser.parse_args()
    settings = SyntheticSettings(256, seed=77, held_out=True, preset=options.preset)
    pairs = [make_pair(index, settings) for index in range(options.count)]
    network = load_predictor(None, prefer_onnx=True)
    rows = [
        try_turn(network, [getattr(pair, view) for pair in pairs], view, turns)
        for view in BOXES
        for turns in range(4)
    ]
    print(markdown(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))
    with replacing(OUT) as temporary:
        temporary.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
