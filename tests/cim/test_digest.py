"""The same request sent again has the same digest; any other has another."""

from __future__ import annotations

import pytest

from protocols.cim import xml
from protocols.cim.digest import digest
from tests.cim import orders_as_xml as a

REPLAY = (
    "<m:ReplayDetection><m:Nonce>{}</m:Nonce><m:Created>2026-07-06T14:00:0{}Z</m:Created>"
    "</m:ReplayDetection>"
)


def of(octets: bytes) -> str:
    return digest(xml.parse(octets))


ONE = a.typed(head=a.header(before="<m:Timestamp>2026-07-06T14:00:00Z</m:Timestamp>"))

SAME = {
    "another time stamp": a.typed(
        head=a.header(before="<m:Timestamp>2026-07-06T15:00:00Z</m:Timestamp>")
    ),
    "no time stamp": a.typed(),
    "a nonce": a.typed(head=a.header(before=REPLAY.format("a", 1))),
    "another nonce": a.typed(head=a.header(before=REPLAY.format("b", 2))),
    "other prefixes": a.typed()
    .replace(b"m:", b"ns7:").replace(b"xmlns:m=", b"xmlns:ns7=")
    .replace(b"c:", b"ns8:").replace(b"xmlns:c=", b"xmlns:ns8="),
    "other blanks": a.typed().replace(b"><", b">\n   <"),
    "a comment": a.typed().replace(b"<Payload>", b"<!-- again --><Payload>"),
    "an older namespace": a.typed().replace(b"iec.ch/TC57/2011/schema", b"iec.ch/TC57/2008/schema"),
    "another encoding": a.typed().decode().encode("utf-16"),
}  # fmt: skip

OTHER = {
    "another amount": a.typed(a.control(attributes=a.attribute("powerLimit", "1501"))),
    "another meter": a.typed(a.control(addressed=a.devices("90000002"))),
    "one meter more": a.typed(a.control(addressed=a.devices("90000001", "90000002"))),
    "another type": a.typed(a.control('<c:EndDeviceControlType ref="3.31.139.26"/>')),
    "another MessageID": a.typed(head=a.header(ids="<m:MessageID>x</m:MessageID>")),
    "another flag": a.typed(head=a.header(flags="<m:AsyncReplyFlag>false</m:AsyncReplyFlag>")),
    "an option": a.typed(request=a.option("diaNoLaborable", "permitido")),
    "the generic style": a.generic(),
    "the control twice": a.typed(a.control(), a.control()),
    "a time stamp outside the header": a.typed(
        payload=a.typed().decode().partition("</Header>")[2].replace(
            "</Payload>", "<Format>XML</Format></Payload>"
        ).partition("</CreateEndDeviceControls>")[0]
    ),
}  # fmt: skip


def test_digests_are_sha_256() -> None:
    assert len(of(ONE)) == 64 and set(of(ONE)) <= set("0123456789abcdef")


@pytest.mark.parametrize("octets", SAME.values(), ids=SAME)
def test_the_same_again(octets: bytes) -> None:
    assert of(octets) == of(ONE)


@pytest.mark.parametrize("octets", OTHER.values(), ids=OTHER)
def test_another_request(octets: bytes) -> None:
    assert of(octets) != of(ONE)


def test_text_cannot_move_between_elements() -> None:
    """Where an element ends is part of the digest, not only the order of texts."""
    one = of(b"<x><Header/><a>1</a><b>2</b></x>")
    assert one != of(b"<x><Header/><a>12</a><b/></x>")
    assert one != of(b"<x><Header/><a>1<b>2</b></a></x>")
