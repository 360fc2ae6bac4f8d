"""The parameters of a chapter, checked before it uses them.

papermill takes any value for them, and a word or a negative number would end far inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from os import PathLike


def check_parameters(
    values: Mapping[str, object],
    *,
    whole: Mapping[str, int] | None = None,
    each: Mapping[str, int] | None = None,
    above: Mapping[str, float] | None = None,
    paths: Sequence[str] = (),
) -> None:
    """Check values by name, such as a notebook's `globals()`.

    Args:
        values: all of them.
        whole: name → the least that a whole number may be.
        each: the same for each of several.
        above: name → what a number must be above.
        paths: names of values that are a path or None.

    Raises:
        ValueError: naming the first wrong one.
    """
    for name, least in (whole or {}).items():
        if not (_is(Integral, values[name]) and values[name] >= least):
            raise _wrong(name, f"a whole number of at least {least}", values[name])
    for name, least in (each or {}).items():
        given = values[name] if isinstance(values[name], (list, tuple)) else ()
        if not given or not all(_is(Integral, value) and value >= least for value in given):
            raise _wrong(name, f"a list of whole numbers of at least {least}", values[name])
    for name, limit in (above or {}).items():
        value = values[name]
        if not (_is(Real, value) and math.isfinite(value) and value > limit):
            raise _wrong(name, f"a number above {limit:g}", value)
    for name in paths:
        if not (values[name] is None or isinstance(values[name], (str, PathLike))):
            raise _wrong(name, "a path or None", values[name])


def _is(kind: type, value: object) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _wrong(name: str, wanted: str, value: object) -> ValueError:
    return ValueError(f"expected the parameter {name} to be {wanted}, got {value!r}")
