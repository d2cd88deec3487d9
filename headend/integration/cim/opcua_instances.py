"""Instances made of what a server tells: a node, a value or an event, in the mapping's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headend.integration.cim.layer import Flaw
from headend.integration.cim.opcua_mapping import PlaceOf
from headend.integration.cim.sql_values import Unfit, from_cell
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.lexical import Value
from protocols.cim.profile.model import Profile


def instance_of(
    profile: Profile,
    place: PlaceOf,
    words: Mapping[str, Any],
    key: str,
    known: Mapping[str, Value] | None = None,
) -> tuple[Instance, tuple[Flaw, ...]]:
    """An instance whose members are filled from words, and what it lacks; `known` are attributes
    that follow from its name."""
    attributes: dict[str, Value] = dict(known or {})
    references: dict[str, str] = {}
    wrong: dict[str, bool] = {}
    of_class, links = profile.attributes(place.cls), profile.references(place.cls)
    for name, template in place.members.items():
        attribute = of_class.get(name)
        required = attribute.required if attribute else links[name].required
        cell = words.get(template.alone) if template.alone else template.filled(words)
        if cell is None or cell == "":
            if required:
                wrong[name] = True
        elif attribute is None:
            references[name] = str(cell)
        else:
            try:
                attributes[name] = from_cell(attribute, place.values.get(name, {}), cell)
            except Unfit:
                wrong[name] = required
    left_out = any(wrong.values())
    flaws = tuple(Flaw(place.cls.name, key, name, left_out) for name in wrong)
    return Instance(place.cls, attributes, references), flaws
