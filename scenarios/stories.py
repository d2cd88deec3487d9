"""The stories that come with the system, by name, and any other by its file's path."""

from __future__ import annotations

from pathlib import Path

from scenarios.schema import BadScenario, Scenario, read

LIBRARY = Path(__file__).parent / "library"


def names() -> list[str]:
    """The library's stories."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def path_of(name_or_file: str) -> Path:
    """The file of a story.  A path wins over a name.  Raises `BadScenario` where there is none."""
    given = Path(name_or_file)
    if given.is_file():
        return given
    shelved = LIBRARY / f"{name_or_file.removesuffix('.toml')}.toml"
    if shelved.parent == LIBRARY and shelved.is_file():
        return shelved
    raise BadScenario(f"{name_or_file}: neither a file nor a story of the library")


def find(name_or_file: str) -> tuple[str, Scenario]:
    """A story's name, and what it tells.  Raises `BadScenario`."""
    path = path_of(name_or_file)
    return path.stem, read(path)
