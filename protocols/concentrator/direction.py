"""What every message between head-end and concentrator has, and the parts that many share."""

from __future__ import annotations

from datetime import datetime

import msgspec

VERSION = 1


class ToConcentrator(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """Fields of every message to a concentrator.

    `at` is when it was sent, by the head-end's clock.  A concentrator whose own clock is behind it
    learns so, and counts `not_after` by the later of the two.
    """

    id: str  # unique for ever; a message that is sent again keeps it
    at: datetime | None = None  # when it was sent
    v: int = VERSION  # of this message set


class FromConcentrator(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """Fields of every message from a concentrator."""

    id: str  # unique for ever; a message that is sent again keeps it
    at: datetime  # by the concentrator's clock
    v: int = VERSION  # of this message set


class ObjectWanted(msgspec.Struct, frozen=True):
    """An attribute to read."""

    class_id: int
    name: str  # logical name, "1.0.1.8.0.255"
    attribute: int = 2


class ObjectRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attribute as read, or why it was not."""

    class_id: int
    name: str  # logical name
    attribute: int
    value: str | None = None  # decimal text in `unit`, or other text
    unit: str | None = None  # "Wh", "V"; absent where there is none
    error: str | None = None  # the standard's name of the data-access-result
    raw: bytes = b""  # the value's A-XDR octets; base64 in JSON
    quality: tuple[str, ...] = ()  # what was odd: "trailing-octets"
