"""Octets to begin from: what was really said, so that a fuzzer starts deep inside.

Taken from the vectors outside the repository where they are, and from conversations of our own.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols import wrapper
from protocols.dlms import apdu, axdr
from protocols.dlms.client import ClientConnection
from protocols.dlms.general import KeyKind
from protocols.dlms.get import GetRequestNormal, GetResponseNormal
from protocols.dlms.key_wrap import TransferId, transfer_data
from protocols.dlms.keys import CounterLease
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import DataNotification
from protocols.dlms.push import PushSealer
from protocols.dlms.services import AssociationRequest, AttributeDescriptor
from protocols.dlms.settings import ClientSettings
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString, Structure
from protocols.hdlc.client import HdlcClient
from tests.dlms.shared import vectors

ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)


def _pushes() -> Iterator[bytes]:
    """One in each kind of protection, for the titles and keys of `targets`."""
    from tests.fuzz.targets import ONE, PAIRS, TEST_KEYS, TITLES

    push = DataNotification(7, b"", DoubleLongUnsigned(1517))
    lease, draw = CounterLease(1, 100), lambda count: bytes(count)
    sealer = PushSealer(
        TEST_KEYS, TITLES[1], lease, suite=ONE, recipient=TITLES[0], pairs=PAIRS, secrets=draw
    )
    yield sealer.seal(push)
    yield sealer.seal(push, signed=True)
    for kind in (KeyKind.IDENTIFIED, KeyKind.ONE_PASS, KeyKind.STATIC):
        yield sealer.seal(push, kind=kind)


def seeds(target: str) -> list[bytes]:
    """Inputs that this target should start from."""
    said = [vector.octets for vector in vectors("apdu", "ciphered-apdu", "push-raw")]
    said += [
        ClientConnection(ClientSettings()).send(AssociationRequest(), now=0.0),
        apdu.encode(GetRequestNormal(0xC1, ENERGY)),
        apdu.encode(GetResponseNormal(0xC1, DoubleLongUnsigned(1517))),
    ]
    match target:
        case "apdu":
            return said
        case "value" | "profile":
            rows = [Structure((OctetString(bytes(12)), DoubleLongUnsigned(n))) for n in range(3)]
            return [axdr.encode(Array(rows)), *(v.octets for v in vectors("axdr"))]
        case "wrapper":
            return [wrapper.encode(1, 16, each) for each in said]
        case "client" | "server":
            spoken = [bytes((len(each),)) + each for each in said if len(each) < 256]
            return [bytes((head,)) + each for each in spoken for head in (0, 1, 0x80)]
        case "push":
            return [bytes((head,)) + each for each in (*_pushes(), *said) for head in (0, 0x80)]
        case "key-transfer":
            moved = {name: bytes(16) for name in TransferId}
            return [axdr.encode(transfer_data(bytes(16), moved))]
        case "concentrator-message" | "cim-message":
            return [b'{"type":"Hello"}', b"<RequestMessage><Header/></RequestMessage>"]
        case _:
            link = HdlcClient(1)
            link.connect(now=0.0)
            opening = link.data_to_send() or b""
            mode_e = [b"/?!\r\n", b"/XXX5\\2ABC\r\n", b"\x06252\r\n"]
            return [opening, *mode_e, *(v.octets for v in vectors("hdlc-frame", "push-hdlc"))]
