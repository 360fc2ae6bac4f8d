"""The unit of position maps inside networks, for programs that do not load torch."""

from __future__ import annotations

# A position of `size` px is stored as 1 / 1.1: corners of a rotated face leave the crop, and the
# thesis's last sigmoid can only reach them if the crop's edge lies inside its range.
POSITION_SCALE = 1.1
