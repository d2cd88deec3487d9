"""The documentation page of a profile, in Markdown: its classes, and how they can be asked for."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.cim.profile.model import Association, Attribute, CimClass, Enumeration, Profile


def page(profile: Profile) -> str:
    """The page."""
    return "\n".join(_lines(profile))


def _lines(profile: Profile) -> Iterator[str]:
    yield f"# {profile.title}"
    yield ""
    if profile.about:
        yield profile.about
        yield ""
    yield f"Namespace `{profile.namespace}`; payloads are in the element `{profile.name}`."
    for cls in profile.classes:
        yield from _class(profile, cls)
    if profile.enumerations:
        yield from ("", "## Enumerations", "", "| type | values |", "|---|---|")
        for each in profile.enumerations:
            yield f"| {each.name} | {', '.join(each.literals)} |"
    yield ""


def _class(profile: Profile, cls: CimClass) -> Iterator[str]:
    yield from ("", f"## {cls.name}", "", _introduction(profile, cls))
    if cls.attributes:
        yield from ("", "| attribute | type | | unit | meaning |", "|---|---|---|---|---|")
        for attribute in cls.attributes:
            yield _attribute(attribute)
    if cls.associations:
        yield from ("", "| association | leads to | | meaning |", "|---|---|---|---|")
        for association in cls.associations:
            yield _association(association)


def _introduction(profile: Profile, cls: CimClass) -> str:
    said = [cls.about]
    if cls.parent is not None:
        said.append(f"Parent: {cls.parent}.")
    if cls.abstract:
        below = ", ".join(each.name for each in profile.concrete(cls))
        said.append(f"Abstract: who asks for it gets {below}." if below else "Abstract.")
    else:
        said.append(f"Key: {', '.join(profile.key(cls))}.")
    if cls.own:
        said.append("Not of the CIM: the utility's own.")
    return " ".join(said)


def _attribute(attribute: Attribute) -> str:
    kind = attribute.type
    name = kind.name if isinstance(kind, Enumeration) else str(kind)
    return (
        f"| {attribute.name} | {name} | {attribute.multiplicity} | {attribute.unit} |"
        f" {attribute.about} |"
    )


def _association(association: Association) -> str:
    about = [association.about]
    if association.history:
        about.append("History: StartTime and EndTime must be given.")
    if association.special:
        about.append(f"Property/Value may narrow it by {', '.join(association.special)}.")
    return (
        f"| {association.name} | {association.target} | {association.multiplicity} |"
        f" {' '.join(about)} |"
    )
