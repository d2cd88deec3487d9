"""By which way the meter answers: framing, speed, address; tried without any password.

The public client proves nothing, so that none of this counts as a login.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import msgspec

from headend.app.probe import (
    Failure,
    Layer,
    LineError,
    ReasonCode,
    SerialAddress,
    Trace,
    line_to,
)
from headend.models import Framing, Model
from headend.models.schema import PUBLIC
from protocols.link import SetLine
from tools.probe.desk import Desk, Purpose, Way
from tools.probe.doctor import parity
from tools.probe.doctor.findings import Finding, bad, good, note, warn
from tools.probe.talk import Stopped, Talk

BAUD_RATES = (9600, 19200, 4800, 2400, 1200, 300, 38400, 115200)  # the likely ones first
ADDRESSES = ((16, 2), (17, 2), (1, 2), (18, 2), (126, 2), (16, 4), (17, 4), (1, 4), (16382, 4))
"""Physical addresses that meters have as delivered, and their octets; 126 and 16382 call whoever
has none yet (IEC 62056-46, 6.4.2.3)."""

SCAN_TIMEOUT_S = 1.0  # a meter that hears its name answers in a fraction of that
PATIENCE_S = 5.0  # meters pause up to 4 s between frames
ANSWERED = {
    ReasonCode.REFUSED_ASSOCIATION,
    ReasonCode.WRONG_KEY_OR_COUNTER,
    ReasonCode.REFUSED_READ_WRITE_DENIED,
}
"""Failures that only a meter which understood us can give."""
SAMPLE = 8  # octets of noise that are shown


@dataclass(slots=True)
class Search:
    """The search for a way, and what was found on it; `way` is None where none was."""

    desk: Desk
    model: Model
    findings: list[Finding] = field(default_factory=list)
    way: Way | None = None
    let_in: bool = False  # the public client
    heard: bytes = b""
    echoes: bool = False

    @property
    def device(self) -> str:
        """The serial port's name, for advice."""
        address = self.desk.address()
        return address.device.lstrip("/") if isinstance(address, SerialAddress) else ""

    @asynccontextmanager
    async def talk(self) -> AsyncIterator[Talk | None]:
        """A talk of the public client by the first way that works; None where it is not let in."""
        async with AsyncExitStack() as stack:
            found: Talk | None = None
            if await self._can_be_opened():
                for way in self._ways():
                    found = await self._tried(stack, way)
                    if self.way is not None:
                        break
                else:
                    await self._nothing()
            yield found

    async def _can_be_opened(self) -> bool:
        line = line_to(self.desk.address())
        try:
            await line.open()
        except LineError as error:
            why = f"{error.happened}: {error.why}"
            self.findings.append(bad("line-unavailable", why=why, next=error.next_step))
            return False
        await line.close()
        self.findings.append(good("line-open", port=line.name))
        return True

    # --- the ways --------------------------------------------------------------------------------

    def _ways(self) -> Iterator[Way]:
        """The likely ones first; each is tried only where none before it worked."""
        address, asked = self.desk.address(), self.desk.options.framing
        if not isinstance(address, SerialAddress):
            kind = self.model.framings.udp if "udp" in str(address) else self.model.framings.tcp
            for framing in (asked,) if asked else kind:
                yield Way(PUBLIC, framing, address, _quick(self.model, PATIENCE_S))
                if framing is Framing.HDLC:
                    yield from self._addresses(Way(PUBLIC, framing, address, self.model))
            return
        if asked in (None, Framing.MODE_E):
            yield Way(PUBLIC, Framing.MODE_E, address, _without_fallback(self.model))
        own = address.setting.baud
        for baud in (own, *(each for each in BAUD_RATES if each != own)):
            at_speed = replace(address, setting=SetLine(baud))
            yield Way(PUBLIC, Framing.HDLC, at_speed, _quick(self.model))
        yield from self._addresses(Way(PUBLIC, Framing.HDLC, address, self.model))

    def _addresses(self, way: Way) -> Iterator[Way]:
        """The same with other physical addresses, where nobody said which."""
        if self.desk.options.physical is not None:
            return
        for physical, octets in ADDRESSES:
            hdlc = msgspec.structs.replace(
                self.model.hdlc, physical=physical, address_octets=octets
            )
            model = _quick(msgspec.structs.replace(self.model, hdlc=hdlc))
            yield replace(way, model=model)

    async def _tried(self, stack: AsyncExitStack, way: Way) -> Talk | None:
        trace = self.desk.trace()
        way = replace(way, trace=trace)
        try:
            talk = await stack.enter_async_context(self.desk.talk(Purpose.LOOK, way=way))
        except Stopped as stopped:
            self._listen(trace)
            self._failed(way, stopped.failure)
            return None
        self._listen(trace)
        self._worked(way, talk)
        return talk

    # --- what was heard --------------------------------------------------------------------------

    def _listen(self, trace: Trace) -> None:
        """Keep what came that was not our own."""
        frames = [entry for entry in trace.entries if entry.layer is Layer.FRAME]
        came = b"".join(entry.octets for entry in frames if entry.direction == "up")
        sent = next((entry.octets for entry in frames if entry.direction == "down"), b"")
        if len(sent) > 3 and _bare(came).startswith(_bare(sent)):
            self.echoes = True
            for entry in frames:
                if entry.direction == "down":
                    came = _without(came, entry.octets)
        self.heard += came

    def _worked(self, way: Way, talk: Talk) -> None:
        self.let_in = True
        self._take(way)
        if (heard := talk.opened.identified) is not None:
            self.findings.append(
                good("mode-e", manufacturer=heard.manufacturer,
                     identification=heard.identification, baud=heard.baud)
            )  # fmt: skip
            if not heard.mode_e:
                self.findings.append(note("mode-e-unmarked"))
        self.findings.append(good("public"))

    def _failed(self, way: Way, failure: Failure) -> None:
        if failure.reason in ANSWERED:
            self._take(way)
            self.findings.append(warn("public-refused", why=failure.why))
        elif failure.reason is ReasonCode.METER_NOT_UNDERSTOOD and "no DLMS" in failure.why:
            self.findings.append(bad("no-dlms", why=failure.why))
        elif failure.reason is ReasonCode.LINE_LOST and "tcp" not in str(way.address):
            self.findings.append(bad("line-lost", why=failure.why))

    def _take(self, way: Way) -> None:
        """This is the way."""
        asked = self.desk.address()
        assert way.framing is not None and way.model is not None
        speed = ""
        if isinstance(way.address, SerialAddress):
            self.findings.append(note("echo") if self.echoes else good("no-echo"))
            if way.framing is Framing.HDLC:
                if self.desk.options.framing is None:
                    self.findings.append(note("no-mode-e"))
                speed = f", {way.address.setting}"
                if isinstance(asked, SerialAddress) and way.address.setting != asked.setting:
                    baud = way.address.setting.baud
                    self.findings.append(warn("speed-differs", baud=baud, device=self.device))
        if way.model.hdlc.physical != self.model.hdlc.physical:
            hdlc = way.model.hdlc
            self.findings.append(
                warn("address-found", physical=hdlc.physical, size=hdlc.address_octets)
            )
        self.findings.append(good("framing", framing=way.framing.value, speed=speed))
        hdlc = way.model.hdlc
        kept = msgspec.structs.replace(
            self.model.hdlc, physical=hdlc.physical, address_octets=hdlc.address_octets
        )
        self.model = msgspec.structs.replace(self.model, hdlc=kept)
        self.way = replace(way, model=self.model, trace=None, role=None)

    async def _nothing(self) -> None:
        """No way worked: what was heard tells why."""
        address, asked = self.desk.address(), self.desk.options.framing
        serial = isinstance(address, SerialAddress)
        if isinstance(address, SerialAddress) and asked in (None, Framing.MODE_E):
            told = await parity.answered(address, self.model.mode_e.device_address)
            if told:
                self.findings.append(warn("parity", parity=told))
        if any(found.code in ("no-dlms", "line-lost") for found in self.findings):
            return
        if self.heard:
            octets = self.heard[:SAMPLE].hex(" ").upper()
            self.findings.append(bad("noise", octets=octets, device=self.device))
        elif self.echoes:
            self.findings.append(bad("echo-only"))
        else:
            code = "silence" if serial else "silence-tcp"
            self.findings.append(bad(code, device=self.device))
        if self.model.framings.tcp or serial:
            self.findings.append(note("address-none", count=len(ADDRESSES) + 1))


def _quick(model: Model, patience_s: float | None = None) -> Model:
    """With the patience of a scan, or a little more."""
    timeout_s = min(model.hdlc.response_timeout_s, patience_s or SCAN_TIMEOUT_S)
    hdlc = msgspec.structs.replace(model.hdlc, response_timeout_s=timeout_s, retries=0)
    return msgspec.structs.replace(model, hdlc=hdlc)


def _without_fallback(model: Model) -> Model:
    """Mode E and nothing else: what comes after it is tried apart."""
    mode_e = msgspec.structs.replace(model.mode_e, fallback_baud=None, retries=1)
    return msgspec.structs.replace(model, mode_e=mode_e)


def _bare(octets: bytes) -> bytes:
    """Without parity bits."""
    return bytes(octet & 0x7F for octet in octets)


def _without(came: bytes, own: bytes) -> bytes:
    """What came, without the first echo of our own."""
    at = _bare(came).find(_bare(own))
    return came if at < 0 else came[:at] + came[at + len(own) :]
