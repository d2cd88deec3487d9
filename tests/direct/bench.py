"""A simulated meter at the other end of a line in memory, and lines that misbehave."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

from devices.meter.clients import on_the_bench
from devices.meter.device import Meter
from devices.meter.identity import CONCENTRATOR_CLIENT, MANAGEMENT_CLIENT, READER_CLIENT, Identity
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from devices.meter.server import Endpoint
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.field.direct.access import Access, Credentials, KeyCounters, MemoryCounters
from headend.field.direct.conversation import Conversation
from headend.field.direct.line import Arrivals, LineLost, LineUnavailable
from headend.models import Model, Shelf
from protocols.dlms.codes import AuthenticationMechanism
from protocols.link import ApduReceived, Down, LinkDown, ServerLink, SetLine
from protocols.mode_e.server import ModeEServer
from protocols.sans_io import NEED_DATA
from protocols.wrapper.link import WrapperServer
from tests.conftest import SIMULATED_START

SHELF = Shelf()
START_S = SIMULATED_START.timestamp()
ANSWER_AFTER_S = 0.2
OUR_TITLE = b"AMI\0\0\0\0\1"


def meter(
    mechanism: AuthenticationMechanism = AuthenticationMechanism.HIGH_GMAC, index: int = 4
) -> Meter:
    clients = on_the_bench(mechanism)
    return Meter(Identity(7, index), ConstantLoad.of(900, 600, 500), MeterType(clients=clients))


def now() -> float:
    return START_S + asyncio.get_running_loop().time()


def model(**changes: object) -> Model:
    """The simulated meter's, with keys of the table replaced."""
    import msgspec

    return msgspec.structs.replace(SHELF.get("sim-3p"), **changes)  # type: ignore[arg-type]


SAPS = {
    "public": 16,
    "reader": READER_CLIENT,
    "management": MANAGEMENT_CLIENT,
    "concentrator": CONCENTRATOR_CLIENT,
}


def access(device: Meter, role: str, counters: KeyCounters | None = None) -> Access:
    """What lets this role in; every key as the meter has it."""
    sap, identity = SAPS[role], device.identity
    return Access(
        system_title=OUR_TITLE,
        credentials=Credentials(
            identity.password(sap), identity.keys(sap), meter_title=identity.system_title
        ),
        counters=counters or MemoryCounters(),
    )


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class MeterLine:
    """A connection with a meter on the simulated clock, with any of the framings.

    `spoil` may change, drop (None) or break (raise LineLost) what the meter answers; `heard` what
    the head-end sends.
    """

    stream = True
    setting: SetLine | None = None

    def __init__(
        self,
        device: Meter,
        *,
        spoil: Callable[[bytes], bytes | None] = lambda octets: octets,
        heard: Callable[[bytes], bytes | None] = lambda octets: octets,
        refuses: int = 0,
        far: Callable[[], ServerLink] = WrapperServer,
        kind: Literal["serial", "tcp"] | None = None,
    ) -> None:
        self.device = device
        self.name = "meter in memory"
        self.opened = self.closed = 0
        self.written: list[bytes] = []
        self._spoil, self._heard = spoil, heard
        self._refuses = refuses
        self._link: Endpoint | None = None
        self._arrivals = Arrivals(1 << 20)
        self._far: ServerLink = WrapperServer()
        self._make_far = far
        self.kind: Literal["serial", "tcp", "udp"] = kind or (
            "serial" if far is ModeEServer else "tcp"
        )
        self._timer: asyncio.TimerHandle | None = None
        self._coming: deque[bytes] = deque()

    async def open(self) -> None:
        if self._refuses:
            self._refuses -= 1
            raise LineUnavailable("it cannot be reached", "nobody is there", "look for it")
        self.opened += 1
        self._arrivals = Arrivals(1 << 20)
        self._far = self._make_far()
        self.setting = SetLine(9600) if self.kind == "serial" else None
        self._link = self.device.open_link()

    async def close(self) -> None:
        if self._link is not None:
            self.closed += 1
            if self._timer is not None:
                self._timer.cancel()
            self.device.close_link(self._link)
            self._link = None

    async def write(self, octets: bytes) -> None:
        self._arrivals.check()
        self.written.append(octets)
        try:
            heard = self._heard(octets)
        except LineLost as lost:
            self._arrivals.end(lost)
            raise
        if heard is None:
            return
        if self.kind == "tcp" or self._far_line == self.setting:  # else it is noise
            self._far.receive_data(heard, now=_loop_time())
            self._answer()

    @property
    def _far_line(self) -> SetLine:
        return self._far.line if isinstance(self._far, ModeEServer) else SetLine(9600)

    def _answer(self) -> None:
        """What the meter's end of the link makes of what came, and of time."""
        far, link = self._far, self._link
        if link is None:
            return
        loop, moved = asyncio.get_running_loop(), True
        while moved:
            moved = False
            while (event := far.next_event()) is not NEED_DATA:
                moved = True
                if isinstance(event, ApduReceived):
                    ends = {"client": event.source, "server": event.destination}
                    for apdu in self.device.take(event.apdu, link, now=now(), **ends):
                        far.send(apdu, now=_loop_time(), **ends)
                elif isinstance(event, LinkDown) and event.reason is Down.BROKEN:
                    self._arrivals.end(LineLost("it broke", "the meter hung up", "try again"))
            while (octets := far.data_to_send()) is not None:
                moved = True
                self._coming.append(octets)
                late_s = ANSWER_AFTER_S
                if self.kind != "tcp":  # there the link takes its own time
                    late_s = self._far_line.airtime_s(len(octets))
                loop.call_later(late_s, self._bring)
        if self._timer is not None:
            self._timer.cancel()
        if (due := far.next_deadline()) is not None:
            self._timer = loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._far.handle_deadline(now=_loop_time())
        self._answer()

    def _bring(self) -> None:
        """The next in order, whichever of several timers of one moment comes first."""
        try:
            octets = self._spoil(self._coming.popleft())
        except LineLost as lost:
            self._arrivals.end(lost)
        else:
            if octets:
                self._arrivals.put(octets)

    async def drain(self) -> None:
        if self.setting is not None and self.written:
            await asyncio.sleep(self.setting.airtime_s(len(self.written[-1])))

    async def read(self) -> bytes:
        return await self._arrivals.take()

    async def set_line(self, setting: SetLine) -> None:
        self.setting = setting


def conversation(line: MeterLine, role: str = "management", **more: object) -> Conversation:
    settings: dict[str, object] = {
        "model": model(),
        "access": access(line.device, role),
        "clock": LoopClock(SIMULATED_START),
        "chance": SeededChance(1),
        "role": role,
        **more,
    }
    return Conversation(line, settings.pop("model"), settings.pop("access"), **settings)  # type: ignore[arg-type]
