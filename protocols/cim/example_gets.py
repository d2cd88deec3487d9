"""Example messages of an adapter: the three kinds of get in both styles, and the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from protocols.cim import get
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Header, Kind, Message, Payload, Reply
from protocols.cim.errors import Identifier, ReplyError
from protocols.cim.example import Example, example, fault, stamp
from protocols.cim.example_records import AT
from protocols.cim.profile import lexical, payload
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.lexical import Value
from protocols.cim.profile.model import (
    Association,
    Attribute,
    CimClass,
    Enumeration,
    Primitive,
    Profile,
)


def of_adapter(profile: Profile) -> Iterator[Example]:
    """The messages, below `adapter-NAME/`."""
    shown = next(cls for cls in profile.classes if not cls.abstract)
    yield from _gets(profile, shown)
    asked = f"adapter-{profile.name}/all-instances"
    many = _reply(profile, asked, "reply-page", Result.PARTIAL, "0.1", (sample(profile, shown),))
    assert many.reply is not None
    page = Identifier("WyI5ZjJjIiwiMTAwMCJd", "other", get.PAGE)
    many = replace(many, reply=replace(many.reply, ids=(page,)))
    for pattern, about, reply in (
        (
            "reply-ok",
            "all of it",
            _reply(profile, asked, "reply-ok", Result.OK, "0.0", (sample(profile, shown),)),
        ),
        ("reply-page", "a page; Reply/ID is what Request/ID of the next question carries", many),
        (
            "reply-failed",
            "refused",
            _failed(profile, asked),
        ),
    ):
        yield example(f"adapter-{profile.name}/{pattern}", f"Reply: {about}.", reply)
    following = get.following(
        _styled(get.all_instances(shown.name, stamp(asked + "/2")), profile, typed=False), page
    )
    about = "Question, generic: the next page of the same."
    yield example(f"adapter-{profile.name}/all-instances-next-page", about, following)
    yield fault(f"adapter-{profile.name}", f"Get{profile.name}")


def _gets(profile: Profile, shown: CimClass) -> Iterator[Example]:
    """The three kinds, each in both styles."""
    folder = f"adapter-{profile.name}"
    key = profile.attributes(shown)[profile.key(shown)[0]]
    linked, way = _told_way(profile)
    span: dict[str, Any] = {"start": AT - timedelta(days=1), "end": AT} if way.history else {}
    special = _special(profile, way)
    for kind, about, made in (
        (
            "all-instances",
            "all instances of a class",
            get.all_instances(shown.name, stamp(f"{folder}/all-instances")),
        ),
        (
            "filter",
            "those whose attributes have these values",
            get.filtered(shown.name, {key.name: "VEN"}, stamp(f"{folder}/filter")),
        ),
        (
            "association",
            f"what {way.name} leads to from an instance of {linked.name}"
            + (", within a window" if span else "")
            + (f", narrowed by {special}" if special else ""),
            get.associated(linked.name, way.name, ["VEN"], stamp(f"{folder}/association"), **span),
        ),
    ):
        for typed in (False, True):
            name = f"{folder}/{kind}" + ("-typed" if typed else "")
            style = "typed" if typed else "generic"
            yield example(name, f"Question, {style}: {about}.", _styled(made, profile, typed=typed))


def _told_way(profile: Profile) -> tuple[CimClass, Association]:
    """The association that shows most: one with a history, else with special attributes."""
    ways = [
        (cls, it)
        for cls in profile.classes
        for it in profile.associations(cls).values()
        if it.many and not cls.abstract
    ]
    return max(ways, key=lambda it: (bool(it[1].history), bool(it[1].special)))


def _special(profile: Profile, way: Association) -> str | None:
    """What narrows an association, in the words of Property/Value."""
    if not way.special:
        return None
    name = way.special[0]
    return f"{name}={lexical.write(_value(profile.attributes(profile[way.target])[name]))}"


def _styled(message: Message, profile: Profile, *, typed: bool) -> Message:
    return replace(message, typed=f"Get{profile.name}" if typed else None)


def _reply(
    profile: Profile,
    asked: str,
    pattern: str,
    result: Result,
    code: str,
    instances: tuple[Instance, ...],
) -> Message:
    level = Level.INFORM if result is Result.OK else Level.WARNING
    errors = (ReplyError(code, level=level),)
    made = _answer(profile, asked, pattern, Reply(result=result, errors=errors))
    return replace(
        made, payload=Payload(content=(payload.write(profile, instances),), format="XML")
    )


def _failed(profile: Profile, asked: str) -> Message:
    details = f"CLASE_DESCONOCIDA: el perfil {profile.name} no tiene la clase 'Breaker'"
    error = ReplyError("2.5", details, xpath="Noun")
    return _answer(profile, asked, "reply-failed", Reply(result=Result.FAILED, errors=(error,)))


def _answer(profile: Profile, asked: str, pattern: str, reply: Reply) -> Message:
    answered = stamp(f"adapter-{profile.name}/{pattern}", asked)
    shown = next(cls for cls in profile.classes if not cls.abstract)
    header = Header(
        verb="reply",
        noun=shown.name,
        timestamp=answered.at,
        source=profile.name,
        message_id=answered.message_id,
        correlation_id=answered.correlation_id,
    )
    return Message(kind=Kind.RESPONSE, header=header, reply=reply)


_VALUES: Final[dict[Primitive, Value]] = {
    Primitive.STRING: "VEN",
    Primitive.INTEGER: 24,
    Primitive.FLOAT: 13.8,
    Primitive.BOOLEAN: True,
    Primitive.DATE_TIME: AT,
}


def sample(profile: Profile, cls: CimClass) -> Instance:
    """An instance with all that one may have."""
    values = {name: _value(it) for name, it in profile.attributes(cls).items()}
    return Instance(cls, values, dict.fromkeys(profile.references(cls), "Z01"))


def _value(attribute: Attribute) -> Value:
    kind = attribute.type
    return kind.literals[0] if isinstance(kind, Enumeration) else _VALUES[kind]
