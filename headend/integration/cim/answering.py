"""The answer to a get: (request, profile, data layer) -> reply, one page of it.

An answer that fits into one page is OK, with 0.0.  A longer one is PARTIAL: 0.1 while more follows,
and then Reply/ID of type `Pagina` is what the same request must carry in Request/ID to get the next
page; 0.2 at the last.  FAILED says what is wrong, and nothing was given.  Of several keys some of
which are unknown, the known ones are answered, PARTIAL, with an error for each of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from headend.integration.cim.layer import (
    BadPosition,
    DataLayer,
    Flaw,
    Page,
    Selection,
    SourceTooSlow,
    SourceUnavailable,
    TooMuch,
    Via,
)
from headend.integration.cim.limits import LIMITS, Limits
from headend.integration.cim.question import Question, question
from headend.integration.cim.refusals import Refusal
from protocols.cim import cursors
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Header, Kind, Message, Payload, Reply
from protocols.cim.errors import Identifier, ReplyError, RequestRefused
from protocols.cim.get import PAGE, following, next_page
from protocols.cim.profile import payload
from protocols.cim.profile.instance import Position
from protocols.cim.profile.model import Profile
from protocols.cim.replies import Stamp

FLAWS_MAX = 20
"""Errors about single data that one answer lists."""

_UNKNOWN = {"Meter": Refusal.MEDIDOR_DESCONOCIDO, "UsagePoint": Refusal.PUNTO_DESCONOCIDO}


async def answer(
    message: Message, profile: Profile, layer: DataLayer, stamp: Stamp, limits: Limits = LIMITS
) -> Message:
    """The reply to a request, which has passed the envelope's schema."""
    assert message.header is not None
    noun = message.header.noun
    try:
        asked = question(profile, message, limits)
        after = _position(asked)
        async with asyncio.timeout(limits.source_s):
            selection, unknown = await _of_known_ids(asked.selection, layer)
            page = await layer.page(selection, after, limits.page)
    except RequestRefused as error:
        return _reply(noun, stamp, Reply(result=Result.FAILED, errors=error.errors))
    except BadPosition:
        failure = Refusal.PAGINA_INVALIDA.error(asked.cursor, xpath="ID")
    except (TimeoutError, SourceTooSlow):
        failure = Refusal.FUENTE_LENTA.error(profile.name, f"{limits.source_s:g}")
    except TooMuch:
        failure = Refusal.DEMASIADOS_DATOS.error()
    except SourceUnavailable:
        failure = Refusal.FUENTE_CAIDA.error(profile.name)
    else:
        content = Payload(content=(payload.write(profile, page.instances),), format="XML")
        return _reply(noun, stamp, _told(asked, page, unknown), content)
    return _reply(noun, stamp, Reply(result=Result.FAILED, errors=(failure,)))


async def pages(
    message: Message, profile: Profile, layer: DataLayer, stamp: Stamp, limits: Limits = LIMITS
) -> AsyncIterator[Message]:
    """All replies to a request, for a way on which several may be sent.  Their MessageIDs are the
    stamp's: whoever sends them gives each its own."""
    while True:
        reply = await answer(message, profile, layer, stamp, limits)
        yield reply
        page = next_page(reply)
        if page is None:
            return
        message = following(message, page)


async def _of_known_ids(
    selection: Selection, layer: DataLayer
) -> tuple[Selection, tuple[ReplyError, ...]]:
    """The selection without the keys that nobody has, and an error for each of those.

    Raises `RequestRefused` where none is left.
    """
    via = selection.via
    if via is None:
        return selection, ()
    known = await layer.known(via.source, via.ids)
    unknown = tuple(_unknown(via, key) for key in via.ids if key not in known)
    if not known:
        raise RequestRefused(*unknown)
    ids = tuple(key for key in via.ids if key in known)
    return replace(selection, via=replace(via, ids=ids)), unknown


def _unknown(via: Via, key: str) -> ReplyError:
    refusal = _UNKNOWN.get(via.source.name, Refusal.CLAVE_DESCONOCIDA)
    return refusal.error(key, via.source.name, id=Identifier(key, "name", via.source.name))


def _told(asked: Question, page: Page, unknown: tuple[ReplyError, ...]) -> Reply:
    flaws = tuple(map(_flaw, page.flaws[:FLAWS_MAX]))
    if page.after is None and not asked.cursor and not unknown and not flaws:
        return Reply(result=Result.OK, errors=(ReplyError("0.0", level=Level.INFORM),))
    first = ReplyError("0.2" if page.after is None else "0.1", level=Level.WARNING)
    ids = (
        () if page.after is None else (Identifier(_cursor(asked.mark, page.after), "other", PAGE),)
    )
    return Reply(result=Result.PARTIAL, errors=(first, *unknown, *flaws), ids=ids)


def _flaw(flaw: Flaw) -> ReplyError:
    what = flaw.cls if flaw.left_out else f"{flaw.cls}.{flaw.member}"
    return Refusal.DATO_ILEGIBLE.error(
        what, level=Level.WARNING, id=Identifier(flaw.key, "name", flaw.cls)
    )


def _cursor(mark: str, after: Position) -> str:
    return cursors.written(mark, after)


def _position(asked: Question) -> Position | None:
    """Where a page begins.  Raises `BadPosition` for what is no cursor of this question."""
    if not asked.cursor:
        return None
    try:
        return cursors.position(asked.cursor, asked.mark)
    except ValueError as error:
        raise BadPosition(str(error)) from error


def _reply(noun: str, stamp: Stamp, reply: Reply, content: Payload | None = None) -> Message:
    return Message(
        kind=Kind.RESPONSE,
        header=Header(
            verb="reply",
            noun=noun,
            timestamp=stamp.at,
            source=stamp.source,
            message_id=stamp.message_id,
            correlation_id=stamp.correlation_id,
        ),
        reply=reply,
        payload=content,
    )
