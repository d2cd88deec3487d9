"""What a meter does with messages for all stations: blocks of an image, once, from its own street;
and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.meter import firmware
from devices.meter.device import Meter
from devices.meter.events import Event, Log
from devices.meter.identity import CONCENTRATOR_CLIENT, Identity
from devices.meter.image_transfer import BLOCK_SIZE, ImageTransfer, Status
from devices.meter.load import ConstantLoad
from devices.meter.overlay import overlay, restore
from devices.meter.services import answer
from protocols import wrapper
from protocols.concentrator.messages import Status as Ended
from protocols.concentrator.meter_firmware import Stage
from protocols.dlms.action import ActionRequestNormal
from protocols.dlms.broadcast import (
    ALL_STATIONS,
    BROADCAST_CLIENT,
    SETUP,
    block_for_all,
    sealed_for_all,
    street_keys,
)
from protocols.dlms.codes import ActionResult, Security
from protocols.dlms.firmware_update import Advance, Memory, in_one_session
from protocols.dlms.key_wrap import TransferId, transfer_data
from protocols.dlms.keys import CounterLease, Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, Pause
from protocols.dlms.procedures.image_transfer import block_of
from protocols.dlms.security import Protection
from protocols.dlms.services import AttributeDescriptor, MethodDescriptor
from protocols.dlms.set import SetRequestNormal
from protocols.dlms.values import (
    Boolean,
    DoubleLongUnsigned,
    Integer,
    OctetString,
    Structure,
    Value,
)
from tests.firmware.test_advance import label
from tests.meter.asking import Asking

NOW = datetime(2026, 7, 8, 10, 7, 30, tzinfo=UTC).timestamp()
TITLE = b"TST\0\0\0\0\1"  # of whoever asks, in `Asking`
OTHER = b"TST\0\0\0\0\2"
NEW = "ami-sim-2"
GOOD = firmware.image("SIM-3P", NEW, 2000)
BLOCKS = 8
STREET = street_keys(bytes(range(32)))
OTHER_STREET = street_keys(bytes(range(1, 33)))
IMAGE = LogicalName("0.0.44.0.0.255")


def new_meter(index: int = 4) -> Asking:
    meter = Meter(Identity(7, index), ConstantLoad.of(900, 600, 500))
    return Asking(meter, NOW, CONCENTRATOR_CLIENT)


def give(here: Asking, keys: Keys = STREET) -> ActionResult:
    """By key_transfer, under the meter's own master key of this setup."""
    assert keys.broadcast is not None
    master = here.meter.identity.master_key(BROADCAST_CLIENT)
    given = {
        TransferId.GLOBAL_BROADCAST_ENCRYPTION: keys.broadcast,
        TransferId.AUTHENTICATION: keys.authentication,
    }
    return here.act(64, str(SETUP), 2, transfer_data(master, given))


def initiate(here: Asking) -> None:
    parameter = Structure((OctetString(b"fw-2"), DoubleLongUnsigned(len(GOOD))))
    assert here.act(18, str(IMAGE), 1, parameter) is ActionResult.SUCCESS


@pytest.fixture
def here() -> Asking:
    """A meter that awaits the image and has the street's keys."""
    here = new_meter()
    initiate(here)
    assert give(here) is ActionResult.SUCCESS
    return here


def got(here: Asking) -> str:
    return "".join(map(str, here.meter.part(ImageTransfer).got or b""))


def block(number: int, *, counter: int, keys: Keys = STREET, title: bytes = TITLE) -> bytes:
    return block_for_all(keys, title, counter, GOOD, BLOCK_SIZE, number)


def said(here: Asking, frame: bytes) -> None:
    """To the meter, which never answers."""
    assert here.meter.receive(frame, now=here.now) == []


def frauds(here: Asking) -> list[int]:
    return [entry.number for entry in here.meter.journal.logs.get(Log.FRAUD, ())]


def test_each_block_is_taken_and_none_is_answered(here: Asking) -> None:
    for counter, number in enumerate((3, 0, 7)):
        said(here, block(number, counter=counter))
    assert got(here) == "10010001"
    assert here.meter.part(ImageTransfer).status is Status.INITIATED


def test_what_was_said_before_is_refused_and_told_as_fraud(here: Asking) -> None:
    said(here, block(1, counter=5))
    here.meter.part(ImageTransfer).got = bytearray(BLOCKS)
    said(here, block(1, counter=5))
    said(here, block(2, counter=4))
    assert got(here) == "0" * BLOCKS
    assert frauds(here) == [Event.REPLAY_ATTACK] * 2
    said(here, block(2, counter=6))
    assert got(here) == "00100000"


def action(method: int, parameter: Value | None, *, invoke: int = 0, class_id: int = 18) -> bytes:
    name = IMAGE if class_id == 18 else LogicalName("0.0.96.3.10.255")
    request = ActionRequestNormal(invoke, MethodDescriptor(class_id, name, method), parameter)
    return sealed_for_all(STREET, TITLE, 9, request.encode())


def protected(security: Security) -> bytes:
    protection = Protection(
        STREET,
        system_title=TITLE,
        peer_system_title=b"",
        invocation_counter=0,
        peer_invocation_counter=0,
        broadcast=CounterLease(9, 10),
    )
    plain = take(2).encode()
    return addressed(protection.seal_broadcast(plain, int(security)))


def take(number: int) -> ActionRequestNormal:
    method = MethodDescriptor(18, IMAGE, 2)
    return ActionRequestNormal(0, method, block_of(GOOD, BLOCK_SIZE, number))


def by_unicast_key() -> bytes:
    protection = Protection(
        STREET,
        system_title=TITLE,
        peer_system_title=b"",
        invocation_counter=9,
        peer_invocation_counter=0,
    )
    return addressed(protection.seal(take(2).encode(), int(Security.AUTHENTICATED_ENCRYPTED)))


def addressed(apdu: bytes, source: int = BROADCAST_CLIENT, to: int = ALL_STATIONS) -> bytes:
    return wrapper.encode(source, to, apdu)


def inside(frame: bytes) -> bytes:
    return frame[wrapper.HEADER_SIZE :]


def flipped(frame: bytes) -> bytes:
    return frame[:-1] + bytes((frame[-1] ^ 1,))


VERSION_4 = Structure((OctetString(b"fw-3"), DoubleLongUnsigned(100)))
ENABLED = SetRequestNormal(0, AttributeDescriptor(18, IMAGE, 5, None), Boolean(False))
REFUSED: dict[str, Callable[[], bytes]] = {
    "the initiation": lambda: action(1, VERSION_4),
    "the verification": lambda: action(3, Integer(0)),
    "the activation": lambda: action(4, Integer(0)),
    "a disconnection": lambda: action(1, Integer(0), class_id=70),
    "a write": lambda: sealed_for_all(STREET, TITLE, 9, ENABLED.encode()),
    "a block that wants an answer": lambda: action(2, block_of(GOOD, BLOCK_SIZE, 2), invoke=0x40),
    "under another street's keys": lambda: block(2, counter=9, keys=OTHER_STREET),
    "under another authentication key": lambda: block(
        2, counter=9, keys=replace(STREET, authentication=bytes(16))
    ),
    "of another concentrator": lambda: block(2, counter=9, title=OTHER),
    "authenticated only": lambda: protected(Security.AUTHENTICATED),
    "encrypted only": lambda: protected(Security.ENCRYPTED),
    "not as a broadcast": by_unicast_key,
    "changed on its way": lambda: flipped(block(2, counter=9)),
    "plain": lambda: addressed(take(2).encode()),
    "nothing that can be read": lambda: addressed(b"\xcb\x05\x70"),
    "nothing": lambda: addressed(b""),
    "from another client": lambda: addressed(inside(block(2, counter=9)), source=5),
    "to one device alone": lambda: addressed(inside(block(2, counter=9)), to=1),
}


@pytest.mark.parametrize("frame", REFUSED.values(), ids=REFUSED)
def test_nothing_else_is_done(frame: Callable[[], bytes], here: Asking) -> None:
    """Not even where the image is whole, and a word would start it."""
    for number in range(BLOCKS):
        said(here, block(number, counter=number))
    here.act(18, str(IMAGE), 3, Integer(0))
    here.now += 60
    here.meter.advance(here.now)
    before = overlay(here.meter)
    assert here.meter.part(ImageTransfer).status is Status.VERIFICATION_SUCCESSFUL
    said(here, frame())
    assert overlay(here.meter) == before


@pytest.mark.parametrize("frame", REFUSED.values(), ids=REFUSED)
def test_nothing_else_is_done_between_blocks(frame: Callable[[], bytes], here: Asking) -> None:
    said(here, block(0, counter=0))
    before = overlay(here.meter)
    said(here, frame())
    assert overlay(here.meter) == before


def test_a_meter_without_the_key_hears_nothing() -> None:
    here = new_meter()
    initiate(here)
    before = overlay(here.meter)
    said(here, block(0, counter=0))
    assert overlay(here.meter) == before


def test_a_new_key_counts_anew_and_an_old_one_never_returns(here: Asking) -> None:
    said(here, block(0, counter=500))
    assert give(here, OTHER_STREET) is ActionResult.SUCCESS
    said(here, block(1, counter=0, keys=OTHER_STREET))
    said(here, block(2, counter=501))
    assert got(here) == "11000000"
    assert give(here) is ActionResult.OTHER_REASON
    said(here, block(3, counter=502))
    assert got(here) == "11000000"


def test_the_same_key_once_more_changes_nothing(here: Asking) -> None:
    said(here, block(0, counter=5))
    assert give(here) is ActionResult.SUCCESS
    said(here, block(1, counter=5))
    assert got(here) == "10000000"


def test_key_and_counter_outlive_the_meter_s_power(here: Asking) -> None:
    said(here, block(0, counter=5))
    later = new_meter()
    content = bytes(here.meter.part(ImageTransfer).content or b"")
    restore(later.meter, overlay(here.meter), image=content, now=NOW)
    later.meter.resume(here.meter.counts)
    said(later, block(1, counter=5))
    assert got(later) == "10000000"
    said(later, block(1, counter=6))
    assert got(later) == "11000000"


@pytest.mark.parametrize("sap", [1, 2, 3, 4, 16])
def test_nobody_but_the_concentrator_gives_the_key(sap: int) -> None:
    here = new_meter()
    here.sap = sap
    assert give(here) is ActionResult.READ_WRITE_DENIED


def test_keys_under_another_master_key_are_refused() -> None:
    here = new_meter()
    wrapped = transfer_data(bytes(16), {TransferId.GLOBAL_BROADCAST_ENCRYPTION: bytes(16)})
    assert here.act(64, str(SETUP), 2, wrapped) is ActionResult.OTHER_REASON


# --- whatever is lost -----------------------------------------------------------------------------


def unicast(here: Asking, memory: Memory) -> Iterator[int]:
    """The ordinary update, by sessions, until the new version runs: the blocks that it sends."""
    image = label(GOOD)
    for _ in range(8):
        sent: list[int] = []
        kept = [memory]
        advance = Advance(image, GOOD, memory, sent=sent.append)
        outcome = _carried_out(here, in_one_session(advance, kept.append))
        memory = kept[-1]
        yield from sent
        if outcome.status is Ended.DONE:
            assert outcome.update is not None and outcome.update.stage is Stage.RUNNING
            return
        here.now += 120
        here.meter.advance(here.now)
    raise AssertionError("it does not come to run")


def _carried_out(here: Asking, procedure: object) -> Outcome:
    heard: object = None
    try:
        while True:
            request = procedure.send(heard)  # type: ignore[attr-defined]
            if isinstance(request, Pause):
                here.now += request.seconds
                heard = None
            else:
                heard = answer(here.context(), request)
                here.meter.settle(here.now)
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome


LOSSES = st.lists(st.sets(st.integers(0, BLOCKS - 1)), min_size=3, max_size=3)


@settings(max_examples=40, deadline=None)
@given(LOSSES, st.sets(st.integers(0, BLOCKS - 1)), st.permutations(range(BLOCKS)))
def test_whatever_blocks_each_meter_loses_it_ends_with_the_image_whole(
    lost: list[set[int]], replayed: set[int], order: list[int]
) -> None:
    """And what it lost, and no more, is sent to it by unicast.  Somebody says things again."""
    street = [new_meter(index) for index in range(3)]
    for here in street:
        initiate(here)
        assert give(here) is ActionResult.SUCCESS
    for counter, number in enumerate(order):
        frame = block(number, counter=counter)
        for here, without in zip(street, lost, strict=True):
            for _ in range(1 + (number in replayed)):
                if number not in without:
                    said(here, frame)
    for here, without in zip(street, lost, strict=True):
        transfer = here.meter.part(ImageTransfer)
        assert {n for n in range(BLOCKS) if not (transfer.got or b"")[n]} == without
        assert sorted(unicast(here, Memory(initiated=True))) == sorted(without)
        assert transfer.running is not None and transfer.running.version == NEW
