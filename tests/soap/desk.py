"""A desk that remembers what it was given, and a server around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from headend.soap.desks import Call
from headend.soap.door.admission import Admission
from headend.soap.door.server import SoapServer
from headend.soap.outbound.addresses import ReplyAddresses
from protocols.cim import control_request, envelope, replies, xml
from protocols.cim.control_request import ControlRequest
from protocols.cim.replies import Stamp

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)


@dataclass
class FixedClock:
    at: datetime = AT

    def now(self) -> datetime:
        return self.at


@dataclass
class CountingChance:
    count: int = 0

    def uuid(self) -> str:
        self.count += 1
        return f"00000000-0000-4000-8000-{self.count:012d}"

    def uniform(self, name: str, low: float, high: float) -> float:
        return low


@dataclass
class RememberingDesk:
    """Acknowledges everything; raises what a test puts into `fails`."""

    taken: list[tuple[ControlRequest, str]] = field(default_factory=list)
    octets: list[bytes] = field(default_factory=list)
    fails: Exception | None = None

    async def answer(self, call: Call) -> bytes:
        request = control_request.read(call.message, now=AT)
        if self.fails is not None:
            raise self.fails
        self.taken.append((request, call.digest))
        self.octets.append(call.octets)
        stamp = Stamp(
            source="HES",
            message_id=f"answer-{len(self.taken)}",
            at=AT,
            correlation_id=request.correlation_id,
        )
        typed = request.typed is not None
        answer = replies.acknowledgement(request.noun, stamp, "t-1", typed=typed)
        return xml.serialize(envelope.write(answer))


CALLBACK = ReplyAddresses(("http://127.0.0.1:9/callback",))


def server_around(desk: RememberingDesk, admission: Admission | None = None) -> SoapServer:
    return SoapServer(
        orders=desk,
        clock=FixedClock(),
        chance=CountingChance(),
        admission=admission or Admission(clock=FixedClock(), reply_addresses=CALLBACK),
        bounds=xml.Bounds(octets_max=20_000),
    )
