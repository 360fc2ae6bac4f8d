"""Time ICP of 45 thousand points on 51 thousand, and small_gicp's ICP as the baseline.

Both make 30 updates from the same start, on one thread: small_gicp searches with the tree that
ours uses, too, and takes steps of Gauss-Newton where ours takes Umeyama's closed form.

    OMP_NUM_THREADS=1 python benchmarks/icp.py
"""

from collections.abc import Callable

import numpy as np
import small_gicp
from timing import in_turn

from facelib.geometry.registration import icp
from facelib.geometry.transforms import rotation_from_pose

N_SOURCE, N_TARGET, UPDATES = 45_000, 51_000, 30
TARGET_RATIO = 1.3
REPEATS = 3
FARTHEST_MM = 1e9  # pairs at any distance count


def bumpy_head(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw (count, 3) points of one bumpy ellipsoid as large as a head, mm."""
    ways = rng.normal(size=(count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    x, y, z = ways.T
    radius = 100 * (1 + 0.1 * np.sin(3 * x) * np.cos(4 * y) + 0.05 * np.sin(9 * z))
    return ways * radius[:, None] * [0.8, 1.1, 0.95]


def calls(n_source: int, n_target: int, updates: int = UPDATES) -> dict[str, Callable]:
    """Return both ways to align a moved sample with another sample of the same surface."""
    rng = np.random.default_rng(0)
    target, source = bumpy_head(rng, n_target), bumpy_head(rng, n_source)
    source = (source - [3.0, -2.0, 4.0]) @ rotation_from_pose(0.08, 0.1, -0.05)

    def theirs():
        clouds = small_gicp.PointCloud(target), small_gicp.PointCloud(source)
        return small_gicp.align(
            *clouds,
            small_gicp.KdTree(clouds[0]),
            registration_type="ICP",
            max_correspondence_distance=FARTHEST_MM,
            max_iterations=updates,
            rotation_epsilon=0,
            translation_epsilon=0,
        )

    return {
        "icp": lambda: icp(source, target, max_iterations=updates, tolerance=0),
        "small_gicp's ICP": theirs,
    }


def main() -> None:
    """Print both times, and their ratio."""
    times = in_turn(calls(N_SOURCE, N_TARGET), REPEATS)
    for name, spent in times.items():
        print(f"{name:18s} median {np.median(spent):6.0f} ms, fastest {min(spent):6.0f} ms")
    ours, theirs = (float(np.median(spent)) for spent in times.values())
    verdict = "met" if ours <= TARGET_RATIO * theirs else "MISSED"
    print(f"ratio {ours / theirs:.2f} (target {TARGET_RATIO}: {verdict})")


if __name__ == "__main__":
    main()
