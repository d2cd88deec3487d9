"""One instance of a class: its attributes, and whom it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocols.cim.profile import lexical
from protocols.cim.profile.lexical import Value
from protocols.cim.profile.model import CimClass, Profile

Position = tuple[str, ...]
"""Where an instance stands among others: its class, then its key, as text."""


@dataclass(frozen=True, slots=True)
class Instance:
    """`attributes` has no entry for what is not known; `references` names an instance by its key,
    for each association that leads to one."""

    cls: CimClass
    attributes: Mapping[str, Value] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)


def position(profile: Profile, instance: Instance) -> Position:
    """Where an instance stands.  Raises `KeyError` where a part of its key is missing."""
    return (
        instance.cls.name,
        *(
            lexical.write(instance.attributes[name])
            if name in instance.attributes
            else instance.references[name]
            for name in profile.key(instance.cls)
        ),
    )


def complaints(profile: Profile, instance: Instance) -> list[str]:
    """What an instance has that its class does not allow, or lacks; names of members."""
    attributes = profile.attributes(instance.cls)
    references = profile.references(instance.cls)
    unknown = [name for name in instance.attributes if name not in attributes]
    unknown += [name for name in instance.references if name not in references]
    wrong = [
        name
        for name, attribute in attributes.items()
        if (
            not lexical.fits(attribute, instance.attributes[name])
            if name in instance.attributes
            else attribute.required
        )
    ]
    missing = [
        name
        for name, association in references.items()
        if association.required and name not in instance.references
    ]
    return [*unknown, *wrong, *missing]
