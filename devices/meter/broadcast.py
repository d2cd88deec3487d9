"""What a meter does with a message that is for all meters of a street at once.

It comes in the pre-established association of client 102: nobody has opened it, nothing in it is
answered, and only unconfirmed services are carried out (Green Book 9.4.1.4).  The key is the global
broadcast encryption key, which the whole street has, so that every meter of it could have made the
message: what may come this way is blocks of an image (`Right.BROADCAST`), which the meter verifies
as a whole before anything else, and never what starts them.

A meter without the key, or with that of another round, hears nothing.  What was said before is
refused: the counter of the broadcast key only grows, and begins anew with another key.
"""

from __future__ import annotations

from devices.meter.clients import BROADCASTER
from devices.meter.cosem import Context
from devices.meter.events import Event
from devices.meter.keyring import broadcaster, keys_of
from devices.meter.services import ITSELF, answer
from devices.meter.state import MeterState
from protocols.dlms.action import ActionRequestNormal
from protocols.dlms.apdu import Apdu, decode
from protocols.dlms.ciphered import Ciphered, GeneralCiphered
from protocols.dlms.forms import unconfirmed
from protocols.dlms.security import Protection
from protocols.dlms.services import ActionRequest
from protocols.errors import ProtocolError


def hear(meter: MeterState, apdu: bytes, *, client: int, now: float) -> None:
    """Carry out what it asks for, where it is from our concentrator and may come this way."""
    title = broadcaster(meter)
    if client != BROADCASTER.sap or not title:
        return
    protection = Protection(
        keys_of(meter, BROADCASTER),
        system_title=meter.identity.system_title,
        peer_system_title=title,
        invocation_counter=0,
        peer_invocation_counter=0,
    )
    asked = _opened(protection, apdu)
    if asked is None:
        return
    _, lowest = meter.counters(BROADCASTER.sap)
    due = protection.peer_broadcast_counter
    if due <= lowest:  # looked at behind the tag: another street's counters are no attack
        meter.happened(Event.REPLAY_ATTACK, now)
        return
    meter.note_counters(BROADCASTER.sap, own=0, peer=due)
    if isinstance(asked, ActionRequestNormal) and unconfirmed(asked):
        request = ActionRequest((asked.method,), (asked.parameters,))
        answer(Context(meter, BROADCASTER, now, ITSELF, title), request)


def _opened(protection: Protection, apdu: bytes) -> Apdu | None:
    """What is inside, once its tag has verified; None of anything else."""
    try:
        sealed = decode(apdu)
        if isinstance(sealed, Ciphered | GeneralCiphered):
            return decode(protection.open_broadcast(sealed, required=int(BROADCASTER.security)))
    except ProtocolError:  # not for us: nobody is told, for nobody would hear an answer
        pass
    return None
