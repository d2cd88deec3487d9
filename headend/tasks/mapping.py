"""Which feeder of SIMOCE's is which of SIAD's: by hand, by the Unified Repository, by rules.

What a person has said stands before what the repository says, that before rules: also that what
those had found for a circuit is not it.  A feeder that nothing names stays, unmatched, for somebody
to look at; no two are ever mapped to one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from headend.domain.feeder import BY_HAND, REPOSITORY, FeederMapping

_APART: Final = re.compile(r"[\W_]+")


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One system's half of a rule: `of` is `mRID` or `name`."""

    of: str
    pattern: str


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule as it is written down."""

    name: str
    siad: Side
    simoce: Side

    def __post_init__(self) -> None:
        groups = []
        for side in (self.siad, self.simoce):
            if side.of not in ("mRID", "name"):
                raise ValueError(f"{self.name}: of is mRID or name, not {side.of}")
            try:
                groups.append(set(re.compile(side.pattern).groupindex))
            except re.error as error:
                raise ValueError(f"{self.name}: no pattern: {error}") from error
        if groups[0] != groups[1] or not groups[0]:
            raise ValueError(f"{self.name}: both patterns have the same named groups")


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A feeder as one system names it."""

    key: str
    name: str


@cache
def standard_rules() -> tuple[Rule, ...]:
    """Those that come with the product."""
    text = files(__package__).joinpath("mapping_rules.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=Rules).rule


def mapped(
    siad: Sequence[Named],
    simoce: Sequence[Named],
    known: Iterable[FeederMapping],
    repository: Mapping[str, str],
    rules: Sequence[Rule],
    now: datetime,
) -> list[FeederMapping]:
    """Every feeder of both systems, once: with its other name, or unmatched.

    `known` is how it was, of which what was said by hand stays as long as both are there, and that
    a circuit has no feeder as long as that is there;
    `repository` leads from SIAD's keys to SIMOCE's.
    """
    by_siad, by_simoce = {it.key: it for it in siad}, {it.key: it for it in simoce}
    before = {(it.siad, it.simoce): it for it in known}
    apart = {it.siad for it in before.values() if it.how == BY_HAND and it.simoce is None}
    found: dict[str, tuple[str, str]] = {}  # SIAD's key: SIMOCE's, and how
    taken: set[str] = set()

    def take(one: str, other: str, how: str) -> None:
        if one in by_siad and other in by_simoce and one not in found and other not in taken:
            found[one] = other, how
            taken.add(other)

    for each in before.values():
        if each.how == BY_HAND and each.siad is not None and each.simoce is not None:
            take(each.siad, each.simoce, BY_HAND)
    for one, other in repository.items():
        if one not in apart:
            take(one, other, REPOSITORY)
    for rule in rules:
        left = [it for it in siad if it.key not in found and it.key not in apart]
        free = [it for it in simoce if it.key not in taken]
        for one, other in fitting(rule, left, free):
            take(one, other, rule.name)

    def told(one: Named | None, other: Named | None, how: str | None) -> FeederMapping:
        keys = one.key if one else None, other.key if other else None
        old = before.get(keys)
        since, who = now, "head-end"
        if old is not None and old.how == how and old.at is not None:
            since, who = old.at, old.who
        return FeederMapping(
            *keys, one.name if one else "", other.name if other else "", how, since, who
        )

    pairs = [told(it, by_simoce[found[it.key][0]], found[it.key][1]) for it in siad
        if it.key in found]  # fmt: skip
    alone = [
        told(it, None, BY_HAND if it.key in apart else None) for it in siad if it.key not in found
    ]
    others = [told(None, it, None) for it in simoce if it.key not in taken]
    return [*pairs, *alone, *others]


def fitting(
    rule: Rule, siad: Iterable[Named], simoce: Iterable[Named]
) -> Iterator[tuple[str, str]]:
    """The pairs that a rule names, each of which it names alone."""
    ours, theirs = _caught(rule.siad, siad), _caught(rule.simoce, simoce)
    for what, keys in ours.items():
        others = theirs.get(what, [])
        if len(keys) == len(others) == 1:
            yield keys[0], others[0]


def _caught(side: Side, feeders: Iterable[Named]) -> dict[tuple[tuple[str, str], ...], list[str]]:
    """Keys by what the pattern's groups caught."""
    pattern = re.compile(side.pattern)
    found: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for each in feeders:
        match = pattern.fullmatch(each.key if side.of == "mRID" else each.name)
        if match is not None:
            said = {name: plain(text or "") for name, text in match.groupdict().items()}
            found[tuple(sorted(said.items()))].append(each.key)
    return found


def plain(text: str) -> str:
    """Without accents and case, with one space between words."""
    apart = unicodedata.normalize("NFKD", text)
    letters = "".join(it for it in apart if not unicodedata.combining(it))
    return _APART.sub(" ", letters).strip().casefold()
