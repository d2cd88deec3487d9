"""Gateway mode: the head-end's own DLMS, carried by a concentrator that cannot read it.

A tunnel is one conversation with one meter.  What travels in it are whole frames of the wrapper
(IEC 62056-47), ciphered by keys that the concentrator does not hold; it carries each once, in
order, and none after its time.
"""

from __future__ import annotations

import enum
from datetime import datetime

from protocols.concentrator.direction import FromConcentrator, ToConcentrator


class Fate(enum.StrEnum):
    """What the concentrator knows of a frame that went down."""

    CARRIED = "carried"  # the module acknowledged it; answers, if any, come with this
    NOT_ACKNOWLEDGED = "not-acknowledged"  # sent, and nobody knows whether it arrived
    NO_ROUTE = "no-route"  # not sent: the meter has no place in the network
    STALE = "stale"  # not sent: its time had passed


class Closing(enum.StrEnum):
    """Why a tunnel is closed, or was not opened."""

    ASKED = "asked"
    IDLE = "idle"  # no frame for `idle_s`
    NOT_IN_TABLE = "not-in-table"  # the concentrator does not know the meter
    BUSY = "busy"  # another tunnel leads there, or there are too many
    NO_ROUTE = "no-route"  # the meter has no place in the network
    UNKNOWN = "unknown"  # a frame of a tunnel that is not open, as after a reboot


class OpenTunnel(ToConcentrator, frozen=True, tag="open-tunnel", kw_only=True):
    """Carry what follows to a meter and back; answered by `tunnel-opened` or `tunnel-closed`.

    It takes the meter's turn among commands and tasks, until it is closed or idle.
    """

    tunnel: str  # unique for ever
    meter: str
    idle_s: int  # closed when no frame came for so long


class TunnelFrame(ToConcentrator, frozen=True, tag="tunnel-frame", kw_only=True):
    """One frame for the meter; answered by `tunnel-answer`."""

    tunnel: str
    sequence: int  # counts from 1; a repeat is answered from memory and not carried again
    octets: bytes  # base64 in JSON
    not_after: datetime  # it does not leave later


class CloseTunnel(ToConcentrator, frozen=True, tag="close-tunnel", kw_only=True):
    """No more frames come; answered by `tunnel-closed`."""

    tunnel: str


class TunnelOpened(FromConcentrator, frozen=True, tag="tunnel-opened", kw_only=True):
    """The tunnel stands: the meter's turn is ours."""

    tunnel: str


class TunnelAnswer(
    FromConcentrator, frozen=True, tag="tunnel-answer", omit_defaults=True, kw_only=True
):
    """What became of a frame, and what the meter answered to it."""

    tunnel: str
    sequence: int  # of the frame
    fate: Fate
    octets: bytes = b""  # the frames that came back, one behind the other; base64 in JSON


class TunnelClosed(FromConcentrator, frozen=True, tag="tunnel-closed", kw_only=True):
    """The tunnel is closed, or never stood."""

    tunnel: str
    why: Closing
