"""Image transfer: the whole way to another firmware, and every way that it can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.meter import firmware
from devices.meter.device import Meter
from devices.meter.history import Deed
from devices.meter.identity import Identity
from devices.meter.image_transfer import (
    ACTIVATE_S,
    BLOCK_SIZE,
    IMAGE_MAX,
    RESTART_S,
    VERIFY_S,
    Status,
)
from devices.meter.load import ConstantLoad
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.values import (
    Array,
    Boolean,
    DoubleLongUnsigned,
    Integer,
    OctetString,
    Structure,
    Value,
)
from tests.meter.asking import Asking
from tests.meter.conversation import Talk

NOW = datetime(2026, 7, 8, 10, 7, 30, tzinfo=UTC).timestamp()
NAME = "0.0.44.0.0.255"
FIRMWARE_CLIENT = 3
GOOD = firmware.image("SIM-3P", "ami-sim-2", 1000)


@pytest.fixture
def here() -> Asking:
    return Asking(Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500)), NOW, FIRMWARE_CLIENT)


def initiate(here: Asking, size: int, identifier: bytes = b"fw-2") -> ActionResult:
    parameter = Structure((OctetString(identifier), DoubleLongUnsigned(size)))
    return here.act(18, NAME, 1, parameter)


def block(here: Asking, number: int, content: bytes) -> ActionResult:
    return here.act(18, NAME, 2, Structure((DoubleLongUnsigned(number), OctetString(content))))


def blocks(image: bytes) -> list[bytes]:
    return [image[at : at + BLOCK_SIZE] for at in range(0, len(image), BLOCK_SIZE)]


def transfer(here: Asking, image: bytes) -> None:
    assert initiate(here, len(image)) is ActionResult.SUCCESS
    for number, content in enumerate(blocks(image)):
        assert block(here, number, content) is ActionResult.SUCCESS


def verify(here: Asking) -> ActionResult:
    assert here.act(18, NAME, 3, Integer(0)) is ActionResult.TEMPORARY_FAILURE
    here.now += VERIFY_S
    return here.act(18, NAME, 3, Integer(0))


def status(here: Asking) -> Status:
    return Status(here.number(18, NAME, 6))


def version(here: Asking) -> bytes:
    return here.octets(1, "1.0.0.2.0.255")


def test_the_whole_way(here: Asking):
    assert (status(here), version(here)) == (Status.NOT_INITIATED, b"ami-sim-1")
    transfer(here, GOOD)
    assert here.get(18, NAME, 3).bits == "1111"  # type: ignore[union-attr]
    assert here.number(18, NAME, 4) == 4
    assert here.act(18, NAME, 3, Integer(0)) is ActionResult.TEMPORARY_FAILURE
    assert status(here) is Status.VERIFICATION_INITIATED
    here.now += VERIFY_S - 1
    assert here.act(18, NAME, 3, Integer(0)) is ActionResult.TEMPORARY_FAILURE
    here.now += 1
    assert here.act(18, NAME, 3, Integer(0)) is ActionResult.SUCCESS
    info = here.get(18, NAME, 7)
    assert info == Array(
        [Structure((DoubleLongUnsigned(1000), OctetString(b"fw-2"), OctetString(GOOD[-64:])))]
    )
    assert version(here) == b"ami-sim-1", "a verified image is not active yet"
    assert here.act(18, NAME, 4, Integer(0)) is ActionResult.TEMPORARY_FAILURE
    here.now += ACTIVATE_S
    assert here.act(18, NAME, 4, Integer(0)) is ActionResult.SUCCESS
    assert (status(here), version(here)) == (Status.ACTIVATION_SUCCESSFUL, b"ami-sim-2")
    assert here.get(18, NAME, 7) == Array()
    here.sap = 1
    assert [int(row[1]) for row in here.rows("0.0.99.98.0.255")] == [17, 18]  # type: ignore[arg-type, call-overload]
    (deed,) = [each for each in here.meter.history if each.deed is Deed.FIRMWARE_ACTIVATED]
    assert (deed.at, deed.detail) == (here.now, "ami-sim-2")


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)), st.lists(st.integers(0, 3), max_size=4))
def test_blocks_come_in_any_order_and_as_often_as_they_like(order: list[int], again: list[int]):
    here = Asking(Meter(Identity(7, 4), ConstantLoad.of(1, 1, 1)), NOW, FIRMWARE_CLIENT)
    initiate(here, len(GOOD))
    got: set[int] = set()
    for number in [*order[:-1], *(n for n in again if n in order[:-1]), order[-1]]:
        missing = min(set(range(4)) - got)
        assert here.number(18, NAME, 4) == missing
        assert block(here, number, blocks(GOOD)[number]) is ActionResult.SUCCESS
        got.add(number)
        bits = "".join("1" if n in got else "0" for n in range(4))
        assert here.get(18, NAME, 3).bits == bits  # type: ignore[union-attr]
    assert verify(here) is ActionResult.SUCCESS


def spoil(image: bytes, at: int) -> bytes:
    return image[:at] + bytes((image[at] ^ 1,)) + image[at + 1 :]


BAD_IMAGES = {
    "a bit of the payload": spoil(GOOD, 500),
    "a bit of the signature": spoil(GOOD, -5),
    "for other hardware": firmware.image("SIM-1P", "ami-sim-2", 1000),
    "no image at all": bytes(1000),
    "only a signature": GOOD[-64:],
    "the header alone": GOOD[:40],
}


@pytest.mark.parametrize("image", BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_fails_its_verification_and_can_be_replaced(here: Asking, image: bytes):
    transfer(here, image)
    assert verify(here) is ActionResult.OTHER_REASON
    assert status(here) is Status.VERIFICATION_FAILED
    assert here.act(18, NAME, 4, Integer(0)) is ActionResult.OTHER_REASON
    transfer(here, GOOD)
    assert verify(here) is ActionResult.SUCCESS


Steps = Callable[[Asking], ActionResult]
REFUSALS: dict[str, tuple[Steps, str]] = {
    "a block before it began": (lambda h: block(h, 0, b"x"), "TEMPORARY_FAILURE"),
    "an image of nothing": (lambda h: initiate(h, 0), "OTHER_REASON"),
    "an image too long": (lambda h: initiate(h, IMAGE_MAX + 1), "OTHER_REASON"),
    "an image without a name": (lambda h: initiate(h, 10, b""), "OTHER_REASON"),
    "a block beyond the end": (
        lambda h: (initiate(h, 1000), block(h, 4, b"x"))[1], "OTHER_REASON",
    ),
    "a block too short": (
        lambda h: (initiate(h, 1000), block(h, 0, bytes(255)))[1], "OTHER_REASON",
    ),
    "a last block too long": (
        lambda h: (initiate(h, 1000), block(h, 3, bytes(256)))[1], "OTHER_REASON",
    ),
    "verification with a block missing": (
        lambda h: (initiate(h, 1000), h.act(18, NAME, 3, Integer(0)))[1], "OTHER_REASON",
    ),
    "verification of nothing": (lambda h: h.act(18, NAME, 3, Integer(0)), "OTHER_REASON"),
    "activation of nothing": (lambda h: h.act(18, NAME, 4, Integer(0)), "OTHER_REASON"),
    "activation before verification": (
        lambda h: (transfer(h, GOOD), h.act(18, NAME, 4, Integer(0)))[1], "OTHER_REASON",
    ),
    "another image while one is verified": (
        lambda h: (transfer(h, GOOD), h.act(18, NAME, 3, Integer(0)), initiate(h, 10))[2],
        "TEMPORARY_FAILURE",
    ),
    "a block while it is verified": (
        lambda h: (transfer(h, GOOD), h.act(18, NAME, 3, Integer(0)), block(h, 0, b"x"))[2],
        "TEMPORARY_FAILURE",
    ),
    "where transfer is disabled": (
        lambda h: (h.put(18, NAME, 5, Boolean(False)), initiate(h, 1000))[1], "TEMPORARY_FAILURE",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "result"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(here: Asking, steps: Steps, result: str):
    assert steps(here) is ActionResult[result]


def test_only_those_who_bring_firmware_see_it(here: Asking):
    for sap, seen in ((16, False), (2, False), (1, True), (5, True), (3, True)):
        here.sap = sap
        found = here.get(18, NAME, 6)
        assert (found is DataAccessResult.READ_WRITE_DENIED) is not seen
    here.sap = FIRMWARE_CLIENT
    assert here.get(3, "1.0.1.8.0.255", 2) is DataAccessResult.READ_WRITE_DENIED


def test_an_interruption_keeps_the_blocks_and_ends_a_verification(here: Asking):
    initiate(here, len(GOOD))
    for number in (0, 2):
        block(here, number, blocks(GOOD)[number])
    here.meter.power_off(now=here.now)
    here.meter.power_on(now=here.now + 5)
    here.now += 5
    assert here.number(18, NAME, 4) == 1
    for number in (1, 3):
        block(here, number, blocks(GOOD)[number])
    assert here.act(18, NAME, 3, Integer(0)) is ActionResult.TEMPORARY_FAILURE
    here.meter.power_off(now=here.now + 1)
    here.meter.power_on(now=here.now + 2)
    here.now += 60
    assert status(here) is Status.INITIATED
    assert verify(here) is ActionResult.SUCCESS


def test_a_meter_is_silent_while_it_starts_its_new_firmware():
    meter = Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500))
    here = Asking(meter, NOW, FIRMWARE_CLIENT)
    transfer(here, GOOD)
    verify(here)
    talk = Talk(meter, FIRMWARE_CLIENT, now=here.now)
    talk.associate()
    assert talk.act(18, NAME, 4, Integer(0)) is ActionResult.TEMPORARY_FAILURE
    assert meter.open_to(FIRMWARE_CLIENT)
    started = here.now + ACTIVATE_S
    meter.advance(started)
    assert not meter.open_to(FIRMWARE_CLIENT), "its associations ended with the old firmware"
    own, peer = meter.counters(FIRMWARE_CLIENT)
    silent = Talk(meter, FIRMWARE_CLIENT, now=started + 1, counter=peer, lowest=own)
    assert silent.try_to_associate() == []
    after = Talk(meter, FIRMWARE_CLIENT, now=started + RESTART_S, counter=peer, lowest=own)
    after.associate()
    assert after.get(1, "1.0.0.2.0.255", 2) == OctetString(b"ami-sim-2")


def test_a_slow_meter_takes_longer(here: Asking):
    here.meter.set_fault("image-slow", now=NOW)
    transfer(here, GOOD)
    assert verify(here) is ActionResult.TEMPORARY_FAILURE
    here.now += 11 * VERIFY_S
    assert here.act(18, NAME, 3, Integer(0)) is ActionResult.SUCCESS


@pytest.mark.parametrize("size", [0, 84])
def test_no_image_is_made_of_too_few_octets(size: int):
    with pytest.raises(ValueError):
        firmware.image("SIM-3P", "v", size)


TYPES: dict[str, tuple[int, Value | None]] = {
    "initiate": (1, Structure((OctetString(b"x"), Integer(1)))),
    "block": (2, Structure((Integer(0), OctetString(b"x")))),
    "verify": (3, None),
    "activate": (4, DoubleLongUnsigned(0)),
}


@pytest.mark.parametrize(("method", "parameter"), TYPES.values(), ids=TYPES)
def test_parameters_have_their_types(here: Asking, method: int, parameter: Value | None):
    assert here.act(18, NAME, method, parameter) is ActionResult.TYPE_UNMATCHED
