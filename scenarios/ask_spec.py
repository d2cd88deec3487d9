"""What an operator asks of a concentrator in a story, as `ami concentrator ask` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from headend.domain.activity import ActivityKind, ActivityState
from scenarios.mistakes import Path as Place
from scenarios.parts import Duration, Part

Asked = Literal["state", "clock", "topology", "events", "faults", "task", "discover", "reboot"]
States = dict[str, int]


class AskSpec(Part, frozen=True):
    """One question, to one concentrator."""

    at: Duration
    concentrator: str
    kind: Asked
    meters: tuple[str, ...] = ()  # of a task: these; none: all behind it
    objects: tuple[str, ...] = ()  # of a task: words of the meters' model or logical names
    back: Duration = "24h"  # of a task: how far back rows of a profile reach
    deadline: Duration = "1h"  # counted from `at`


def unknown_words(expected: Mapping[str, States]) -> Iterator[str]:
    """Kinds and states of an expectation that there are not."""
    yield from {*expected} - {*ActivityKind}
    yield from {state for states in expected.values() for state in states} - {*ActivityState}


def contradictions(asked: Iterable[AskSpec], known: frozenset[str]) -> Iterator[tuple[Place, str]]:
    """What the types cannot say; `known` are the field's concentrators."""
    for number, spec in enumerate(asked):
        here = ("ask", number)
        if spec.concentrator not in known:
            yield (*here, "concentrator"), f"names {spec.concentrator!r}, which the field lacks"
        if spec.kind == "task" and not spec.objects:
            yield here, "is a task, which names objects"
        if spec.kind != "task" and (spec.meters or spec.objects):
            yield here, "has meters and objects if it is a task, and only then"
