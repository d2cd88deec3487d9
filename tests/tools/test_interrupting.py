"""Ctrl-C at a moment at which an exception ends nothing."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.house.source import ROOT

LOST = """
import signal, time, weakref
from tools.interrupting import never_lost

class Held:
    pass

def ends(_):
    signal.raise_signal(signal.SIGINT)  # as if it were pressed just now

with never_lost():
    held = Held()
    watch = weakref.ref(held, ends)
    try:
        del held
        print("went on", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""

TOLD = """
import logging
from tools.terminal import log_to_stderr

log_to_stderr()
for why in (KeyboardInterrupt, ValueError):
    try:
        raise why
    except BaseException:
        logging.getLogger("sqlalchemy.pool").error(f"during reset: {why.__name__}", exc_info=True)
"""


def test_an_interruption_in_a_callback_comes_again() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOST], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.splitlines() == ["went on", "interrupted"]
    assert (ran.returncode, ran.stderr) == (0, "")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_library_that_tells_an_interruption_as_an_error_is_not_heard() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", TOLD], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith("ERROR during reset: ValueError\n")
    assert "KeyboardInterrupt" not in ran.stderr
