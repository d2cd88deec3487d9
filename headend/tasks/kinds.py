"""Kinds of task: plug-ins, found by entry point in the group `ami_headend.tasks`.

    [project.entry-points."ami_headend.tasks"]
    MyTask = "my_package.my_module:MY_TASK"

An entry point names a `Kind`: what its parameters are, and what is done.  Those of the product are
known without, so that it runs from its sources too.  One that cannot be loaded is told as broken
and hinders no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar

import msgspec

from headend.config.tasks import Associations
from headend.domain.task import CatchUp, Told
from headend.tasks.work import Failed, Work

GROUP: Final = "ami_headend.tasks"

P = TypeVar("P", bound=msgspec.Struct)


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a kind that takes none."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[P]):
    """A kind of task.

    `parameters` is a frozen msgspec.Struct whose fields all have defaults; `work` does it for one
    turn, any number of times with one result, and answers what came of it.  `standard` is when the
    head-end makes a task of this kind by itself, daily, and None where it does not.  It works on
    what the kinds in `after` leave: where one of those ends later, it is run again (`following`).
    """

    name: str
    about: str
    parameters: type[P]
    work: Callable[[Work, P], Awaitable[Told | Failed]]
    catch_up: CatchUp = CatchUp.LAST
    standard: Callable[[Associations], time] | None = None
    after: tuple[str, ...] = ()

    def read(self, given: Mapping[str, Any]) -> P:
        """The parameters in what somebody gave.  Raises `BadParameters`."""
        try:
            return msgspec.convert(dict(given), self.parameters, strict=False)
        except (msgspec.ValidationError, ValueError) as error:
            raise BadParameters(f"{self.name}: {error}") from error

    def written(self, parameters: P) -> dict[str, Any]:
        """All of them, also those that nobody gave, as they are kept."""
        whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(parameters))
        return whole


class BadParameters(ValueError):
    """What somebody gave is not what the kind takes."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Those there are, by name, and why an entry point could not be used, by its name."""

    known: Mapping[str, Kind[Any]]
    broken: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Kind[Any] | None:
        return self.known.get(name)


def kinds(ours: Iterable[Kind[Any]], found: Iterable[EntryPoint] | None = None) -> Kinds:
    """`ours`, and those of installed packages."""
    known: dict[str, Kind[Any]] = {each.name: each for each in ours}
    broken: dict[str, str] = {}
    for point in entry_points(group=GROUP) if found is None else found:
        try:
            kind = point.load()
        except Exception as error:  # another's code: whatever it raises, ours goes on
            broken[point.name] = f"{type(error).__name__}: {error}"
            continue
        if not isinstance(kind, Kind):
            broken[point.name] = f"{point.value} is no kind of task"
        elif known.setdefault(kind.name, kind) is not kind:
            broken[point.name] = f"there is a kind {kind.name} already"
    return Kinds(known, broken)


def parameters_of(kind: Kind[Any]) -> list[tuple[str, str, Any]]:
    """Each parameter's name, type in words, and default, as builtins."""
    defaults = kind.written(kind.parameters())
    told = msgspec.json.schema(kind.parameters).get("$defs", {}).get(kind.parameters.__name__, {})
    properties = told.get("properties", {})
    return [(name, _type(properties.get(name, {})), value) for name, value in defaults.items()]


def _type(said: Mapping[str, Any]) -> str:
    """A JSON type in words."""
    if "anyOf" in said:
        return " or ".join(_type(each) for each in said["anyOf"])
    if "enum" in said:
        return " or ".join(map(str, said["enum"]))
    of = str(said.get("type", "object"))
    return f"{of} of {_type(said['items'])}" if isinstance(said.get("items"), dict) else of
