"""The databases of the systems that a stand-in needs, as SQLite files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from scenarios.utility import repository, siad, vip
from scenarios.utility.model import Utility
from scenarios.utility.sheets import Sheet, write_sqlite

SHEETS: Final[dict[str, Callable[[Utility], tuple[Sheet, ...]]]] = {
    "siad": siad.sheets,
    "vip": vip.sheets,
    "repository": repository.sheets,
}
"""Of each database, by its adapter's name."""


def write(utility: Utility, folder: Path) -> dict[str, Path]:
    """The files, by adapter.  Raises `FileExistsError` rather than write over one."""
    files = {adapter: folder / f"{adapter}.db" for adapter in SHEETS}
    for adapter, path in files.items():
        write_sqlite(path, SHEETS[adapter](utility))
    return files
