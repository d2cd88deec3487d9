"""Errors of one message gathered, so that its sender mends all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from protocols.cim.errors import ReplyError, RequestRefused

ERRORS_MAX: Final = 20  # told of one message; the first ones tell what is wrong with the others


def refuse(errors: Sequence[ReplyError]) -> None:
    """Raise `RequestRefused` with the first `ERRORS_MAX` errors; nothing when there are none."""
    if errors:
        raise RequestRefused(*errors[:ERRORS_MAX])
