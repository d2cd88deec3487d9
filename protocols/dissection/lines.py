"""A line of octets taken apart into its frames, and the APDUs that travel in them.

A decoder of a live line drops what is no frame and goes on.  Here every octet is accounted for:
what is wrong is said with its place, what could be read before and behind is kept, and the frames
are written again with the flags that stood between them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from protocols import mbus, wrapper
from protocols.errors import ProtocolError
from protocols.hdlc import frame as hdlc
from protocols.hdlc.address import ServerAddress, address_size
from protocols.hdlc.checksum import intact
from protocols.hdlc.parameters import decode_parameters
from protocols.hdlc.segments import Reassembly, without_llc


class Framing(enum.StrEnum):
    """What stands around APDUs."""

    NONE = "none"
    WRAPPER = "wrapper"
    HDLC = "hdlc"
    MBUS = "mbus"


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """One frame: what its header says, in its standard's words, and how to write it again."""

    offset: int
    octets: bytes
    says: dict[str, Any]
    summary: str  # for people
    part: bytes  # of an APDU, or other information
    encode: Callable[[bytes], bytes]
    """The frame with this part in it."""


@dataclass(frozen=True, slots=True)
class CarriedApdu:
    """An APDU and the numbers, from 0, of the frames that brought it."""

    octets: bytes
    frames: tuple[int, ...]
    llc: bytes = b""  # before it


@dataclass(slots=True)
class Line:
    """What was found, in the order of the octets."""

    frames: list[SeenFrame] = field(default_factory=list)
    apdus: list[CarriedApdu] = field(default_factory=list)
    problems: list[ProtocolError] = field(default_factory=list)
    pieces: list[bytes | int] = field(default_factory=list)
    """The whole line: numbers of frames, and what stood between them."""

    def written_again(self, apdus: list[bytes]) -> tuple[list[bytes], bytes]:
        """Each frame, and the line, with these APDUs in place of those that came."""
        parts = [frame.part for frame in self.frames]
        for carried, apdu in zip(self.apdus, apdus, strict=True):
            rest = carried.llc + apdu
            for number in carried.frames:
                size = len(parts[number]) if number != carried.frames[-1] else len(rest)
                parts[number], rest = rest[:size], rest[size:]
        frames = [frame.encode(part) for frame, part in zip(self.frames, parts, strict=True)]
        whole = [frames[piece] if isinstance(piece, int) else piece for piece in self.pieces]
        if not self.frames:
            return frames, b"".join(apdus)
        return frames, b"".join(whole)

    def add(self, frame: SeenFrame) -> int:
        """The next frame of the line; its number."""
        number = len(self.frames)
        self.frames.append(frame)
        self.pieces.append(number)
        return number


def take_apart(octets: bytes, framing: Framing) -> Line:
    """Frames and APDUs; never raises, because a line that is spoiled still says something."""
    line = Line()
    {
        Framing.NONE: _bare,
        Framing.WRAPPER: _wrapper,
        Framing.HDLC: _hdlc,
        Framing.MBUS: _mbus,
    }[framing](octets, line)
    return line


def _bare(octets: bytes, line: Line) -> None:
    line.apdus.append(CarriedApdu(octets, ()))


# --- wrapper -------------------------------------------------------------------------------------


def _wrapper(octets: bytes, line: Line) -> None:
    decoder = wrapper.Decoder()
    try:
        frames = decoder.feed(octets)
    except wrapper.BrokenStream as error:
        frames = error.frames
        line.problems.append(ProtocolError(error.offset, error.cause))
    offset = 0
    for frame in frames:
        encode = partial(wrapper.encode, frame.source, frame.destination)
        says = {
            "version": wrapper.VERSION,
            "source": frame.source,
            "destination": frame.destination,
            "length": len(frame.apdu),
        }
        summary = f"wrapper {frame.source} → {frame.destination}, {len(frame.apdu)} octets"
        end = offset + wrapper.HEADER_SIZE + len(frame.apdu)
        seen = SeenFrame(offset, octets[offset:end], says, summary, frame.apdu, encode)
        line.apdus.append(CarriedApdu(frame.apdu, (line.add(seen),)))
        offset = end
    if decoder.pending and not line.problems:
        cause = f"a frame of which only {decoder.pending} octets are here"
        line.problems.append(ProtocolError(offset, cause))


# --- M-Bus ---------------------------------------------------------------------------------------


def _mbus(octets: bytes, line: Line) -> None:
    start, parts = 0, b""
    numbers: list[int] = []
    while start < len(octets):
        try:
            frame, end = mbus.decode(octets, start)
        except ProtocolError as error:
            line.problems.append(error)
            break
        says = {
            "control": f"{frame.control:02x}",
            "address": frame.address,
            "ci": f"{frame.ci:02x}",
            "part": frame.number,
            "last_part": frame.last,
            "source": frame.source,
            "destination": frame.destination,
            "checksum": "good",
        }
        last = ", the last" if frame.last else ""
        summary = f"M-Bus {frame.source} → {frame.destination}, part {frame.number}{last}"
        seen = SeenFrame(
            start, octets[start:end], says, summary, frame.part, partial(_mbus_with, frame)
        )
        numbers.append(line.add(seen))
        parts += frame.part
        if frame.last:
            line.apdus.append(CarriedApdu(parts, tuple(numbers)))
            parts, numbers = b"", []
        start = end
    if parts and not line.problems:
        line.problems.append(ProtocolError(len(octets), "the last part of an APDU is missing"))


def _mbus_with(frame: mbus.Frame, part: bytes) -> bytes:
    return mbus.encode(replace(frame, part=part))


# --- HDLC ----------------------------------------------------------------------------------------

_FLAG = b"\x7e"


def _hdlc(octets: bytes, line: Line) -> None:
    joining: dict[tuple[bytes, bytes], tuple[Reassembly, list[int]]] = {}
    start = 0
    while start < len(octets):
        if octets[start] != hdlc.FLAG:
            rest = octets.find(_FLAG, start)
            rest = len(octets) if rest < 0 else rest
            line.problems.append(ProtocolError(start, f"{rest - start} octets outside of frames"))
            line.pieces.append(octets[start:rest])
            start = rest
            continue
        line.pieces.append(_FLAG)
        start += 1
        if start == len(octets) or octets[start] == hdlc.FLAG:
            continue
        end = _hdlc_frame(octets, start, line, joining)
        # The flag that closes a frame may open the next one.
        if octets[end : end + 1] == _FLAG and octets[end + 1 : end + 2] in (b"", _FLAG):
            line.pieces.append(_FLAG)
            end += 1
        elif octets[end : end + 1] != _FLAG and end < len(octets):
            line.problems.append(ProtocolError(end, "no flag behind the frame"))
        start = end
    for reassembly, _ in joining.values():
        if reassembly.begun:
            line.problems.append(ProtocolError(len(octets), "the last segment is missing"))


def _hdlc_frame(
    octets: bytes,
    start: int,
    line: Line,
    joining: dict[tuple[bytes, bytes], tuple[Reassembly, list[int]]],
) -> int:
    """Read the frame whose format field is at `start`; where the octets behind it begin."""
    try:
        frame, end, says = _read_hdlc(octets, start)
    except ProtocolError as error:
        line.problems.append(error)
        rest = octets.find(_FLAG, start)
        end = len(octets) if rest < 0 else rest
        line.pieces.append(octets[start:end])
        return end
    whole = octets[start:end]
    for check, place in (("hcs", end - len(frame.information) - 4), ("fcs", end - 2)):
        if says[check] == "wrong":
            line.problems.append(ProtocolError(place, f"a wrong {check.upper()}"))
    good = "wrong" not in (says["hcs"], says["fcs"])
    summary = _hdlc_summary(frame, says)
    number = line.add(
        SeenFrame(start, whole, says, summary, frame.information, partial(_hdlc_with, frame))
    )
    if good and frame.information and frame.kind in (hdlc.Kind.I, hdlc.Kind.UI):
        ends = frame.destination, frame.source
        reassembly, numbers = joining.setdefault(ends, (Reassembly(), []))
        numbers.append(number)
        joined = reassembly.add(frame)
        if joined is not None:
            apdu = without_llc(joined)
            llc = b"" if apdu is None else joined[:3]
            says["llc"] = llc.hex()
            found = joined if apdu is None else apdu
            line.apdus.append(CarriedApdu(found, tuple(numbers), llc))
            numbers.clear()
    return end


def _hdlc_with(frame: hdlc.Frame, information: bytes) -> bytes:
    """Without flags, because frames share them."""
    return hdlc.encode(replace(frame, information=information))[1:-1]


def _read_hdlc(octets: bytes, start: int) -> tuple[hdlc.Frame, int, dict[str, Any]]:
    if len(octets) - start < 2:
        raise ProtocolError(start, "a frame that breaks off")
    first = octets[start]
    if first & 0xF0 != hdlc.FORMAT_TYPE_3:
        raise ProtocolError(start, f"format {first:02X} is not type 3")
    length = (first & 7) << 8 | octets[start + 1]
    end = start + length
    if end > len(octets):
        raise ProtocolError(start, f"{length} octets announced, {len(octets) - start} left")
    destination = start + 2
    source = destination + _address(octets, destination, end)
    control = source + _address(octets, source, end)
    checked = control + 3  # behind HCS, or behind FCS where there is no information
    if end not in (checked, *range(checked + 2, end + 1)):
        raise ProtocolError(start, f"a length of {length} with no place for both checksums")
    information = octets[checked : end - 2]
    frame = hdlc.Frame(
        octets[destination:source],
        octets[source:control],
        octets[control],
        information,
        bool(first & hdlc.SEGMENTED),
    )
    says: dict[str, Any] = {
        "destination": _address_says(frame.destination),
        "source": _address_says(frame.source),
        "control": f"{frame.control:02x}",
        "kind": frame.kind.name,
        "poll_final": frame.poll,
        "segmented": frame.segmented,
        "length": length,
        "hcs": _verdict(octets[start:checked]) if end > checked else None,
        "fcs": _verdict(octets[start:end]),
        "information": information.hex(),
    }
    says |= _numbers(frame)
    return frame, end, says


def _address(octets: bytes, start: int, end: int) -> int:
    size = address_size(octets, start, end)
    if not size:
        raise ProtocolError(start, "an address that does not end")
    return size


def _address_says(octets: bytes) -> dict[str, Any]:
    address = ServerAddress.decode(octets)
    return {"upper": address.logical, "lower": address.physical, "size": address.octets}


def _verdict(octets: bytes) -> str:
    return "good" if intact(octets) else "wrong"


def _numbers(frame: hdlc.Frame) -> dict[str, Any]:
    match frame.kind:
        case hdlc.Kind.I:
            return {"ns": frame.ns, "nr": frame.nr}
        case hdlc.Kind.RR | hdlc.Kind.RNR:
            return {"nr": frame.nr}
        case hdlc.Kind.SNRM | hdlc.Kind.UA:
            asked = decode_parameters(frame.information)
            return {
                "parameters": {
                    "info_transmit": asked.info_transmit,
                    "info_receive": asked.info_receive,
                    "window_transmit": asked.window_transmit,
                    "window_receive": asked.window_receive,
                }
            }
    return {}


def _hdlc_summary(frame: hdlc.Frame, says: dict[str, Any]) -> str:
    ends = [
        "/".join(str(part) for part in (end["upper"], end["lower"]) if part is not None)
        for end in (says["source"], says["destination"])
    ]
    checks = [f"{check.upper()} {says[check]}" for check in ("hcs", "fcs") if says[check]]
    segment = ", a segment" if frame.segmented else ""
    return f"HDLC {' → '.join(ends)}, {frame}{segment}, {', '.join(checks)}"
