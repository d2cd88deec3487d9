"""A capture taken apart: what each packet is, the APDUs that whole packets make, and with keys what
is inside those.

Every packet stands for itself, and an APDU belongs to the packet that completed it.  Conversations
are followed as far as needed to read one: pieces of wrapper PDUs, HDLC segments, the system titles
that AARQ and AARE bring, and the dedicated key of an opened initiate request, which opens what
follows and is itself never told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from protocols import wrapper
from protocols.capture import masking, packets, radio, sign_on
from protocols.capture.packets import Fate, Header, Kind, Segment
from protocols.capture.pcapng import Packet, Read
from protocols.capture.pcapng import packets as read_packets
from protocols.concentrator import messages
from protocols.dissection import tree
from protocols.dissection.apdu import Dissected, InsideError, dissect
from protocols.dissection.lines import Framing, take_apart
from protocols.dissection.opening import KeyRing
from protocols.dlms.acse import AARE, AARQ
from protocols.dlms.apdu import GeneralCiphered, GeneralCiphering, GeneralSigning, InitiateRequest
from protocols.dlms.security import TITLE_SIZE
from protocols.errors import ProtocolError
from protocols.hdlc import frame as hdlc
from protocols.hdlc.segments import Reassembly, without_llc
from protocols.plc import frames as plc
from protocols.rf import frames as rf


@dataclass(frozen=True, slots=True)
class Found:
    """One packet: in words, its header's facts, its APDUs, and what is wrong with it."""

    packet: Packet
    words: str
    facts: dict[str, object]
    apdus: tuple[FoundApdu, ...] = ()
    problem: ProtocolError | None = None


@dataclass(frozen=True, slots=True)
class FoundApdu:
    """An APDU without the secrets in it, or why there is none."""

    octets: bytes
    dissected: Dissected | None
    problem: ProtocolError | None = None


@dataclass(frozen=True, slots=True)
class Titles:
    """Who speaks in a conversation, as far as it has been said."""

    client: bytes = b""
    meter: bytes = b""
    client_sap: int | None = None


class Keys:
    """Where keys come from; without any nothing is opened."""

    def ring(self, titles: Titles) -> KeyRing:
        """The keys of the two parties; `KeyRing()` for parties that are not known."""
        return KeyRing()


class Contents:
    """Reads one capture."""

    def __init__(self, keys: Keys | None = None) -> None:
        self._keys = keys or Keys()
        self._talks: dict[object, _Talk] = {}

    def learn(self, source: Read) -> None:
        """Read a capture ahead, for the titles that are said late: an AARQ is ciphered for a meter
        that names itself only in its answer."""
        quiet = Contents()
        try:
            for _ in quiet.read(source):
                pass
        except ProtocolError:
            pass  # `read` will tell
        for key, talk in quiet._talks.items():
            self._talk(key).titles = talk.titles

    def read(self, source: Read) -> Iterator[Found]:
        """Every packet.  Raises ProtocolError where the file is damaged, after what came before."""
        for packet in read_packets(source):
            try:
                yield self._look(packet)
            except ProtocolError as error:
                yield Found(packet, "not readable", {}, (), error)

    def _look(self, packet: Packet) -> Found:
        match packet.interface.link_type:
            case packets.RAW_IP:
                return self._tcp(packet)
            case packets.USER0:
                return _power_line(packet)
            case packets.USER1:
                return self._serial(packet)
            case packets.USER3:
                return _message(packet)
            case packets.TAP:
                return _radio(packet)
        raise ProtocolError(0, f"link type {packet.interface.link_type} is none of ours")

    def _talk(self, key: object) -> _Talk:
        return self._talks.setdefault(key, _Talk(self._keys))

    # --- interfaces ------------------------------------------------------------------------------

    def _tcp(self, packet: Packet) -> Found:
        segment = packets.read_segment(packet.octets)
        up = segment.source.port == packets.DLMS_PORT
        ends = segment.source, segment.destination
        client, server = ends[::-1] if up else ends
        facts: dict[str, object] = {
            "source": str(segment.source), "destination": str(segment.destination),
            "direction": "up" if up else "down",
        }  # fmt: skip
        if not segment.data:
            return Found(packet, _tcp_words(segment), facts)
        talk = self._talk((client, server))
        frames = talk.decoders[up].feed(segment.data)
        found = []
        for frame in frames:
            facts |= {"wrapper_source": frame.source, "wrapper_destination": frame.destination}
            sap = frame.destination if up else frame.source
            found.append(talk.take(frame.apdu, up=up, client_sap=sap))
        words = f"wrapper {', '.join(f'{f.source} → {f.destination}' for f in frames) or 'piece'}"
        return Found(packet, words, facts, tuple(found))

    def _serial(self, packet: Packet) -> Found:
        header, octets = packets.split(packet.octets)
        facts = _facts(header)
        if header.detail == Kind.OTHER:
            if (line_ := sign_on.read(octets)) is not None:
                return Found(packet, line_.words, facts | line_.facts)
            shown = octets.decode("ascii", "replace") if octets.isascii() else octets.hex()
            return Found(packet, f"no frame: {shown!r}", facts)
        line = take_apart(octets, Framing.HDLC)
        if not line.frames:
            why = line.problems[0] if line.problems else ProtocolError(0, "no frame")
            return Found(packet, "no frame", facts, (), why)
        (seen, *_) = line.frames
        facts |= seen.says
        frame = hdlc.Frame(
            b"", b"", int(str(seen.says["control"]), 16), seen.part, bool(seen.says["segmented"])
        )
        apdus: tuple[FoundApdu, ...] = ()
        talk = self._talk(header.name)
        if frame.information and frame.kind in (hdlc.Kind.I, hdlc.Kind.UI):
            joined = talk.segments[header.up].add(frame)
            if joined is not None:
                ends = seen.says["destination" if header.up else "source"]
                bare = without_llc(joined)
                apdu = joined if bare is None else bare
                apdus = (talk.take(apdu, up=header.up, client_sap=ends["upper"]),)
        problem = line.problems[0] if line.problems and not frame.segmented else None
        return Found(packet, seen.summary, facts, apdus, problem)


def _tcp_words(segment: Segment) -> str:
    names = ((packets.SYN, "SYN"), (packets.PUSH, "PSH"), (packets.ACK, "ACK"))
    return f"TCP {' '.join(name for flag, name in names if segment.flags & flag)}"


def _facts(header: Header) -> dict[str, object]:
    return {"name": header.name, "direction": "up" if header.up else "down"}


def _power_line(packet: Packet) -> Found:
    header, octets = packets.split(packet.octets)
    fate = Fate(header.detail) if header.detail in set(Fate) else None
    facts = _facts(header) | {
        "fate": "unknown" if fate is None else fate.name.lower().replace("_", "-"),
        "snr_db": header.snr_cdb / 100,
        "airtime_ms": header.airtime_us / 1000,
    }
    what = _of_frame(plc.decode(octets), facts)
    told = "fate unknown" if fate is None else fate.words
    return Found(packet, f"{header.name}: {what}, {told}", facts)


def _radio(packet: Packet) -> Found:
    strength_dbm, octets = radio.decode(packet.octets)
    facts: dict[str, object] = {"rssi_dbm": strength_dbm}
    frame = rf.decode(octets)
    facts["direction"] = frame.direction.name.lower()
    what = _of_frame(frame, facts)
    heard = "" if strength_dbm is None else f", {strength_dbm:.2f} dBm"
    return Found(packet, f"radio node {frame.node}: {what}{heard}", facts)


def _of_frame(frame: plc.Frame, facts: dict[str, object]) -> str:
    """What a frame of a link layer says; `facts` learns it, too."""
    facts |= {"node": frame.node, "message": frame.message, "segment": frame.sequence}
    if isinstance(frame, plc.Segment):
        last = ", the last" if frame.last else ""
        facts |= {"kind": "segment", "last": frame.last, "data": frame.data.hex()}
        return f"segment {frame.sequence} of message {frame.message}{last}"
    facts |= {"kind": "acknowledgement", "heard_snr_db": frame.heard_snr_cdb / 100}
    return f"acknowledges segment {frame.sequence} of message {frame.message}"


def _message(packet: Packet) -> Found:
    header, payload = packets.split(packet.octets)
    facts = _facts(header)
    try:
        read = messages.decode_upward if header.up else messages.decode_downward
        message = read(payload)
    except messages.UnknownMessage as error:
        return Found(packet, f"{header.name}: unknown", facts, (), ProtocolError(0, str(error)))
    kind = str(type(message).__struct_config__.tag)
    facts |= {"type": kind, "id": message.id}
    order = getattr(message, "order", None)
    words = f"{header.name}: {kind}" + ("" if order is None else f" of order {order}")
    return Found(packet, words, facts | ({} if order is None else {"order": order}))


# --- conversations -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Talk:
    """One client and one meter."""

    keys: Keys
    decoders: dict[bool, wrapper.Decoder] = field(
        default_factory=lambda: {False: wrapper.Decoder(), True: wrapper.Decoder()}
    )
    segments: dict[bool, Reassembly] = field(
        default_factory=lambda: {False: Reassembly(), True: Reassembly()}
    )
    titles: Titles = Titles()
    dedicated: bytes | None = field(default=None, repr=False)

    def take(self, octets: bytes, *, up: bool, client_sap: int) -> FoundApdu:
        """The next APDU of either side."""
        self.titles = replace(self.titles, client_sap=client_sap)
        self._learn(octets, up)
        ring = self.keys.ring(self.titles)
        if not ring.empty and self.dedicated is not None:
            ring = replace(ring, dedicated=self.dedicated)
        title = self.titles.meter if up else self.titles.client
        try:
            dissected = dissect(octets, ring, title)
        except InsideError as error:
            problem = ProtocolError(error.offset, error.cause)
            return FoundApdu(octets, without_secrets(error.outer), problem)
        except ProtocolError as error:
            return FoundApdu(octets, None, error)
        self._keep_dedicated(dissected)
        hidden = without_secrets(dissected)
        return FoundApdu(masking.masked(octets), hidden)

    def _learn(self, octets: bytes, up: bool) -> None:
        """System titles, from whatever says one before anything needs to be opened."""
        try:
            apdu = dissect(octets).apdu
        except ProtocolError:
            return
        title = b""
        match apdu:
            case AARQ():
                title, self.dedicated = apdu.calling_ap_title or b"", None
            case AARE():
                title = apdu.responding_ap_title or b""
            case GeneralCiphered():
                title = apdu.system_title
            case GeneralCiphering():
                title = apdu.header.originator
        if len(title) == TITLE_SIZE:
            titles = self.titles
            self.titles = replace(titles, meter=title) if up else replace(titles, client=title)

    def _keep_dedicated(self, dissected: Dissected) -> None:
        inner = [each for _, each in dissected.openings]
        if dissected.inside is not None:
            inner.append(dissected.inside)
        for each in inner:
            if isinstance(each.apdu, InitiateRequest) and each.apdu.dedicated_key is not None:
                self.dedicated = each.apdu.dedicated_key


def without_secrets(dissected: Dissected) -> Dissected:
    """What a capture's reader may see: neither passwords nor the keys that ciphering carried."""
    hidden = masking.without_secrets(dissected.apdu)
    inside = None if dissected.inside is None else without_secrets(dissected.inside)
    opened = None if dissected.opened is None else without_secrets(dissected.opened)
    opening = dissected.opening
    if opening is not None and opened is not None and opened is not dissected.opened:
        opening = replace(opening, plain=opened.octets)
    if hidden is dissected.apdu and inside is dissected.inside and opened is dissected.opened:
        return dissected
    octets = masking.masked(dissected.octets)
    place = {}
    if inside is not None:
        signed = isinstance(hidden, GeneralSigning)
        place = {"content" if signed else "user_information": inside.element}
    element = tree.of_apdu(hidden, place)
    return Dissected(octets, hidden, element, octets, inside, opening, opened)
