"""Records with fields that no log may show: keys, passwords, challenges.

APDUs, services and settings are msgspec's structs, because a session makes some fifty of them: one
costs 0.1 µs, a frozen dataclass 0.1 µs for each field (measured).  A struct's own repr tells all.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class Discreet(msgspec.Struct, frozen=True):
    """Names in HIDDEN the fields that neither `repr` nor a table or traceback of rich shows."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        names = (name for name in self.__struct_fields__ if name not in self.HIDDEN)
        return [(name, getattr(self, name)) for name in names]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"
