"""Time the resampler: a face cropped from a photo and resized to 256×256, on one core.

The baseline is Pillow's own resize with a box: channel by channel for floats (it has no float RGB),
all at once for bytes, which it rounds between the two passes.

    OMP_NUM_THREADS=1 python benchmarks/resample.py
"""

from functools import partial

import numpy as np
from PIL import Image
from timing import milliseconds

from facelib.imaging.crop import Crop

PHOTOS = {"300W-LP": (450, 300.7), "a phone": (3024, 2300.4)}  # side and face's square, px
SIZE = 256
REPEATS = 20


def pillow(image: np.ndarray, crop: Crop) -> np.ndarray:
    left, top = crop.corner_px + 0.5  # Pillow counts from the first pixel's outer edge
    box = (left, top, left + crop.size_px, top + crop.size_px)
    options = {"resample": Image.Resampling.BILINEAR, "box": box}
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize((SIZE, SIZE), **options))
    channels = [np.ascontiguousarray(image[..., k]) for k in range(3)]
    cut = [np.asarray(Image.fromarray(one).resize((SIZE, SIZE), **options)) for one in channels]
    return np.stack(cut, axis=-1)


def cut(image: np.ndarray, crop: Crop) -> np.ndarray:
    return crop.cut(image)


def main() -> None:
    for name, (side, square) in PHOTOS.items():
        photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        crop = Crop((side / 2, side / 2), square, SIZE)
        for image in (photo, photo / np.float32(255)):
            apart = np.abs(crop.cut(image) - pillow(image, crop)).max()
            print(f"{name}, {image.dtype}: at most {apart:.1g} apart")
            for label, function in (("baseline: Pillow", pillow), ("Crop.cut", cut)):
                median, fastest = milliseconds(partial(function, image, crop), REPEATS)
                print(f"  {label:20s} {median:7.2f} ms, fastest {fastest:.2f} ms")


if __name__ == "__main__":
    main()
