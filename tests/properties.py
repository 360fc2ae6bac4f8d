"""What the tests of properties share: how many examples, and numbers that break things."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)
BAD_NUMBERS = (np.nan, np.inf, -np.inf)


def examples(count: int) -> settings:
    """Return settings for `count` examples per test, times 50 in the profile `long`."""
    return settings(max_examples=count * settings().max_examples // 100)


def scales(least: int, most: int) -> st.SearchStrategy:
    """Draw powers of ten, from 10^least to 10^most."""
    return st.floats(least, most).map(lambda power: 10.0**power)


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Draw a rotation, (3, 3), with every direction as likely as any other."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))
