"""The revision of the running code."""

from __future__ import annotations

import subprocess
from pathlib import Path

UNKNOWN = "unknown"
_CHECKOUT = Path(__file__).resolve().parents[2]


def revision(checkout: Path = _CHECKOUT) -> str:
    """Return the git revision of this code.

    Args:
        checkout: the folder that holds the package.

    Returns:
        40 hexadecimal digits, followed by "-dirty" if a tracked file differs; "unknown" if the
        folder is not a checkout, or git is not installed.
    """
    # An installed package may be inside some other project's checkout.
    if not (checkout / ".git").exists():
        return UNKNOWN
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        # A tag may move: only the digits identify a revision.
        done = subprocess.run([*command, "--exclude=*"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return done.stdout.strip()
