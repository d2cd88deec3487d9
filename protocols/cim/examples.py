"""Example messages of each noun and pattern, and of each adapter and kind of get.

They are made by the code that makes the head-end's own messages, and held against schemas and rules
by a test, so that whoever writes a client can trust what they show.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from protocols.cim import exchange, nouns
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Message, Property
from protocols.cim.errors import Identifier, ReplyError, meter_id
from protocols.cim.example import Example, example, fault, stamp
from protocols.cim.example_gets import of_adapter
from protocols.cim.example_records import LIMIT_W, OTHER, content, question, readings
from protocols.cim.exchange import Style
from protocols.cim.nouns import Noun
from protocols.cim.profile import reading

CALLBACK: Final = "https://comercial.example/cim/respuestas"

_UNKNOWN: Final = ReplyError(
    "2.4", f"MEDIDOR_DESCONOCIDO: no existe el medidor {OTHER}", id=meter_id(OTHER)
)


@cache
def every() -> tuple[Example, ...]:
    """All of them, by noun and pattern."""
    found = list(of_nouns())
    for name in reading.ADAPTERS:
        found += of_adapter(reading.profile(name))
    return tuple(found)


def of_nouns() -> Iterator[Example]:
    """Those of the order desk's nouns."""
    for noun in nouns.NOUNS.values():
        yield from _of_noun(noun)


def _of_noun(noun: Noun) -> Iterator[Example]:
    yield from _requests(noun)
    yield from _replies(noun)
    for typed in (True, False):
        style = "typed" if typed else "generic"
        verb = noun.events[0]
        told = exchange.event(
            verb, content(noun.name), stamp(f"{noun.name}/event", ""), Style(typed=typed)
        )
        about = f"Event, {style}: what happened, to whom it concerns."
        yield example(f"{noun.name}/event-{style}", about, told)
    if noun.gets:
        yield from _questions(noun)


def _request(noun: Noun, verb: str, name: str, style: Style) -> Message:
    """A limit's amount goes into Request/Option: in the control it would be an extension."""
    amount = (Property("powerLimit", str(LIMIT_W)), Property("powerLimit.unit", "W"))
    options = amount if noun.name == nouns.CONTROLS else ()
    record = content(noun.name, verb)
    return exchange.request(verb, noun.name, stamp(name), record, style, options=options)


def _requests(noun: Noun) -> Iterator[Example]:
    for verb in noun.requests:
        name = f"{noun.name}/{verb}"
        made = _request(noun, verb, name, Style(typed=True, async_reply=False))
        about = f"Request, typed, synchronous: {verb} {noun.name}; the reply tells the outcome."
        yield example(name, about, made)
    verb = noun.requests[0]
    for pattern, about, style in (
        (
            "async",
            "acknowledged with 0.3 at once, the outcome is posted to ReplyAddress",
            Style(async_reply=True, reply_address=CALLBACK, ack_required=True),
        ),
        ("one-way", "nobody waits for a reply", Style(ack_required=False)),
    ):
        name = f"{noun.name}/{verb}-{pattern}"
        made = _request(noun, verb, name, style)
        yield example(name, f"Request, generic, {pattern}: {about}.", made)


def _replies(noun: Noun) -> Iterator[Example]:
    verb = noun.requests[0]
    asked = f"{noun.name}/{verb}"
    to = exchange.request(verb, noun.name, stamp(asked), None, Style(typed=True))
    transaction = (Identifier("8812", "transaction"),)
    for pattern, about, result, errors in (
        ("reply-ok", "done", Result.OK, ()),
        (
            "reply-acknowledged",
            "taken; the outcome follows under the same CorrelationID",
            Result.OK,
            (ReplyError("0.3", level=Level.INFORM),),
        ),
        (
            "reply-partial",
            "taken for some, refused for the others",
            Result.PARTIAL,
            (ReplyError("0.1", level=Level.WARNING), _UNKNOWN),
        ),
        ("reply-failed", "refused as a whole, nothing was done", Result.FAILED, (_UNKNOWN,)),
    ):
        name = f"{noun.name}/{pattern}"
        ids = transaction if result is not Result.FAILED else ()
        reply = exchange.answer(to, stamp(name, asked), result, errors, ids=ids)
        yield example(name, f"Reply, typed: {about}.", reply)
    yield fault(noun.name, noun.name)


def _questions(noun: Noun) -> Iterator[Example]:
    record = question(noun.name)
    for typed in (True, False):
        style = "typed" if typed else "generic"
        name = f"{noun.name}/get-{style}"
        asked = exchange.question(record, stamp(name), Style(typed=typed))
        yield example(name, f"Question, {style}.", asked)
        answer = exchange.answer(
            asked, stamp(f"{name}/answer", name), Result.OK, (), content(noun.name)
        )
        yield example(f"{noun.name}/get-{style}-answer", f"Its answer, {style}.", answer)
    if noun.name != nouns.READINGS:
        return
    for number, code in ((0, "0.1"), (1, "0.2")):
        name = f"{noun.name}/get-typed-page-{number + 1}"
        error = ReplyError(code, level=Level.INFORM)
        asked = exchange.question(record, stamp(f"{noun.name}/get-typed"), Style(typed=True))
        page = exchange.answer(
            asked,
            stamp(name, f"{noun.name}/get-typed"),
            Result.PARTIAL,
            (error,),
            readings(first=4 * number),
        )
        about = "more follow (0.1)" if number == 0 else "the last one (0.2)"
        yield example(name, f"A page of a large answer: {about}.", page)
