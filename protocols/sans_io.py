"""The answer of every sans-IO part to "what happened?" when nothing has."""

from __future__ import annotations

import enum
from typing import Final


class NeedData(enum.Enum):
    """Type of NEED_DATA: nothing to tell until more octets or a deadline come."""

    NEED_DATA = enum.auto()


NEED_DATA: Final = NeedData.NEED_DATA
