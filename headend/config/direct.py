"""The part of the configuration on meters that are reached without a concentrator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from headend.config.values import Count, Port, Seconds


class ReadSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is read of every directly reached meter of a model, and how often.

    `every` is a part of a day, counted from midnight in the utility's zone: 15min, 1h, 1d.
    `objects` are words of the meter's model, or logical names of registers and profiles.
    """

    model: str
    objects: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    every: Literal["5min", "15min", "30min", "1h", "6h", "12h", "1d"] = "15min"


class DirectPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Meters that are reached without a concentrator.

    `system_title` is ours among all clients of these meters, 16 hexadecimal digits; workers on one
    database share it, two head-ends never do.  Without `listen_port` no meter can call us.
    """

    system_title: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Fa-f]{16}\Z")] = "414D494845000001"
    listen_host: str = "127.0.0.1"  # where meters call and push, by TCP and UDP
    listen_port: Port | None = None  # 4059 is DLMS's own; 0 takes a free one
    strangers_max: Count = 32  # connections of which nobody knows yet whose they are
    hello_s: Seconds = 5.0  # for a caller to push before it is asked who it is
    framing_s: Seconds = 5.0  # for an answer in one framing before the next is tried
    identify_s: Seconds = 45.0  # after which one who has not said who he is is hung up on
    call_wait_s: Seconds = 60.0  # for a meter that calls by itself and is not connected just now
    late_after_s: Seconds = 900.0  # between a push's own time and its arrival
    sessions_per_segment: Count = 4
    grace_s: Seconds = 30.0  # for a session under way when its command's `not_after` comes
    models: Path | None = None  # a folder of meter models of the utility's own
    read: tuple[ReadSchedule, ...] = ()

    @property
    def title(self) -> bytes:
        return bytes.fromhex(self.system_title)
