"""Stand-ins of licensed data for the tests, made once per process."""

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from facelib.datasets.basel.layout import load_basel_face
from facelib.datasets.basel.standin import write_bfm_standin
from facelib.datasets.w300lp.standin import write_w300lp_standin

COLUMNS, ROWS = 61, 42
SEED, COUNT = 3, 34


@lru_cache(maxsize=1)
def _folder():
    folder = Path(tempfile.mkdtemp(prefix="standins"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@lru_cache(maxsize=1)
def basel_folder():
    write_bfm_standin(_folder() / "BFM", COLUMNS, ROWS)
    return _folder() / "BFM"


@lru_cache(maxsize=1)
def photo_folder():
    write_w300lp_standin(_folder() / "300W_LP", COUNT, SEED, COLUMNS, ROWS)
    return _folder() / "300W_LP"


@lru_cache(maxsize=1)
def basel_face():
    return load_basel_face(basel_folder())
