"""What the project declares that it depends on, and what that brings along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import metadata, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import project

OURSELVES = "ami-headend"


def declared(*extras: str) -> set[str]:
    """Names in pyproject: the core's, and those of extras, extras of extras included."""
    return {
        canonicalize_name(requirement.name)
        for requirement in _declared(extras)
        if requirement.name != OURSELVES
    }


def installed_with(*extras: str) -> set[str]:
    """What an installation with these extras brings, by the installed packages' own metadata."""
    seen: set[tuple[str, frozenset[str]]] = set()
    to_do = [requirement for requirement in _declared(extras) if requirement.name != OURSELVES]
    while to_do:
        requirement = to_do.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        to_do += [
            needed
            for needed in map(Requirement, requires(name) or ())
            if needed.marker is None
            or any(needed.marker.evaluate({"extra": e}) for e in ("", *requirement.extras))
        ]
    return {str(name) for name, _ in seen}


def licence_stated(name: str) -> str:
    """What a package itself says of its licence: expression, short text, or classifiers."""
    stated = metadata(name)
    if expression := stated.get("License-Expression"):
        return str(expression)
    text = stated.get("License") or ""
    if text and "\n" not in text and len(text) < 60 and text != "Dual License":
        return str(text)
    return "; ".join(
        re.sub(r"^License :: (OSI Approved :: )?", "", classifier)
        for classifier in stated.get_all("Classifier", [])
        if classifier.startswith("License ::")
    )


def _declared(extras: Iterable[str]) -> list[Requirement]:
    table = project()["project"]
    assert isinstance(table, dict)
    found = list(map(Requirement, table["dependencies"]))
    to_do, done = list(extras), set()
    while to_do:
        extra = to_do.pop()
        if extra in done:
            continue
        done.add(extra)
        for requirement in map(Requirement, table["optional-dependencies"][extra]):
            found.append(requirement)
            if requirement.name == OURSELVES:
                to_do += requirement.extras
    return found
