"""The steps of an update, over a real meter's objects: whatever is lost or dies, the meter runs the
image whole, or the update says why not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.meter import firmware
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.image_transfer import ImageTransfer, Status
from devices.meter.load import ConstantLoad
from devices.meter.services import answer
from protocols.concentrator.messages import Status as Ended
from protocols.concentrator.meter_firmware import MeterImage, Stage, UpdateTold
from protocols.dlms.action import ActionRequestNormal
from protocols.dlms.firmware_update import Advance, Memory, in_one_session
from protocols.dlms.procedures import Outcome, Pause, Unanswered
from protocols.dlms.services import ActionRequest
from tests.meter.asking import Asking

NOW = datetime(2026, 7, 8, 10, 7, 30, tzinfo=UTC).timestamp()
NEW = "ami-sim-2"
GOOD = firmware.image("SIM-3P", NEW, 1000)  # 4 blocks
BLOCKS = 4
SESSIONS_MAX = 60
MESSAGES_MAX = 60
TROUBLES = ("request lost", "answer lost", "driver killed", "power cut")


def label(octets: bytes, version: str = NEW, signature: bytes = b"") -> MeterImage:
    return MeterImage(
        image=hashlib.sha256(octets).hexdigest(),
        octets=len(octets),
        identifier=b"fw-2",
        version=version,
        version_object="1.0.0.2.0.255",
        signature=signature,
    )


@dataclass
class Killed(Exception):
    """The driver is gone, with all that it had not written down."""


@dataclass
class Driver:
    """Sessions of a head-end or a concentrator with one meter; `troubles` befall its messages, in
    their order, by the message's number over all sessions."""

    octets: bytes = GOOD
    image: MeterImage = field(default_factory=lambda: label(GOOD))
    troubles: dict[int, str] = field(default_factory=dict)
    meter: Asking = field(
        default_factory=lambda: Asking(
            Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500)), NOW, 3
        )
    )
    kept: Memory = Memory()  # what outlives the driver
    asked_at: float | None = None
    messages: int = 0
    blocks: int = 0
    acted: list[ActionRequest] = field(default_factory=list)

    def session(self) -> Outcome | None:
        """One session; None where it broke."""
        starting = self.asked_at is not None and self.meter.now < self.asked_at + 600
        advance = Advance(self.image, self.octets, self.kept, starting=starting)
        procedure = in_one_session(advance, self._keep)
        try:
            request = next(procedure)
            while True:
                if isinstance(request, Pause):
                    self.meter.now += request.seconds
                    request = procedure.send(None)
                    continue
                try:
                    came = self._said(request)
                except Unanswered as error:
                    request = procedure.throw(error)
                else:
                    request = procedure.send(came)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        except (Unanswered, Killed):
            return None

    def run(self) -> Outcome:
        """Sessions until it is done or has failed, some time apart."""
        for _ in range(SESSIONS_MAX):
            ended = self.session()
            if ended is not None and ended.status is not Ended.UNDERWAY:
                return ended
            self.meter.now += 60
        raise AssertionError("no end")

    def _keep(self, memory: Memory) -> None:
        self.kept = memory
        self.asked_at = self.meter.now if memory.activated else None

    def _said(self, request: object) -> object:
        self.messages += 1
        trouble = self.troubles.get(self.messages)
        if isinstance(request, ActionRequest):
            self.acted.append(request)
            self.blocks += request.methods[0].method == 2
        device = self.meter.meter
        if device.part(ImageTransfer).silences(self.meter.now):
            raise Unanswered("it starts anew")
        if trouble == "request lost":
            raise Unanswered("lost")
        if trouble == "power cut":
            device.power_off(now=self.meter.now)
            self.meter.now += 30
            device.power_on(now=self.meter.now)
            raise Unanswered("the power is gone")
        came = answer(self.meter.context(), request)  # type: ignore[arg-type]
        device.settle(self.meter.now)
        if trouble == "driver killed":
            raise Killed
        if trouble == "answer lost":
            raise Unanswered("lost")
        return came

    @property
    def running(self) -> bytes:
        return self.meter.octets(1, "1.0.0.2.0.255")


@settings(max_examples=150)
@given(st.dictionaries(st.integers(1, MESSAGES_MAX), st.sampled_from(TROUBLES), max_size=12))
def test_whatever_is_lost_or_dies_the_image_runs_and_few_blocks_are_repeated(
    troubles: dict[int, str],
) -> None:
    it = Driver(troubles=troubles)
    ended = it.run()
    assert ended.status is Ended.DONE and it.running == NEW.encode()
    assert it.meter.meter.part(ImageTransfer).running == firmware.inspect(GOOD), "octet for octet"
    assert it.blocks <= BLOCKS + len(troubles), "each trouble costs one block at most"


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("at", range(1, 26))
def test_each_single_moment(at: int, trouble: str) -> None:
    it = Driver(troubles={at: trouble})
    assert it.run().status is Ended.DONE and it.running == NEW.encode()
    assert it.blocks <= BLOCKS + 1


BAD = {
    "damaged": (bytes(1000), Stage.REJECTED),
    "for other hardware": (firmware.image("OTHER", NEW, 1000), Stage.REJECTED),
    "of another version": (firmware.image("SIM-3P", "ami-sim-9", 1000), Stage.UNCHANGED),
}


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(BAD)),
    st.dictionaries(st.integers(1, MESSAGES_MAX), st.sampled_from(TROUBLES), max_size=6),
)
def test_a_bad_image_fails_with_its_reason_whatever_else_happens(
    name: str, troubles: dict[int, str]
) -> None:
    octets, stage = BAD[name]
    it = Driver(octets, label(octets), troubles)
    ended = it.run()
    assert ended.status is Ended.NOT_APPLIED and ended.update is not None
    assert ended.update.stage is stage and it.kept == Memory()
    if stage is Stage.REJECTED:
        assert it.running != NEW.encode() and it.meter.meter.part(ImageTransfer).running is None
        assert it.blocks <= 2 * BLOCKS + len(troubles), "sent anew once at most"


def test_octets_with_another_digest_never_leave() -> None:
    it = Driver(octets=GOOD[:-1] + b"?")
    ended = it.run()
    assert ended.update is not None and ended.update.stage is Stage.DAMAGED
    assert it.messages == 0


def test_what_has_another_signature_is_not_activated() -> None:
    it = Driver(image=label(GOOD, signature=bytes(64)))
    ended = it.run()
    assert ended.update is not None and ended.update.stage is Stage.FOREIGN
    assert it.meter.meter.part(ImageTransfer).status is Status.VERIFICATION_SUCCESSFUL


def test_the_messages_of_class_18_octet_by_octet() -> None:
    """By hand from the Blue Book's methods of class 18 and the Green Book's ACTION: c3, type 01,
    invoke-id-and-priority, class 0012, 0.0.44.0.0.255, method, 01 for parameters that follow."""
    it = Driver()
    assert it.run().status is Ended.DONE
    sent = [
        ActionRequestNormal(0xC1, each.methods[0], each.parameters[0]).encode().hex()
        for each in it.acted
    ]
    assert all(each.startswith("c301c1") for each in sent)
    name = "0012" + "00002c0000ff"
    initiate = next(each for each in sent if name + "01" in each)
    assert initiate.endswith(name + "01" + "01" + "0202" + "0904" + b"fw-2".hex() + "06000003e8")
    blocks = [each for each in sent if name + "0201" + "0202" + "06" in each]
    for number, each in enumerate(blocks):
        part = GOOD[number * 256 : number * 256 + 256]
        octets = "09" + ("820100" if len(part) == 256 else "81e8") + part.hex()
        assert each.endswith(name + "0201" + "0202" + f"06{number:08x}" + octets)
    assert len(blocks) == BLOCKS and len(GOOD) - 3 * 256 == 0xE8
    verify, activate = (
        next(each for each in sent if name + method in each) for method in ("0301", "0401")
    )
    assert verify.endswith(name + "0301" + "0f00") and activate.endswith(name + "0401" + "0f00")
    assert sent.index(initiate) < sent.index(blocks[0]) < sent.index(verify) < sent.index(activate)


def test_a_block_that_the_meter_takes_and_has_not_is_a_failure_at_last() -> None:
    it = Driver()
    transfer = it.meter.meter.part(ImageTransfer)

    def forgets() -> Iterator[Outcome | None]:
        advance = Advance(it.image, it.octets, it.kept, sent=lambda number: _forget(transfer, 2))
        yield from _all(it, advance)

    (ended,) = forgets()
    assert ended is not None and ended.status is Ended.NOT_APPLIED
    assert ended.update is not None and ended.update.missing == 1
    assert it.blocks == BLOCKS + 3, "three more times, and no more"


def _forget(transfer: ImageTransfer, number: int) -> None:
    assert transfer.got is not None
    transfer.got[number] = 0


def _all(it: Driver, advance: Advance) -> Iterable[Outcome]:
    procedure = in_one_session(advance, it._keep)
    came: object = None
    while True:
        try:
            request = procedure.send(came)
        except StopIteration as stop:
            return [stop.value]
        came = None if isinstance(request, Pause) else it._said(request)


def test_what_is_told_of_an_image_on_its_way() -> None:
    it = Driver()
    left = [3]

    def go_on() -> bool:
        left[0] -= 1
        return left[0] >= 0

    (ended,) = _all(it, Advance(it.image, it.octets, it.kept, go_on=go_on))
    assert ended.status is Ended.UNDERWAY
    told = UpdateTold(
        stage=Stage.TRANSFERRING, blocks=4, missing=2, sent=2, version=it.running.decode()
    )
    assert ended.update == told
