"""Bytes that a simulated meter costs: untouched, with an association open, and after it was read.

Counted by tracemalloc over many meters as a field builds them: each with an identity and a load of
its own, all of one model.  The client's side is thrown away before counting.
"""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import dataclass
from typing import Any

from devices.meter.device import Meter
from devices.meter.identity import MANAGEMENT_CLIENT, SERVER_SAP, Identity, client_system_title
from devices.meter.load import DailyLoad
from devices.meter.models import model
from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import NEED_DATA, Associated
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    ReleaseRequest,
)
from protocols.dlms.settings import ClientSettings

UNTOUCHED_AIM = 1_000
OPEN_AIM = 30_000
"""Bytes: so that a hundred thousand meters fit into any machine, and a thousand talk at once."""

NOW = 1_783_332_450.0  # 2026-07-06 10:07:30 UTC
READ = (
    AttributeDescriptor(8, LogicalName("0.0.1.0.0.255"), 2),
    AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2),
    AttributeDescriptor(3, LogicalName("1.0.1.8.1.255"), 2),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes per meter."""

    model: str
    meters: int
    conversations: int
    untouched: float
    open: float
    """Beyond what it was untouched: an association with HLS 5 and ciphering."""
    released: float
    """What stays of a meter that was read and released: counters, sums of its tariffs."""

    @property
    def within_aims(self) -> bool:
        """Whether both aims are reached."""
        return self.untouched < UNTOUCHED_AIM and self.open < OPEN_AIM

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "bench": "meter-memory",
            "model": self.model,
            "meters": self.meters,
            "conversations": self.conversations,
            "untouched_bytes": round(self.untouched),
            "untouched_aim_bytes": UNTOUCHED_AIM,
            "open_association_bytes": round(self.open),
            "open_association_aim_bytes": OPEN_AIM,
            "released_bytes": round(self.released),
            "within_aims": self.within_aims,
        }


def measure(*, meters: int, conversations: int, model_name: str) -> Measured:
    """Build so many meters, then talk with so many of them."""
    kind = model(model_name)
    _converse(_meter(0, kind)).release()  # the tables of the model, made once for all
    gc.collect()
    tracemalloc.start()
    try:
        field: list[Meter | None] = [None] * meters
        before = _traced()
        for index in range(meters):
            field[index] = _meter(index, kind)
        untouched = (_traced() - before) / meters
        talking = [meter for meter in field[:conversations] if meter is not None]
        before = _traced()
        counters = [_opened(meter) for meter in talking]
        opened = (_traced() - before) / len(talking)
        for meter, (own, peer) in zip(talking, counters, strict=True):
            _converse(meter, counter=peer, lowest=own).release()
        released = (_traced() - before) / len(talking)
    finally:
        tracemalloc.stop()
    return Measured(model_name, meters, len(talking), untouched, opened, released)


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _meter(index: int, kind: Any) -> Meter:
    """A household of its own, as `devices.world` makes one."""
    units = tuple(4 + (index * step) % 12 for step in (1, 5, 7))[: kind.phases]
    return Meter(
        Identity(1, 90_000_001 + index),
        DailyLoad(units, tuple(watts // 4 for watts in units)),
        kind,
    )


class _Conversation:
    """A client that hands its APDUs to a meter and is then forgotten."""

    def __init__(self, meter: Meter, *, counter: int = 1, lowest: int = 0) -> None:
        self._meter = meter
        self._connection = ClientConnection(
            ClientSettings(
                authentication=AuthenticationMechanism.HIGH_GMAC,
                keys=meter.identity.keys(MANAGEMENT_CLIENT),
                system_title=client_system_title(1, MANAGEMENT_CLIENT),
                security=Security.AUTHENTICATED_ENCRYPTED,
                invocation_counter=counter,
                peer_invocation_counter=lowest,
                challenge=b"CtoS-of-the-bench",
            )
        )

    def say(self, message: AssociationRequest | GetRequest | ReleaseRequest) -> Any:
        """What the client is told once both are silent."""
        out: bytes | None = self._connection.send(message, now=NOW)
        while out is not None:
            for frame in self._meter.receive(
                wrapper.encode(MANAGEMENT_CLIENT, SERVER_SAP, out), now=NOW
            ):
                (answer,) = wrapper.Decoder().feed(frame)
                self._connection.receive_data(answer.apdu, now=NOW)
            out = self._connection.data_to_send()
        told = self._connection.next_event()
        assert told is not NEED_DATA
        return told

    def release(self) -> None:
        self.say(ReleaseRequest())


def _converse(meter: Meter, *, counter: int = 1, lowest: int = 0) -> _Conversation:
    talk = _Conversation(meter, counter=counter, lowest=lowest)
    assert isinstance(talk.say(AssociationRequest()), Associated)
    told = talk.say(GetRequest(READ))
    assert isinstance(told, GetResponse)
    return talk


def _opened(meter: Meter) -> tuple[int, int]:
    """Leave an association open; what its counters are."""
    talk = _Conversation(meter)
    assert isinstance(talk.say(AssociationRequest()), Associated)
    assert meter.open_to(MANAGEMENT_CLIENT)
    return meter.counters(MANAGEMENT_CLIENT)
