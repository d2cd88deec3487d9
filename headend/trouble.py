"""What should not have happened inside: kept for who watches, and told in the log.

A database that is away is told in a line; anything else is a mistake of ours, and has its stack.
"""

from __future__ import annotations

import traceback
from typing import Any

from headend.ports import StoreUnavailable

KEPT_MAX = 100  # the last ones
TEXT_MAX = 300  # characters of an error's own text, where it stands among other things


def note(errors: list[Exception], log: Any, what: str, error: Exception, **about: object) -> None:
    """Add an error to those of its part, and log it."""
    errors.append(error)
    del errors[:-KEPT_MAX]
    if not isinstance(error, StoreUnavailable):
        # Written here and not by the log's renderer, which where rich is installed shows each
        # frame's local variables, keys among them, and takes a second for it.
        about["exception"] = "".join(traceback.format_exception(error)).rstrip()
    log.error(what, why=in_a_line(error), **about)


def in_a_line(error: Exception) -> str:
    """An error's class and text, without its stack."""
    name = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except Exception:  # its text is part of what broke
        return name
    return f"{name}: {text[:TEXT_MAX]}" if text else name
