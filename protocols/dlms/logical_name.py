"""The six-octet name of a COSEM object (OBIS code), IEC 62056-6-1."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Self

_TEXT = re.compile(
    r"(\d{1,3})[.-](\d{1,3})[.:](\d{1,3})\.(\d{1,3})\.(\d{1,3})[.*](\d{1,3})\Z", re.A
)


@lru_cache(maxsize=1024)  # a field speaks of the same few dozen objects all day
def _octets(text: str) -> bytes:
    match = _TEXT.match(text)
    groups = [int(group) for group in match.groups()] if match else []
    if not match or max(groups) > 255:
        raise ValueError(f"not a logical name: {text!r}")
    return bytes(groups)


class LogicalName(bytes):
    """Value groups A to F.  Written `1.0.1.8.0.255`; read also as `1-0:1.8.0*255`.

    It is a `bytes` of length six, so it goes to the wire as it is and compares with octets.
    """

    __slots__ = ()

    def __new__(cls, name: str | bytes) -> Self:
        """From text or six octets.  Raises ValueError for anything else."""
        if isinstance(name, str):
            name = _octets(name)
        elif len(name) != 6:
            raise ValueError(f"a logical name has six octets, not {len(name)}")
        return super().__new__(cls, name)

    def __str__(self) -> str:
        return ".".join(map(str, self))

    def __repr__(self) -> str:
        return f"LogicalName('{self}')"
