"""Event notifications read by implementations that are not ours: in the clear, ciphered, and in a
UI frame of HDLC."""

from __future__ import annotations

from importlib.util import find_spec
from xml.etree import ElementTree as ET

import pytest

from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import Security
from protocols.dlms.date_time import DateTime
from protocols.dlms.keys import Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import EventNotification
from protocols.dlms.security import Cipher
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import DoubleLongUnsigned, OctetString, Structure, Unsigned
from protocols.hdlc.server import HdlcServer
from tests.dlms_engines.test_peer import peer, run

__all__ = ["peer"]  # a fixture

ALARM = AttributeDescriptor(1, LogicalName("0.0.97.98.0.255"), 2)
AT = DateTime.from_octets(bytes.fromhex("07EA0706010A000000000000")).octets
EVENTS = {
    # name: (octets by hand from COSEMpdu, Event-Notification-Request [194]; the notification)
    "without a time": (
        "C2 00 0001 0000616200FF 02 06 00000005",
        EventNotification(None, ALARM, DoubleLongUnsigned(5)),
    ),
    "with its time": (
        "C2 01 0C 07EA0706010A000000000000 0001 0000616200FF 02 06 00000005",
        EventNotification(AT, ALARM, DoubleLongUnsigned(5)),
    ),
    "of a structure": (
        "C2 00 0001 0000616200FF 02 02 02 11 07 09 02 4142",
        EventNotification(None, ALARM, Structure((Unsigned(7), OctetString(b"AB")))),
    ),
}
KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
TITLE = bytes.fromhex("4D4D4D0000BC614E")


@pytest.mark.parametrize("octets, event", EVENTS.values(), ids=EVENTS)
def test_octets(octets: str, event: EventNotification) -> None:
    wire = bytes.fromhex(octets)
    assert decode(wire) == event and encode(event) == wire


@pytest.mark.skipif(find_spec("gurux_dlms") is None, reason="gurux-dlms is not installed")
@pytest.mark.parametrize("octets, event", EVENTS.values(), ids=EVENTS)
def test_gurux_dlms_reads_them(octets: str, event: EventNotification) -> None:
    from protocols.dlms.gurux.translation import to_xml

    root = ET.fromstring(to_xml(encode(event)))
    assert root.tag == "EventNotificationRequest"
    said = {each.tag: each.get("Value") for each in root.iter()}
    assert (said["ClassId"], said["InstanceId"], said["AttributeId"]) == (
        "0001", "0000616200FF", "02",
    )  # fmt: skip
    assert said.get("Time") == (None if event.time is None else event.time.hex().upper())


def explained(peer, *octets: bytes, **keys: str) -> str:
    options = [text for name, value in keys.items() for text in (f"--{name}", value)]
    told = run(peer / "pydlms", "decode", *options, *(each.hex() for each in octets))
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.xdist_group("peer")
@pytest.mark.parametrize("octets, event", EVENTS.values(), ids=EVENTS)
def test_pydlms_reads_them_in_the_clear_ciphered_and_in_hdlc(peer, octets, event) -> None:
    plain = explained(peer, encode(event), framing="apdu")
    assert "EventNotification" in plain and "0.0.97.98.0.255" in plain
    control = int(Security.AUTHENTICATED_ENCRYPTED)
    payload = Cipher(KEYS.encryption, KEYS.authentication).protect(control, TITLE, 7, encode(event))
    ciphered = bytes((0xCA, 5 + len(payload), control)) + (7).to_bytes(4, "big") + payload
    keys = {"key": KEYS.encryption.hex(), "auth-key": KEYS.authentication.hex()}
    opened = explained(peer, ciphered, framing="apdu", **keys, **{"system-title": TITLE.hex()})
    assert "0.0.97.98.0.255" in opened
    link = HdlcServer()
    link.send(encode(event), client=16, server=1, now=0.0, unconfirmed=True)
    framed = link.data_to_send()
    assert framed is not None
    assert "0.0.97.98.0.255" in explained(peer, framed, framing="hdlc")
