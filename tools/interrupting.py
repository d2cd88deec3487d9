"""Ctrl-C that is not lost, and that nobody takes for an error.

The interpreter raises `KeyboardInterrupt` wherever the main thread happens to be.  In a destructor
or a weak reference's callback an exception ends nothing: it is shown to `sys.unraisablehook`, and
the program goes on as if nobody had pressed anything.  Within a library it may be told as an error
before it goes on its way, as SQLAlchemy does while it puts a connection back.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

AGAIN_S = 0.02  # later, by when the destructor is over


@contextmanager
def never_lost() -> Iterator[None]:
    """Interrupt again where an interruption came to nothing."""
    before = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        timer = threading.Timer(
            AGAIN_S, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)
        )
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


def is_no_interruption(record: logging.LogRecord) -> bool:
    """A filter of logs: whoever pressed Ctrl-C knows, and the exit code tells it."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, KeyboardInterrupt)
