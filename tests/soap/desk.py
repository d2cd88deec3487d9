"""A desk that remembers what it was given, and a server around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from headend.soap.addresses import ReplyAddresses
from headend.soap.server import SoapServer
from protocols.cim import envelope, replies, xml
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

    async def submit(self, request: ControlRequest, digest: str, octets: bytes) -> bytes:
        if self.fails is not None:
            raise self.fails
        self.taken.append((request, digest))
        self.octets.append(octets)
        stamp = Stamp(
            source="HES",
            message_id=f"answer-{len(self.taken)}",
            at=AT,
            correlation_id=request.correlation_id,
        )
        typed = request.typed is not None
        answer = replies.acknowledgement(request.noun, stamp, "t-1", typed=typed)
        return xml.serialize(envelope.write(answer))


def server_around(desk: RememberingDesk) -> SoapServer:
    return SoapServer(
        desk=desk,
        clock=FixedClock(),
        chance=CountingChance(),
        reply_addresses=ReplyAddresses(("http://127.0.0.1:9/callback",)),
        bounds=xml.Bounds(octets_max=20_000),
    )
