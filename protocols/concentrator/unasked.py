"""What a meter says unasked, forwarded: the concentrator opens nothing of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from protocols.concentrator.direction import FromConcentrator


class MeterPushed(FromConcentrator, frozen=True, tag="meter-pushed", kw_only=True):
    """A meter pushed something: a last gasp, an alarm, values on its schedule.

    Sent again until the head-end's receipt arrives.
    """

    meter: str
    heard_at: datetime  # when the last of it came in, by the concentrator's clock
    octets: bytes  # the APDU as the meter sent it, ciphered where it ciphers
    link: Literal["plc", "rf"]  # which of its modules sent it
    hops: int  # links that it came over
