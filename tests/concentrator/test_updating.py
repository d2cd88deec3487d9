"""A concentrator's firmware: fetched piece by piece, verified, activated in time, taken back."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from devices.concentrator.updating import BOOTS_NOT
from protocols.concentrator.firmware import Progress
from protocols.concentrator.messages import (
    FirmwarePiece,
    FirmwareTold,
    OfferFirmware,
    Online,
    ReceiptToConcentrator,
    WantFirmware,
    decode_upward,
)
from tests.concentrator.head_end import Stage

IMAGE = b"ami-concentrator 1.1.0 " + bytes(range(256)) * 400  # some 100 kB, four pieces
OLD, NEW = "ami-concentrator 1.0.0", "ami-concentrator 1.1.0"


class Depot(Stage):
    """A stage whose head-end hands out an image, and may damage or lose pieces."""

    def __init__(self, image: bytes = IMAGE, *, lost: tuple[int, ...] = ()) -> None:
        super().__init__(meters=1)
        self.image, self.lost, self.asked = image, lost, 0
        self.name = hashlib.sha256(image).hexdigest()
        arrived = self.wire.arrived

        def hear(topic: str, payload: bytes) -> None:
            arrived(topic, payload)
            match decode_upward(payload):
                case WantFirmware() as word:
                    self.hand_out(word)
                case FirmwareTold(id=of):
                    receipt = ReceiptToConcentrator(id=self.head_end.new_id(), at=self.now(), of=of)
                    self.send(receipt)

        self.wire.arrived = hear

    def hand_out(self, word: WantFirmware) -> None:
        self.asked += 1
        if self.asked in self.lost:
            return
        octets = self.image[word.offset : word.offset + word.octets]
        piece = FirmwarePiece(
            id=self.head_end.new_id(), image=word.image, offset=word.offset, octets=octets
        )
        self.send(piece, piece)  # the broker may double it

    def offer(self, *, after_s: float = 0.0, **changes: Any) -> None:
        values: dict[str, Any] = {"image": self.name, "octets": len(self.image)} | changes
        offer = OfferFirmware(
            id=self.head_end.new_id(),
            at=self.now(),
            version=NEW,
            activate_at=self.now() + timedelta(seconds=after_s),
            **values,
        )
        self.send(offer, offer)

    def told(self) -> list[Progress]:
        words = {word.id: word for word in self.head_end.of(FirmwareTold)}
        return [word.progress for word in words.values()]

    def firmwares(self) -> list[str]:
        return [word.firmware for word in self.head_end.of(Online)]


# pieces that are lost on their way, by number of the question
LOSSES = {"none": (), "the first": (1,), "some": (2, 3, 5)}


@pytest.mark.parametrize("lost", LOSSES.values(), ids=LOSSES)
def test_an_image_is_fetched_verified_and_active_at_its_time(lost: tuple[int, ...]) -> None:
    stage = Depot(lost=lost)
    stage.offer(after_s=900)
    stage.run(850)
    assert stage.told() == [Progress.VERIFIED]
    assert stage.firmwares() == [OLD]
    stage.run(300)
    assert stage.told() == [Progress.VERIFIED, Progress.ACTIVE]
    assert stage.firmwares() == [OLD, NEW]
    assert stage.asked == 4 + len(lost)


def test_a_reboot_in_between_loses_nothing() -> None:
    stage = Depot(lost=(3, 4))
    stage.offer(after_s=600)
    stage.run(20)
    stage.concentrator.reboot("test")
    stage.run(200)
    stage.concentrator.reboot("test")  # and once more while it waits for its time
    stage.run(600)
    assert stage.told() == [Progress.VERIFIED, Progress.ACTIVE]
    assert stage.firmwares()[-1] == NEW
    assert stage.concentrator.firmware == NEW


def test_what_does_not_start_is_taken_back() -> None:
    stage = Depot(IMAGE + BOOTS_NOT)
    stage.offer()
    stage.run(100)
    assert not stage.concentrator.running  # it hangs, until the watchdog sees it
    stage.run(200)
    assert stage.told() == [Progress.VERIFIED, Progress.ROLLED_BACK]
    assert stage.firmwares() == [OLD, OLD]
    stage.concentrator.reboot("test")
    stage.run(100)
    assert stage.firmwares() == [OLD, OLD, OLD]


def test_what_is_not_what_was_offered_is_refused() -> None:
    stage = Depot()
    stage.offer(image="00" * 32)
    stage.run(100)
    assert stage.told() == [Progress.REFUSED]
    assert stage.firmwares() == [OLD]


def test_what_has_no_room_is_refused_without_a_question() -> None:
    stage = Depot()
    stage.offer(octets=1 << 40)
    stage.run(100)
    assert stage.told() == [Progress.REFUSED]
    assert stage.asked == 0
