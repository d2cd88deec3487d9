"""What was written to a meter and what happened to it, apart from what follows from seed and load.

    form = overlay(meter)             # plain values; equal as long as nothing was written
    restore(other, form, image=image, now=now)      # another, as delivered, of the same kind

Left out are the counters, which change with every message and are kept apart (`Counts`); faults and
the simulation's own history; and what follows from the rest.  Links and associations end with the
process, as with the power.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devices.meter.action_schedule import ActionSchedules
from devices.meter.billing import Billing
from devices.meter.certificates import Certificates
from devices.meter.clock_object import Preset
from devices.meter.device import Meter
from devices.meter.image_transfer import ImageTransfer
from devices.meter.keyring import Keyring
from devices.meter.load_relay import LoadRelay
from devices.meter.metering import Span
from devices.meter.monitor import RegisterMonitor, VoltageWatch
from devices.meter.parts import Part
from devices.meter.plain_form import Damaged, plain, restored
from devices.meter.profile import Recordings
from devices.meter.push import PushDesk
from devices.meter.tariff import Tariffs

PARTS: tuple[type[Part], ...] = (
    *(ActionSchedules, Billing, Certificates, ImageTransfer, Keyring),
    *(LoadRelay, Preset, PushDesk, Recordings, RegisterMonitor, Tariffs, VoltageWatch),
)
"""All but the maxima of demands, which are found again."""

MEMBERS = ("_journal", "_limiter", "_passwords", "_supply", "_timeline", "_written")


def overlay(meter: Meter) -> dict[str, Any]:
    """Everything that was written, in plain form, without the octets of a firmware image."""
    spans = [[span.begin, plain(span.before), span.flows] for span in meter.metering.spans or ()]
    parts = [_lasting(each) for kind in PARTS if (each := meter.existing(kind)) is not None]
    members = {name: plain(getattr(meter, name)) for name in MEMBERS}
    return {**members, "spans": spans, "parts": [plain(part) for part in parts]}


def _lasting(part: Any) -> Any:
    """A part without what only looking at it changes."""
    if isinstance(part, ImageTransfer):
        return replace(part, content=None)
    if isinstance(part, RegisterMonitor):
        return replace(part, seen=0.0)
    return replace(part, last=None) if isinstance(part, Tariffs) else part


def restore(meter: Meter, form: dict[str, Any], *, image: bytes, now: float) -> None:
    """Give a meter as delivered what was written to another of its kind; what had an hour since
    then is done at once.  Raises Damaged."""
    try:
        for name in MEMBERS:
            setattr(meter, name, restored(form[name]))
        load = meter.metering.load
        spans = [Span(begin, restored(before), load, on) for begin, before, on in form["spans"]]
        meter.metering.spans = spans or None
        for each in form["parts"]:
            _fit(meter, restored(each), image, now)
    except (LookupError, TypeError, ValueError) as error:
        raise error if isinstance(error, Damaged) else Damaged(str(error)) from error
    meter.settle(now)
    meter.advance(now)


def _fit(meter: Meter, part: Any, image: bytes, now: float) -> None:
    if type(part) not in PARTS:
        raise Damaged(f"a {type(part).__name__} is no part of a meter")
    if isinstance(part, ImageTransfer) and part.got is not None:
        if len(image) != part.size:
            raise Damaged(f"an image of {part.size} octets has {len(image)}")
        part.content = bytearray(image)
    if isinstance(part, RegisterMonitor):
        part.seen = now
    meter.take_part(part)
