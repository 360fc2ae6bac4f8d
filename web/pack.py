"""Pack what the page "Your own two photos" loads: networks, head model and example photos.

`make` runs it. The head's file is the length of a description in JSON, that description, and the
arrays that it names, little-endian, each at a multiple of 8 bytes.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import io
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from PIL import Image

from facelib.detect.centerface import INPUT, OUTPUTS, WITH_CONSTANTS, model_path
from facelib.files.paths import data_file
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

EXAMPLES, EXAMPLE_SEED, EXAMPLE_PX = (0, 2, 3), 18, 512
SURFACE = ("counts", "columns", "weights", "triangles", "uv", "copies", "stops")  # of detail 1
LAYOUT = ("triangles", "from_head_data", "from_head_indices", "from_head_indptr")
HEAD = ("mean_head", "shape_basis", "expression_basis", "keypoint_triangles", "keypoint_weights")
REGIONS = ("eyeballs",)


def main() -> None:
    """Write the packs into the folder that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "head.2.gz", pack(head_arrays()))
    _write(out / "dense.2.gz", data_file("dense", "dense.onnx").read_bytes())
    _write(out / "detector.4.gz", rounded_detector())
    _write(out / "examples.1.gz", json.dumps(examples()).encode())


def _write(path: Path, content: bytes) -> None:
    """Write bytes compressed: first every n-th, then every n-th but for one, with n in the name.

    The bytes of a number with the same rank lie together, which compresses better.
    """
    every = int(path.stem.rpartition(".")[2])
    end = len(content) // every * every
    apart = np.frombuffer(content[:end], "u1").reshape(-1, every).T
    path.write_bytes(gzip.compress(apart.tobytes() + content[end:], mtime=0))


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """Return arrays as one file: see the module."""
    described, pieces, length = {}, [], 0
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        described[name] = [array.dtype.str[1:], list(array.shape), length]
        pieces += [content, bytes(-len(content) % 8)]
        length += len(content) + len(pieces[-1])
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *pieces])


def head_arrays() -> dict[str, np.ndarray]:
    """Gather the head model and all that the fit and the texture know beforehand."""
    arrays = {name: _file("head", "head.npz")[name] for name in HEAD}
    head = _file("head", "head.npz")
    names, masks = head["region_names"].tolist(), head["region_masks"]
    arrays |= {name: masks[names.index(name)] for name in REGIONS}
    arrays["expression_names"] = np.frombuffer("\n".join(head["expression_names"]).encode(), "u1")
    arrays["expression_basis"] = head["expression_basis"].astype(np.float32)
    layout, surface = _file("head", "layout.npz"), _file("head", "surface.npz")
    arrays |= {f"layout_{name}": layout[name] for name in LAYOUT}
    arrays |= {f"surface_{name}": surface[f"head1.{name}"] for name in SURFACE}
    arrays |= {f"points_{name}": a for name, a in _file("head", "points.npz").items()}
    arrays |= {f"prior_{name}": a for name, a in _file("head", "prior.npz").items()}
    errors = _file("dense", "dense.errors.npz")
    arrays |= {f"errors_{name}": errors[name] for name in errors if name != "weights_sha256"}
    arrays |= {f"page_{name}": a for name, a in _file("head", "texture.npz").items()}
    return {name: np.atleast_1d(array) for name, array in arrays.items()}


def _file(*name: str) -> dict[str, np.ndarray]:
    with np.load(data_file(*name), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def rounded_detector() -> bytes:
    """Return CenterFace for photos of any size, its kernels rounded to 16 significant bits.

    The lowest byte of each number is then 0 and takes no room. Boxes move by less than 0.01 px;
    half precision would move some by a whole pixel, and change which of two alike boxes is kept.
    """
    model = onnx.load(model_path())
    model.ir_version = WITH_CONSTANTS
    for value in (*model.graph.input, *model.graph.output):
        if value.name in (INPUT, *OUTPUTS):
            for size in value.type.tensor_type.shape.dim:
                size.Clear()
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            bits = numpy_helper.to_array(tensor).copy().view(np.uint32)
            tensor.raw_data = (bits + 0x80 & 0xFFFFFF00).astype("<u4").tobytes()
    return model.SerializeToString()


def examples() -> list[list[str]]:
    """Return pairs of rendered photos, front and side, as data URLs."""
    settings = SyntheticSettings(seed=EXAMPLE_SEED, size=EXAMPLE_PX, held_out=True)
    pairs = (make_pair(index, settings) for index in EXAMPLES)
    return [[_data_url(pair.front), _data_url(pair.side)] for pair in pairs]


def _data_url(pixels: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=92)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


if __name__ == "__main__":
    main()
