"""Octets to begin from: what was really said, so that a fuzzer starts deep inside.

Taken from the vectors outside the repository where they are, and from conversations of our own.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any, get_args

import msgspec
from msgspec import inspect

from devices.meter import firmware
from protocols import mbus, wrapper
from protocols.capture import pcapng, radio
from protocols.capture.recorder import INTERFACES
from protocols.commercial.messages import ResultMessage, ResultReceipt
from protocols.concentrator.collecting import Batch, Block, ColumnTold, Layout, packed
from protocols.concentrator.messages import Downward, Upward
from protocols.dlms import apdu, axdr
from protocols.dlms.certificates import Authority, Usage, request
from protocols.dlms.client import ClientConnection
from protocols.dlms.date_time import DateTime
from protocols.dlms.general import KeyKind
from protocols.dlms.get import GetRequestNormal, GetResponseNormal
from protocols.dlms.key_wrap import TransferId, transfer_data
from protocols.dlms.keys import CounterLease
from protocols.dlms.notification import DataNotification
from protocols.dlms.push import PushSealer
from protocols.dlms.services import AssociationRequest
from protocols.dlms.settings import ClientSettings
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString, Structure
from protocols.hdlc.client import HdlcClient
from protocols.jobs import cards, package, sealing
from protocols.jobs.result import AnyRecord
from protocols.mode_e import readout
from protocols.plc import frames as plc
from protocols.rf import frames as rf
from tests.cim import orders_as_xml, test_other_senders
from tests.dlms.shared import vectors
from tests.dlms.test_short_names import VECTORS as SHORT_NAMES
from tests.fuzz import targets
from tests.fuzz.examples import example
from tests.fuzz.recordings import NEAR
from tests.jobs.parties import CARD, DEVICE, HEAD_END
from tests.jobs.parties import package as a_package

TITLES, TEST_KEYS, ONE, PAIRS = targets.TITLES, targets.TEST_KEYS, targets.ONE, targets.PAIRS
BEGIN, END = datetime.datetime(2026, 1, 1), datetime.datetime(2046, 1, 1)
ROWS = Array([Structure((OctetString(bytes(12)), DoubleLongUnsigned(n))) for n in range(3)])


def _said() -> list[bytes]:
    """APDUs of others, and of ours."""
    return [vector.octets for vector in vectors("apdu", "ciphered-apdu", "push-raw")] + [
        ClientConnection(ClientSettings()).send(AssociationRequest(), now=0.0),
        apdu.encode(GetRequestNormal(0xC1, targets.ENERGY)),
        apdu.encode(GetResponseNormal(0xC1, DoubleLongUnsigned(1517))),
    ]


def _values() -> list[bytes]:
    return [axdr.encode(ROWS), *(vector.octets for vector in vectors("axdr"))]


def _spoken() -> list[bytes]:
    """Behind the octet that says where a connection stands, and each behind its length."""
    spoken = [bytes((len(each),)) + each for each in _said() if len(each) < 256]
    return [bytes((head,)) + each for each in spoken for head in (0, 1, 0x80)]


def _pushes() -> Iterator[bytes]:
    """One in each kind of protection, for the titles and keys of `targets`."""
    push = DataNotification(7, b"", DoubleLongUnsigned(1517))
    lease, draw = CounterLease(1, 100), lambda count: bytes(count)
    sealer = PushSealer(
        TEST_KEYS, TITLES[1], lease, suite=ONE, recipient=TITLES[0], pairs=PAIRS, secrets=draw
    )
    yield sealer.seal(push)
    yield sealer.seal(push, signed=True)
    for kind in (KeyKind.IDENTIFIED, KeyKind.ONE_PASS, KeyKind.STATIC):
        yield sealer.seal(push, kind=kind)


def _short_names() -> list[bytes]:
    order = {tag: number for number, tag in enumerate((0x05, 0x0C, 0x06, 0x0D, 0x16, 0x18))}
    octets = [bytes.fromhex(entry[0]) for entry in SHORT_NAMES.values()]
    return [bytes((order[each[0]],)) + each[1:] for each in octets]


def _in_frames() -> list[bytes]:
    return [vector.octets for vector in vectors("hdlc-frame", "push-hdlc", "push-mbus")]


def _lines() -> list[bytes]:
    """What stations of HDLC and mode E say first."""
    link = HdlcClient(1)
    link.connect(now=0.0)
    opening = link.data_to_send() or b""
    return [opening, b"/?!\r\n", b"/XXX5\\2ABC\r\n", b"\x06252\r\n", *_in_frames()]


def _times() -> list[bytes]:
    step = datetime.timedelta(minutes=15)
    rows = [DateTime.from_datetime(NEAR + number * step).octets for number in range(-5, 1)]
    return [b"".join(rows), b"".join(each[:9] + b"\x80\0\0" for each in rows)]


def _readouts() -> list[bytes]:
    data = readout.DataSet("1.8.0", "001234.5", "kWh"), readout.DataSet("0.9.1", "101500")
    return [readout.message(data), b"1.8.0(001234.5*kWh)\r\n", *_lines()[1:4]]


def _certificates() -> list[bytes]:
    ours = PAIRS.signing
    assert ours is not None
    maker = Authority(ONE, "Test CA", ours)
    issued = [maker.issue(TITLES[1], ours.public_key(), usage, 7, BEGIN, END) for usage in _USAGES]
    root = maker.itself(1, BEGIN, END)
    return [root.octets, *(each.octets for each in issued), request(ONE, ours, *_WHO)]


_WHO = TITLES[1], Usage.SIGNATURE
_USAGES = Usage.SIGNATURE, Usage.AGREEMENT, Usage.TLS


def _rf() -> list[bytes]:
    down, up = rf.Direction.DOWN, rf.Direction.UP
    return [
        rf.encode(rf.Segment(down, 7, 1, 0, True, b"\x01\x02")),
        rf.encode(rf.Acknowledgement(up, 7, 1, 0, 1250)),
    ]


def _captures() -> list[bytes]:
    head = pcapng.section("ami") + b"".join(map(pcapng.interface, INTERFACES))
    carried = [wrapper.encode(1, 16, _said()[-1]), radio.encode(_rf()[0], -90.0), *_in_frames()[:2]]
    blocks = [
        pcapng.packet(number, 1, octets, comment="", outbound=True)
        for number in range(len(INTERFACES))
        for octets in carried
    ]
    return [head + block for block in blocks] + carried


def _uploads() -> list[bytes]:
    layout = Layout("1.0.99.1.0.255", (ColumnTold(8, "0.0.1.0.0.255", 2),), 900)
    block = Block(
        meter="1", task="t", number=1, read_at=NEAR, layout=0, buffer=axdr.encode(ROWS), rows=3
    )
    return [packed(Batch((layout,), (block,))), msgspec.msgpack.encode(Batch((layout,), (block,)))]


def _json(kind: Any) -> list[bytes]:
    """A message of each type that there is."""
    kinds = get_args(kind) or (kind,)
    return [msgspec.json.encode(example(inspect.type_info(each))) for each in kinds]


def _jobs() -> list[bytes]:
    content = package.encode(a_package())
    return [content, sealing.seal(content, DEVICE.card, HEAD_END)]


def _images() -> list[bytes]:
    return [firmware.image("SIM-3P", "1.2.3", 256)]


_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "apdu": _said,
    "value": _values,
    "object": _values,
    "profile": _values,
    "wrapper": lambda: [wrapper.encode(1, 16, each) for each in _said()],
    "wrapper-links": lambda: [wrapper.encode(1, 16, each) for each in _said()],
    "client": _spoken,
    "server": _spoken,
    "push": lambda: [bytes((head,)) + each for each in (*_pushes(), *_said()) for head in (0, 128)],
    "key-transfer": lambda: [
        axdr.encode(transfer_data(bytes(16), {name: bytes(16) for name in TransferId}))
    ],
    "short-names": _short_names,
    "dissection": lambda: [*_said(), *_values(), *_in_frames(), wrapper.encode(1, 16, _said()[-1])],
    "hex-text": lambda: [b"C4 01 C1  # a register", b"0xC4,0x01", rb"\xc4\x01"],
    "dirty": lambda: [*_said(), *_values(), *_times()],
    "row-times": _times,
    "readout": _readouts,
    "mode-e-readout-client": lambda: [b"/XXX5ABC\r\n" + each for each in _readouts()],
    "certificate": _certificates,
    "firmware-image": _images,
    "rf-frame": _rf,
    "plc-frame": lambda: [plc.encode(plc.Segment(plc.Direction.DOWN, 7, 1, 0, True, b"\x01\x02"))],
    "m-bus-frame": lambda: [
        mbus.encode(mbus.Frame(0x53, 0xFF, 0x10, 1, 103, b"\x0f\0\0\0\0\0\0")),
        *(vector.octets for vector in vectors("push-mbus")),
    ],
    "capture": _captures,
    "concentrator-message": lambda: [*_json(Downward), *_json(Upward)],
    "upload": _uploads,
    "commercial-message": lambda: [*_json(ResultMessage), *_json(ResultReceipt)],
    "order-xml": lambda: [orders_as_xml.typed(), orders_as_xml.generic()],
    "noun-xml": lambda: [test_other_senders.READINGS, test_other_senders.METER],
    "card": lambda: [cards.encode_card(CARD), cards.encode_card(DEVICE.card)],
    "job-package": _jobs,
    "job-result": lambda: _json(AnyRecord),
}


def seeds(target: str) -> list[bytes]:
    """Inputs that this target should start from."""
    return _SEEDS.get(target, _lines)()
