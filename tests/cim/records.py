"""Strategies for records of any noun, made from its plan: whatever the profile can carry."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from protocols.cim.outline import outline
from protocols.cim.plan import Content, Plan, Step, plan
from protocols.cim.record import Record

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1,
                max_size=20).map(str.strip).filter(bool)  # fmt: skip
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
    lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000, tzinfo=UTC)
)
_LEAVES: dict[Content, st.SearchStrategy[Any]] = {
    Content.TEXT: words,
    Content.REFERENCE: words,
    Content.BOOLEAN: st.booleans(),
    Content.INTEGER: st.integers(-(10**9), 10**9),
    Content.DECIMAL: st.decimals(-1000, 1000, places=3),
    Content.TIME: times,
}
_EXACT = {"date": "2026-07-06", "time": "23:15:00"}


@st.composite
def records(draw: st.DrawFn, noun: str, *, extensions: bool = False) -> Record:
    """A record of the noun's root class: all required fields and a few others."""
    return _record(draw, noun, noun, plan(noun), extensions)


def _record(draw: st.DrawFn, noun: str, name: str, found: Plan, extensions: bool) -> Record:
    open_steps = [step for step in found.steps if extensions or not step.extension]
    optional = [step for step in open_steps if not step.required]
    wanted = draw(st.lists(st.sampled_from(optional), max_size=3, unique_by=id)) if optional else []
    taken: set[int] = set()
    values: dict[str, Any] = {}
    for step in open_steps:
        if not step.required and step not in wanted:
            continue
        if step.chosen and not step.many and step.chosen in taken:
            continue
        taken.add(step.chosen)
        most = draw(st.integers(1, 2)) if step.many else 1
        items = tuple(_value(draw, noun, name, step, extensions) for _ in range(most))
        values[step.field] = items if step.many else items[0]
    return found.record(**values)


def _value(draw: st.DrawFn, noun: str, name: str, step: Step, extensions: bool) -> Any:
    found = outline(noun)
    (member,) = (m for m in found.classes[name].members if m.name == step.element)
    if step.plan is not None:
        return _record(draw, noun, member.type, step.plan, extensions)
    if member.type in found.simple and found.simple[member.type][1]:
        return draw(st.sampled_from(found.simple[member.type][1]))
    if member.type in _EXACT:
        return _EXACT[member.type]
    value = draw(_LEAVES[step.content])
    return value + Decimal(0) if isinstance(value, Decimal) else value
