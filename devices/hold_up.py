"""How long a meter's modules go on working without supply: time for a last gasp.

What the meter's capacitor holds is soon gone for a power-line module, which feeds a coupler and a
line of a few ohms; a radio module lives on less (assumptions: docs/models.md).
"""

from __future__ import annotations

from devices.channel.radio import RadioLink
from devices.channel.route import AnyLink
from devices.span import Span

POWER_LINE_S = 0.5
RADIO_S = 5.0


def without_supply(link: AnyLink, outage: Span, now: float) -> Span | None:
    """When a link's module is off in an outage that begins now; None where it outlasts it."""
    held_s = RADIO_S if isinstance(link, RadioLink) else POWER_LINE_S
    start = now + held_s
    return None if outage.end is not None and outage.end <= start else Span(start, outage.end)
