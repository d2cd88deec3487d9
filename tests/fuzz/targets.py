"""Every decoder that octets from outside reach, as one function each that a fuzzer calls.

A target returns for whatever octets: what the protocol does not allow is a ProtocolError (or the
decoder's own kind of it) or an event, and nothing else comes out.  What was decoded is encoded
again and must read back as the same; links and connections must neither raise nor keep more than
their limits allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocols import wrapper
from protocols.dlms import apdu, axdr, elliptic
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Conformance, Security
from protocols.dlms.events import NEED_DATA
from protocols.dlms.key_wrap import NotUnwrapped, read_agreement, read_transfer
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.association import ObjectList
from protocols.dlms.objects.capture import CaptureObject, read_capture_objects
from protocols.dlms.objects.clock import read_time
from protocols.dlms.objects.profile import restored, rows_of
from protocols.dlms.objects.push import Destination
from protocols.dlms.objects.shape import Misshapen
from protocols.dlms.objects.units import ScalerUnit
from protocols.dlms.profile import Column, Decoder, Quantities, Times
from protocols.dlms.push import Sender, open_push
from protocols.dlms.selective_access import EntryDescriptor, RangeDescriptor
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import AssociationRequest, AttributeDescriptor, GetRequest
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import Value
from protocols.errors import ProtocolError
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.server import HdlcServer
from protocols.link import ClientLink, ServerLink
from protocols.mode_e.client import ModeEClient
from protocols.mode_e.readout_client import ReadoutClient
from protocols.mode_e.server import ModeEServer
from protocols.plc import frames
from protocols.wrapper.link import WrapperClient, WrapperServer
from tests.fuzz import messages, recordings

TEST_KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))  # TEST KEYS
ONE = SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256
_PRIVATE = elliptic.private_key(ONE, bytes(range(32)))  # a TEST KEY
PAIRS = KeyPairs(_PRIVATE, _PRIVATE, _PRIVATE.public_key(), _PRIVATE.public_key())
TITLES = (b"TSTCLNT1", b"TSTSERV1")
ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)

Target = Callable[[bytes], None]


def an_apdu(octets: bytes) -> None:
    try:
        decoded = apdu.decode(octets)
    except ProtocolError:
        return
    assert apdu.decode(apdu.encode(decoded)) == decoded or _holds_nan(decoded)


def a_value(octets: bytes) -> None:
    try:
        decoded = axdr.decode(octets)
    except ProtocolError:
        return
    again = axdr.decode(axdr.encode(decoded))
    assert again == decoded or _holds_nan(decoded)


def _holds_nan(decoded: object) -> bool:
    return "nan" in repr(decoded)  # the one float that differs from itself


def an_object(octets: bytes) -> None:
    """What a client reads of interface classes, from any value."""
    try:
        value = axdr.decode(octets)
    except ProtocolError:
        return
    for read in _OBJECTS:
        try:
            read(value)
        except Misshapen:
            continue


def a_profile(octets: bytes) -> None:
    """As it came, and behind the head of an array, so that rows are reached at once."""
    clock = Column(8, LogicalName("0.0.1.0.0.255"), 2)
    decoder = Decoder([clock, Column(3, LogicalName("1.0.1.8.0.255"), 2, -1)])
    for buffer in (octets, bytes((1, min(len(octets) // 6, 127))) + octets):
        try:
            series = decoder.decode(buffer)
        except ProtocolError:
            continue
        for each in series:
            if isinstance(each, Quantities):
                assert len(each.scaled) == len(each.present)
            elif isinstance(each, Times):
                assert len(each.utc_s) == len(each.filled_utc_s(900)) == len(each.present)


def a_wrapper(octets: bytes) -> None:
    decoder = wrapper.Decoder(1024)
    try:
        for piece in _pieces(octets):
            for frame in decoder.feed(piece):
                wrapper.encode(frame.source, frame.destination, frame.apdu)
    except ProtocolError:
        return
    assert decoder.pending <= 1024 + wrapper.HEADER_SIZE


def wrapper_links(octets: bytes) -> None:
    """Both roles, as a stream and as datagrams."""
    for datagrams in (False, True):
        client = WrapperClient(1, datagrams=datagrams, length_max=1024)
        client.connect(now=0.0)
        for link in (client, WrapperServer(datagrams=datagrams, length_max=1024)):
            _drive(link, octets)


def a_readout_client(octets: bytes) -> None:
    link = ReadoutClient()
    link.connect(now=0.0)
    _drive(link, octets)


def an_hdlc_client(octets: bytes) -> None:
    link = HdlcClient(1)
    link.connect(now=0.0)
    _drive(link, octets)


def an_hdlc_server(octets: bytes) -> None:
    _drive(HdlcServer(), octets)


def a_mode_e_client(octets: bytes) -> None:
    link = ModeEClient(1)
    link.connect(now=0.0)
    _drive(link, octets)


def a_mode_e_server(octets: bytes) -> None:
    _drive(ModeEServer(), octets)


def _drive(link: ClientLink | ServerLink, octets: bytes) -> None:
    """Let a line bring these octets, in pieces, with time passing in between."""
    now = 0.0
    for piece in _pieces(octets):
        link.receive_data(piece, now=now)
        now += 0.5 * (piece[0] % 8)
        due = link.next_deadline()
        if due is not None and due <= now:
            link.handle_deadline(now=now)
        for _ in range(64):
            if link.data_to_send() is None and link.next_event() is NEED_DATA:
                break
        else:
            raise AssertionError("the link goes on by itself for ever")


def _pieces(octets: bytes) -> Iterator[bytes]:
    """The octets cut in up to sixteen pieces, so that cuts fall anywhere but are repeatable."""
    size = max(1, len(octets) // 16, octets[0] % 32 if octets else 1)
    return (octets[start : start + size] for start in range(0, len(octets), size))


def a_client(octets: bytes) -> None:
    """Two octets choose where the client stands, the rest is what the server says."""
    client = ClientConnection(_CLIENTS[octets[0] % len(_CLIENTS)] if octets else _CLIENTS[0])
    client.send(AssociationRequest(), now=0.0)
    if octets and octets[0] & 0x80:
        client.receive_data(_ACCEPTED, now=0.0)
        if client.negotiated is not None:
            client.send(GetRequest.of(ENERGY), now=0.0)
    _converse(client, octets[1:])


def a_server(octets: bytes) -> None:
    """As with the client; what opens the association is said before."""
    settings = _SERVERS[octets[0] % len(_SERVERS)] if octets else _SERVERS[0]
    server = ServerConnection(settings)
    if octets and octets[0] & 0x80:
        opening = ClientConnection(_CLIENTS[0]).send(AssociationRequest(), now=0.0)
        server.receive_data(opening, now=0.0)
    _converse(server, octets[1:])


def _converse(connection: ClientConnection | ServerConnection, octets: bytes) -> None:
    """Each APDU stands behind one octet with its length."""
    at = 0
    while at < len(octets):
        said = octets[at + 1 : at + 1 + octets[at]]
        at += 1 + octets[at]
        connection.receive_data(said, now=float(at))
        for _ in range(64):
            if connection.data_to_send() is None and connection.next_event() is NEED_DATA:
                break
        else:
            raise AssertionError("the connection goes on by itself for ever")


def a_push(octets: bytes) -> None:
    """Without an association, from a meter whose keys are known; the title is in the octets."""
    sender = Sender(
        TEST_KEYS, ONE, PAIRS, required=Security.NONE, signed=bool(octets[:1] > b"\x7f")
    )
    try:
        pushed = open_push(octets[1:], lambda title: sender, system_title=TITLES[0])
    except ProtocolError:
        return
    assert pushed.security == Security.NONE or pushed.lowest, "its counter is remembered"


def a_key_transfer(octets: bytes) -> None:
    """Keys for a meter: wrapped by somebody, or agreed on with somebody."""
    try:
        value = axdr.decode(octets)
    except ProtocolError:
        return
    for read in (lambda: read_transfer(bytes(16), 16, value), lambda: read_agreement(value)):
        try:
            read()
        except (Misshapen, NotUnwrapped):
            continue


def a_plc_frame(octets: bytes) -> None:
    try:
        frame = frames.decode(octets)
    except ProtocolError:
        return
    assert frames.encode(frame) == octets


_OBJECTS: tuple[Callable[[Value], object], ...] = (
    ObjectList.from_value,
    read_capture_objects,
    RangeDescriptor.from_value,
    EntryDescriptor.from_value,
    ScalerUnit.from_value,
    read_time,
    Destination.from_value,
    lambda value: restored(rows_of(value), (CaptureObject(8, ENERGY.instance, 2),), 900),
)
_EVERYTHING = CONFORMANCE | Conformance.GENERAL_BLOCK_TRANSFER | Conformance.ACCESS
_CLIENTS = (
    ClientSettings(conformance=_EVERYTHING, block_window=8),
    ClientSettings(
        authentication=AuthenticationMechanism.HIGH_GMAC,
        security=Security.AUTHENTICATED_ENCRYPTED,
        keys=TEST_KEYS,
        system_title=TITLES[0],
        challenge=b"challenge",
    ),
    ClientSettings(authentication=AuthenticationMechanism.LOW, password=b"00000000"),
    ClientSettings(
        authentication=AuthenticationMechanism.HIGH_ECDSA,
        suite=ONE,
        security=Security.AUTHENTICATED_ENCRYPTED,
        keys=TEST_KEYS,
        pairs=PAIRS,
        system_title=TITLES[0],
        challenge=bytes(32),
    ),
)
_SERVERS = (
    ServerSettings(conformance=_EVERYTHING, block_window=8),
    ServerSettings(
        authentication=AuthenticationMechanism.HIGH_GMAC,
        security=Security.AUTHENTICATED_ENCRYPTED,
        keys=TEST_KEYS,
        system_title=TITLES[1],
        challenge=lambda: b"StoC-StoC",
    ),
    ServerSettings(
        authentication=AuthenticationMechanism.HIGH_ECDSA,
        suite=ONE,
        security=Security.AUTHENTICATED_ENCRYPTED,
        keys=TEST_KEYS,
        pairs=PAIRS,
        system_title=TITLES[1],
        challenge=lambda: b"StoC" * 8,
    ),
)
_ACCEPTED = bytes.fromhex(
    "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F0400207E5F04B00007"
)
"""An AARE that accepts without authentication: Green Book 11, the example of an association, with
general blocks and ACCESS agreed on as well."""

TARGETS: dict[str, Target] = {
    "apdu": an_apdu,
    "value": a_value,
    "object": an_object,
    "profile": a_profile,
    "wrapper": a_wrapper,
    "hdlc-client": an_hdlc_client,
    "hdlc-server": an_hdlc_server,
    "mode-e-client": a_mode_e_client,
    "mode-e-server": a_mode_e_server,
    "push": a_push,
    "key-transfer": a_key_transfer,
    "client": a_client,
    "server": a_server,
    "plc-frame": a_plc_frame,
    "wrapper-links": wrapper_links,
    "mode-e-readout-client": a_readout_client,
    "short-names": recordings.short_names,
    "dissection": recordings.a_dissection,
    "hex-text": recordings.a_line_of_hex,
    "dirty": recordings.what_a_dirty_meter_says,
    "row-times": recordings.times_of_rows,
    "readout": recordings.a_readout,
    "certificate": recordings.a_certificate,
    "firmware-image": recordings.a_firmware_image,
    "rf-frame": recordings.an_rf_frame,
    "m-bus-frame": recordings.an_m_bus_frame,
    "capture": recordings.a_capture,
    "concentrator-message": messages.a_concentrator_message,
    "upload": messages.an_upload,
    "commercial-message": messages.a_commercial_message,
    "order-xml": messages.an_order_in_xml,
    "noun-xml": messages.a_noun_in_xml,
    "card": messages.a_card,
    "job-package": messages.a_job_package,
    "job-result": messages.a_job_result,
}
