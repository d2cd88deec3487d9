"""Security policy, class 64 attribute 2: the least protection of what a client and the meter say.

As delivered it is the client's own; security_activate makes it stricter and never weaker (Blue Book
4.4.7).  An association goes on under the policy with which it was opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.meter.clients import Client
from protocols.dlms.codes import Security
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import Enum

if TYPE_CHECKING:
    from devices.meter.state import MeterState

_POLICY = 2
_WRITTEN: tuple[dict[Security, int], ...] = (
    {
        Security.NONE: 0,
        Security.AUTHENTICATED: 1,
        Security.ENCRYPTED: 2,
        Security.AUTHENTICATED_ENCRYPTED: 3,
    },
    {
        Security.NONE: 0,
        Security.AUTHENTICATED: 0b0010_0100,
        Security.ENCRYPTED: 0b0100_1000,
        Security.AUTHENTICATED_ENCRYPTED: 0b0110_1100,
    },
)
"""By version of the class.  Version 1 tells requests from answers; this meter treats both alike."""


def setup_name(client: Client) -> LogicalName:
    """Its security setup."""
    return LogicalName(f"0.0.43.0.{client.security_instance}.255")


def policy(meter: MeterState, client: Client) -> Enum:
    """As the attribute shows it."""
    written = meter.written(setup_name(client), _POLICY)
    if isinstance(written, Enum):
        return written
    return Enum(_WRITTEN[meter.type.security_setup_version][client.security])


def required(meter: MeterState, client: Client) -> Security:
    """What messages must have."""
    shown = policy(meter, client)
    return next(s for s, n in _WRITTEN[meter.type.security_setup_version].items() if n == shown)


def activate(meter: MeterState, client: Client, wanted: Enum) -> bool:
    """Make it stricter; False where it is no policy of this meter, or would be weaker."""
    by_number = {number: s for s, number in _WRITTEN[meter.type.security_setup_version].items()}
    found = by_number.get(int(wanted))
    if found is None or required(meter, client) & ~found:
        return False
    meter.write(setup_name(client), _POLICY, wanted)
    return True
