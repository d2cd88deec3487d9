"""Octets to begin from: what was really said, so that a fuzzer starts deep inside.

Taken from the vectors outside the repository where they are, and from conversations of our own.
"""

from __future__ import annotations

from protocols import wrapper
from protocols.dlms import apdu, axdr
from protocols.dlms.client import ClientConnection
from protocols.dlms.get import GetRequestNormal, GetResponseNormal
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AssociationRequest, AttributeDescriptor
from protocols.dlms.settings import ClientSettings
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString, Structure
from protocols.hdlc.client import HdlcClient
from tests.dlms.shared import vectors

ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)


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
        case "concentrator-message" | "cim-message":
            return [b'{"type":"Hello"}', b"<RequestMessage><Header/></RequestMessage>"]
        case _:
            link = HdlcClient(1)
            link.connect(now=0.0)
            opening = link.data_to_send() or b""
            mode_e = [b"/?!\r\n", b"/XXX5\\2ABC\r\n", b"\x06252\r\n"]
            return [opening, *mode_e, *(v.octets for v in vectors("hdlc-frame", "push-hdlc"))]
