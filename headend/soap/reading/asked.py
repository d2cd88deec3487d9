"""What every question at the door has besides its content: its page, options, and whose meters.

A question's next page is the same question with Request/ID of objectType `Pagina`, whose value the
reply before it gave in Reply/ID.  Request/Option `compresion` = `gzip` asks for Payload/Compressed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from headend.store import told_queries as queries
from headend.store.told_queries import Connection
from protocols.cim import cursors
from protocols.cim.envelope import Message
from protocols.cim.errors import Identifier, ReplyError, RequestRefused, meter_id
from protocols.cim.get import PAGE
from protocols.cim.questions import Question

T = TypeVar("T")
COMPRESSION = ("compresion", "compression")
GZIP = "gzip"


class Reading(Protocol):
    """Carries out a query on what is committed, in a transaction that ends with it.  Raises
    `StoreUnavailable`."""

    async def __call__(self, query: Callable[[Connection], T]) -> T: ...


def option(message: Message, *names: str) -> str | None:
    """The value of the first Request/Option of one of these names, without regard to case."""
    for each in () if message.request is None else message.request.options:
        if each.name.strip().lower() in names:
            return (each.value or "").strip().lower()
    return None


def wants_gzip(message: Message) -> bool:
    """Raises `RequestRefused` (1.8) for another compression than gzip."""
    said = option(message, *COMPRESSION)
    if said not in (None, "", GZIP):
        raise refused("1.8", f"COMPRESION_NO_ADMITIDA: {said[:40]}; se ofrece gzip", "Option")
    return said == GZIP


def mark_of(*said: Any) -> str:
    """The same for the same question."""
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def page_of(message: Message, mark: str, parts: int) -> tuple[str, ...] | None:
    """The position that a question goes on behind; None for its first page.

    Raises `RequestRefused` (2.15) for an ID that no reply to this question gave.
    """
    ids = () if message.request is None else message.request.ids
    if not ids:
        return None
    if len(ids) == 1 and ids[0].object_type == PAGE:
        try:
            after = cursors.position(ids[0].value, mark)
        except ValueError:
            after = ()
        if len(after) == parts:
            return after
    details = "PAGINA_INVALIDA: el ID no es de una respuesta a esta misma pregunta"
    raise refused("2.15", details, "ID")


def page_id(mark: str, after: Sequence[str]) -> Identifier:
    """What a reply names its next page by."""
    return Identifier(cursors.written(mark, after), "other", PAGE)


@dataclass(frozen=True, slots=True)
class Meant:
    """The meters that a question is about, by name: all where `every`.  `points` are the usage
    points that some were named by, `errors` tell of what nobody knows."""

    meters: tuple[str, ...] = ()
    every: bool = False
    points: dict[str, str] = field(default_factory=dict)
    errors: tuple[ReplyError, ...] = ()


def meant(connection: Connection, asked: Question) -> Meant:
    """Look the named ones up.  A group is a place's code or a concentrator's name."""
    if asked.of_all:
        return Meant(every=True)
    names = [each.value for each in asked.meters]
    known = queries.known_meters(connection, names)
    errors = [
        ReplyError("2.4", "MEDIDOR_DESCONOCIDO: no está en el registro", id=meter_id(name))
        for name in names
        if name not in known
    ]
    points: dict[str, str] = {}
    hanging = queries.meters_at(connection, [each.value for each in asked.usage_points])
    for each in asked.usage_points:
        meters = hanging.get(each.value, [])
        if not meters:
            why = "no está en el registro" if each.value not in hanging else "no tiene medidor"
            errors.append(_point(each.value, why))
        points |= dict.fromkeys(meters, each.value)
    for each in asked.groups:
        members = queries.members_of(connection, each.value)
        if members is None:
            named = Identifier(each.value, "name", "EndDeviceGroup")
            errors.append(ReplyError("2.4", "GRUPO_DESCONOCIDO: no está en el registro", id=named))
        known |= set(members or ())
    return Meant(tuple(sorted(known | set(points))), False, points, tuple(errors))


def _point(name: str, why: str) -> ReplyError:
    named = Identifier(name, "name", "UsagePoint")
    return ReplyError("2.12", f"PUNTO_DE_SUMINISTRO_INVALIDO: {why}", id=named)


def refused(code: str, details: str, xpath: str | None = None) -> RequestRefused:
    """A refusal of the whole request."""
    return RequestRefused(ReplyError(code, details, xpath=xpath))
