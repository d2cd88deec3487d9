"""Finds models by name and joins each with the one it extends.

    extends = "generic"

A table of the extending file goes into the table it inherits, key by key; everything else replaces
what it inherits.  A file is checked together with all it extends, so a mistake is told with the
file that the reader asked for and, where it comes from there, with the one that has it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from headend.models.schema import Association, Model, ObjectOfInterest, PushLayout, StatusBits

OURS = Path(__file__).parent
EXTENDS_MAX = 8

T = TypeVar("T")


_NAMED: dict[str, type[Any]] = {
    "association": Association,
    "objects": ObjectOfInterest,
    "push": PushLayout,
    "status": StatusBits,
}


class BadModel(ValueError):
    """The model cannot be used; the text names file and key, and what the key takes."""


class Shelf:
    """Models by name.  `directory` holds a utility's own; ours come along with the program."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directories = (OURS,) if directory is None else (directory, OURS)
        self._read: dict[str, Model] = {}

    def names(self) -> list[str]:
        """Every model there is."""
        return sorted({file.stem for each in self._directories for file in each.glob("*.toml")})

    def get(self, name: str) -> Model:
        """The model of this name.  Raises `BadModel`."""
        if (model := self._read.get(name)) is None:
            model = self._read[name] = self._join(name)
        return model

    def all(self) -> Iterator[Model]:
        """Every model, read and checked.  Raises `BadModel`."""
        return map(self.get, self.names())

    def _join(self, name: str) -> Model:
        table: dict[str, Any] = {}
        for file in reversed(self._line(name)):
            table = _merged(table, _parsed(file))
            _checked(file, {**table, "name": file.stem})  # so that the file at fault is named
        return _checked(self._file(name), {**table, "name": name})

    def _line(self, name: str) -> list[Path]:
        """The file and those that it extends, one after the other."""
        line: list[Path] = []
        wanted: Any = name
        while wanted is not None:
            if not isinstance(wanted, str):
                raise BadModel(f"{line[-1]}: extends: expected the name of a model")
            file = self._file(wanted, line[-1] if line else None)
            if file in line or len(line) >= EXTENDS_MAX:
                chain = " extends ".join(each.stem for each in (*line, file))
                raise BadModel(f"{line[0]}: the models extend one another without end: {chain}")
            line.append(file)
            wanted = _parsed(file).get("extends")
        return line

    def _file(self, name: str, by: Path | None = None) -> Path:
        for directory in self._directories:
            file = directory / f"{name}.toml"
            if file.name == f"{name}.toml" and file.is_file():
                return file
        where = f"{by}: extends: " if by else ""
        raise BadModel(f"{where}there is no meter model {name!r}. Known: {', '.join(self.names())}")


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadModel(f"{file}: {error}") from error


def _merged(inherited: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(inherited)
    for key, value in own.items():
        before = merged.get(key)
        both = isinstance(value, dict) and isinstance(before, dict)
        merged[key] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged


def _checked(file: Path, table: dict[str, Any]) -> Model:
    """The model that a table says.  The entries of named tables are converted one by one, because
    msgspec names no key of a mapping."""
    table = {key: value for key, value in table.items() if key != "extends"}
    for key, kind in _NAMED.items():
        entries = table.get(key)
        if isinstance(entries, dict):
            table[key] = {
                name: _converted(f"{file}: {key}.{name}", entry, kind)
                for name, entry in entries.items()
            }
    return _converted(str(file), table, Model)


def _converted(where: str, value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadModel(f"{where}: {error}") from error
