"""The part of the configuration that says who is told of readings and events by CIM as they come.

    [[subscriber]]
    name = "mdm"
    address = "https://mdm.utility.example/cim"
    readings = ["0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"]
    events = ["all"]
    severity = "warning"

Nobody is, where none is named.  An address must be on `[delivery] reply_addresses`; without one the
messages go to the queue, `topic_root`/messages.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from headend.config.values import Count, Name
from headend.domain.event import Severity

ALL = "all"
Wanted = tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=80)], ...]


class Subscriber(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`readings` are reading types, `events` EndDeviceEventTypes or the events' own words; "all" is
    every one we have.  The rest names the group of meters, all that are given together."""

    name: Name
    address: str | None = None
    readings: Wanted = ()
    events: Wanted = ()
    severity: Severity = Severity.INFO  # events as bad as that, or worse
    generic: bool = False  # EventMessage instead of CreatedMeterReadings and CreatedEndDeviceEvents
    ack: bool = True  # False: AckRequired is false, and no acknowledgement is waited for
    values_max: Annotated[int, msgspec.Meta(ge=1, le=9_600)] = 9_600  # of one message
    waiting_max: Count = 20  # messages not acknowledged; no more are made until some are
    models: tuple[str, ...] = ()
    place: str | None = None  # its code; the meters that hang in it, at any depth
    concentrators: tuple[str, ...] = ()
    meters: Annotated[tuple[str, ...], msgspec.Meta(max_length=10_000)] = ()

    def __post_init__(self) -> None:
        if not self.readings and not self.events:
            raise ValueError("a subscriber is told of readings, of events, or of both")
