"""A get of an adapter, from the side of who asks: the three kinds, and further pages.

- All instances: Header/Noun is a class, and nothing else is said.
- Filter: each Request/Option names an attribute of it, and the value that it must have.
- Association: Header/Property `asociacion`; each Request/Option names an association of the class
  and the key of an instance of it.  The answer holds the instances at the other end.  Property's
  Value narrows these by special attributes of theirs, `measurementType=LineCurrent;phases=A` (the
  name may be left out where there is only one); StartTime and EndTime are the window of a history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from protocols.cim.envelope import Header, Kind, Message, Property, Request
from protocols.cim.errors import Identifier
from protocols.cim.replies import Stamp

ASSOCIATION: Final = "asociacion"
"""The property that makes a get one for an association."""

PAGE: Final = "Pagina"
"""The objectType of the ID that a reply names its next page by, and a request asks for it by."""


def all_instances(cls: str, stamp: Stamp) -> Message:
    """Every instance of a class."""
    return _get(cls, stamp)


def filtered(cls: str, values: Mapping[str, str], stamp: Stamp) -> Message:
    """The instances of a class whose attributes have these values, written as XSD does."""
    return _get(cls, stamp, request=Request(options=_options(values.items())))


def associated(
    cls: str,
    association: str,
    keys: Iterable[str],
    stamp: Stamp,
    *,
    special: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Message:
    """What an association leads to from these instances of a class."""
    return _get(
        cls,
        stamp,
        (Property(ASSOCIATION, special),),
        Request(
            start_time=start,
            end_time=end,
            options=_options((association, key) for key in keys),
        ),
    )


def next_page(reply: Message) -> Identifier | None:
    """How a reply names the page behind it; None at the last."""
    ids = reply.reply.ids if reply.reply is not None else ()
    return next((it for it in ids if it.object_type == PAGE), None)


def following(request: Message, page: Identifier) -> Message:
    """The same request for a further page."""
    return replace(request, request=replace(request.request or Request(), ids=(page,)))


def _options(pairs: Iterable[tuple[str, str]]) -> tuple[Property, ...]:
    return tuple(Property(name, value) for name, value in pairs)


def _get(
    cls: str, stamp: Stamp, properties: tuple[Property, ...] = (), request: Request | None = None
) -> Message:
    header = Header(
        verb="get",
        noun=cls,
        timestamp=stamp.at,
        source=stamp.source,
        message_id=stamp.message_id,
        correlation_id=stamp.correlation_id,
        properties=properties,
    )
    return Message(kind=Kind.REQUEST, header=header, request=request)
