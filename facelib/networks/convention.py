"""The unit of position maps inside networks, for programs that do not load torch."""

from __future__ import annotations

# A position of `size` px is stored as 1 / 1.1: parts of a rotated face lie outside the crop, and
# the thesis's last sigmoid can only reach them if its range extends beyond the crop's edge.
POSITION_SCALE = 1.1
