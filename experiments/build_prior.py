"""Write what the default network's fit reads at its start: data/head/points.npz and prior.npz.

Run it after build_head.py, build_people.py and build_layout.py. A test compares the files with what
this script computes.

    python experiments/build_prior.py data/head
"""

import sys
from pathlib import Path

from facelib.face.dense_points import save_dense_points
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.face.point_choice import choose_points
from facelib.fitting.head_prior import save_prior
from facelib.fitting.people_prior import people_prior


def main(folder: Path) -> None:
    """Write both files into a folder."""
    layout = load_layout()
    points = choose_points(layout, layout.from_head @ load_head().mean_head)
    save_dense_points(folder / "points.npz", points)
    save_prior(folder / "prior.npz", people_prior())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
