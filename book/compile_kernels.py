"""Compile the kernels that most chapters call, so that two of them do not do it at the same time.

`make` runs this while pip installs torch, which takes as long and leaves a core idle. Numba keeps
the machine code beside the source.

    python book/compile_kernels.py
"""

from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings


def main() -> None:
    """Draw a small person, whose pictures nobody needs."""
    make_pair(0, SyntheticSettings(64))


if __name__ == "__main__":
    main()
