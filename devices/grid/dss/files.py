"""The files of a script: their lines without block comments, found whatever their capitals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from devices.grid.errors import BadNetwork

OCTETS_MAX = 64_000_000


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file without its block comments, numbered from 1.  Raises BadNetwork."""
    try:
        if path.stat().st_size > OCTETS_MAX:
            raise BadNetwork(f"{path.name} is larger than {OCTETS_MAX:,} octets")
        octets = path.read_bytes()
    except OSError as error:
        raise BadNetwork(f"{path}: {error.strerror}") from error
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if not inside and line.lstrip().startswith("/*"):
            inside = True
        if inside:
            inside = "*/" not in line
            continue
        yield number, line


def located(folder: Path, path: Path) -> Path | None:
    """The file, with capital letters as the disk has them."""
    at = path if path.is_absolute() else folder / path
    if at.is_file():
        return at
    here = Path(at.anchor) if at.is_absolute() else Path()
    for part in at.parts[1:] if at.is_absolute() else at.parts:
        if (here / part).exists():
            here = here / part
            continue
        try:
            alike = [each for each in sorted(here.iterdir()) if each.name.lower() == part.lower()]
        except OSError:
            return None
        if not alike:
            return None
        here = alike[0]
    return here if here.is_file() else None
