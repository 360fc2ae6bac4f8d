"""What one attempt to break something gave, and how many of a kind went well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby

FAULT = "fault"
"""The outcome of a trial that shows a fault of facelib; any other outcome is as promised."""


@dataclass(frozen=True)
class Trial:
    """One attempt.

    Attributes:
        subject: what was tried, such as `photo.jpg` or `facelib train`.
        attack: what was done to it, such as `cut` or `SIGKILL`.
        outcome: what came of it in a word, such as `read`, `refused`, `resumed`; or `FAULT`.
        words: the message that the user got; of a fault, what went wrong and how to repeat it.
        seconds: how long it took.
        memory_mb: peak memory of the process, MB; 0 where it was not measured.
    """

    subject: str
    attack: str
    outcome: str
    words: str = ""
    seconds: float = 0.0
    memory_mb: float = 0.0


def table(trials: Iterable[Trial]) -> dict[str, list[dict]]:
    """Count the trials of each kind, and list every fault.

    Returns:
        `rows`: per subject and attack the number tried, the number of each outcome, the longest
        time in s and the largest memory in MB; `faults`: the trials that show one.
    """
    trials = sorted(trials, key=_kind)
    rows = []
    for (subject, attack), group in groupby(trials, key=_kind):
        group = list(group)
        rows.append({
            "subject": subject,
            "attack": attack,
            "tried": len(group),
            "outcomes": dict(sorted(Counter(trial.outcome for trial in group).items())),
            "slowest_s": round(max(trial.seconds for trial in group), 3),
            "largest_mb": round(max(trial.memory_mb for trial in group)),
        })  # fmt: skip
    return {"rows": rows, "faults": [asdict(t) for t in trials if t.outcome == FAULT]}


def _kind(trial: Trial) -> tuple[str, str]:
    return trial.subject, trial.attack
