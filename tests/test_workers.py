"""Worker processes do not hear Ctrl-C, which reaches every process of a terminal."""

import signal
import subprocess
import sys

CODE = """
import signal
from joblib import Parallel, delayed
from facelib.files.workers import ignore_ctrl_c

ask = delayed(signal.getsignal)(signal.SIGINT)
(answer,) = Parallel(n_jobs=2, initializer=ignore_ctrl_c)([ask])
print(answer is signal.SIG_IGN, signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
"""


def test_workers_do_not_hear_ctrl_c_but_who_starts_them_does():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, preexec_fn=hear
    )
    assert done.stdout == "True False\n", done.stderr


def hear():
    """Undo what shells do for programs in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
