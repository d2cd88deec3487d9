"""Meters' firmware by their concentrator: fetched once, brought to each meter, started by order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from devices.meter.device import Meter
from devices.meter.firmware import image
from devices.meter.image_transfer import ImageTransfer
from protocols.concentrator.messages import (
    Action,
    Execute,
    FirmwarePiece,
    MeterImage,
    Result,
    Status,
    WantFirmware,
    decode_upward,
)
from protocols.concentrator.meter_firmware import Stage as At
from tests.concentrator.head_end import METER, Stage

NEW = "ami-sim-2"
SECOND = "90000002"
LOOK_S = 60.0


class Street(Stage):
    """A stage whose head-end has an image on its shelf and asks for it as orders do: an attempt,
    and another one a minute after each that ended `underway` or brought nothing."""

    def __init__(self, octets: bytes | None = None, *, lost: int = 0, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.octets = image(self.device().type.hardware, NEW) if octets is None else octets
        self.lost, self.asked = lost, 0
        self.image = MeterImage(
            image=hashlib.sha256(self.octets).hexdigest(),
            octets=len(self.octets),
            identifier=NEW.encode(),
            version=NEW,
            version_object="1.0.0.2.0.255",
        )
        self.attempts: dict[str, int] = {}
        self.wanted: dict[str, str] = {}  # order by meter
        self.ended: dict[str, Result] = {}  # by order
        self.seen: list[Result] = []
        arrived = self.wire.arrived

        def hear(topic: str, payload: bytes) -> None:
            arrived(topic, payload)
            match decode_upward(payload):
                case WantFirmware() as word:
                    self.hand_out(word)
                case Result() as result:
                    self.take(result)

        self.wire.arrived = hear

    def device(self, meter: str = METER) -> Meter:
        return self.world.meter(meter)

    def cut_the_uplink(self) -> None:
        """For three minutes; what was sent meanwhile comes then."""

        def back() -> None:
            self.wire.restore()
            while self.wire._waiting:
                self.wire._down(self.wire._waiting.popleft())

        self.wire.cut()
        self.wire._after(200, back)

    def cut_the_meter(self) -> None:
        """For a minute and a half."""

        def back() -> None:
            self.device().power_on(now=self.env.now)
            self.world.touched(METER)

        self.device().power_off(now=self.env.now)
        self.world.touched(METER)
        self.wire._after(90, back)

    def running(self, meter: str = METER) -> str:
        running = self.device(meter).part(ImageTransfer).running
        return "" if running is None else running.version

    def hand_out(self, word: WantFirmware) -> None:
        self.asked += 1
        if self.asked <= self.lost:
            return
        octets = self.octets[word.offset : word.offset + min(word.octets, 1500)]
        piece = FirmwarePiece(
            id=self.head_end.new_id(), image=word.image, offset=word.offset, octets=octets
        )
        self.send(piece, piece)

    def order(self, meter: str = METER, *, activate: bool = True) -> None:
        order = self.wanted.setdefault(meter, str(len(self.wanted) + 1))
        self.attempts[order] = self.attempts.get(order, 0) + 1
        self.send(
            Execute(
                id=self.head_end.new_id(),
                at=self.now(),
                order=order,
                attempt=self.attempts[order],
                meter=meter,
                action=Action.UPDATE_FIRMWARE,
                not_after=self.now() + timedelta(seconds=300),
                firmware=msgspec.structs.replace(self.image, activate=activate),
            )
        )

    def take(self, result: Result) -> None:
        self.seen.append(result)
        if result.action is not Action.UPDATE_FIRMWARE or result.order in self.ended:
            return
        if result.status in (Status.DONE, Status.NOT_APPLIED, Status.CANCELLED):
            self.ended[result.order] = result
        elif result.attempt == self.attempts[result.order]:
            self.wire._after(LOOK_S, lambda: self.order(result.meter))

    def until_ended(self, orders: int = 1, within_s: float = 4 * 3600) -> None:
        end = self.env.now + within_s
        while len(self.ended) < orders and self.env.now < end:
            self.run(60)


def test_a_street_gets_it_and_the_image_comes_once() -> None:
    street = Street(meters=3)
    meters = list(street.world.meter_names)
    for meter in meters:
        street.order(meter)
    street.until_ended(3)
    assert {each.status for each in street.ended.values()} == {Status.DONE}
    assert [street.running(meter) for meter in meters] == [NEW] * 3
    assert street.asked == -(-4096 // 1500), "each piece once, whoever it is for"
    told = [each.update.stage for each in street.seen if each.order == "1" and each.update]
    assert told[0] is At.FETCHING and told[-1] is At.RUNNING


TROUBLES: dict[str, Callable[[Street], None]] = {
    "the concentrator restarts": lambda street: street.concentrator.reboot("test"),
    "the uplink is cut": lambda street: street.cut_the_uplink(),
    "the meter's power is cut": lambda street: street.cut_the_meter(),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("after_s", [3, 7, 12, 22, 45, 75, 130])
def test_whatever_is_cut_at_any_moment_it_goes_on(
    after_s: float, trouble: Callable[[Street], None]
) -> None:
    street = Street(meters=1, lost=1 if after_s == 3 else 0)
    street.order()
    street.run(after_s)
    trouble(street)
    street.until_ended()
    assert street.ended["1"].status is Status.DONE
    assert street.running() == NEW
    assert sum(each.update.sent for each in street.seen if each.update) <= 16 + 2


@pytest.mark.parametrize(
    "octets, stage",
    {"damaged": (bytes(4096), At.REJECTED), "other": (image("OTHER", NEW), At.REJECTED)}.values(),
)
def test_what_the_meter_refuses_is_told_and_not_started(octets: bytes, stage: At) -> None:
    street = Street(octets, meters=1)
    street.order()
    street.until_ended()
    result = street.ended["1"]
    assert (result.status, result.update and result.update.stage) == (Status.NOT_APPLIED, stage)
    assert street.running() == ""


def test_octets_that_are_not_the_image_reach_no_meter() -> None:
    street = Street(meters=1)
    street.octets = street.octets[:-1] + b"\0"
    street.order()
    street.until_ended()
    told = street.ended["1"].update
    assert told is not None and told.stage is At.DAMAGED
    assert street.device().part(ImageTransfer).content is None


def test_without_another_attempt_nothing_is_started() -> None:
    """The order is cancelled at the head-end, or runs out, and no word of it comes down."""
    street = Street(meters=1)
    street.attempts["1"] = 10  # no answer is followed by another attempt
    street.order()
    street.attempts["1"] = 99
    street.run(2 * 3600)
    assert street.running() == ""
    told = street.seen[-1].update
    assert told is not None and told.stage is At.FETCHING
    street.attempts["1"] = 100
    street.order()
    street.until_ended()
    assert street.running() == NEW


def test_it_waits_verified_for_its_time() -> None:
    street = Street(meters=1)
    street.order(activate=False)
    street.attempts["1"] = 5  # the head-end looks again by hand
    street.run(600)
    street.order(activate=False)
    street.run(60)
    told = street.seen[-1].update
    assert told is not None and told.stage is At.VERIFIED and street.running() == ""
    street.order()
    street.until_ended()
    assert street.running() == NEW


def test_a_customer_s_order_overtakes_it() -> None:
    """In the middle of the blocks a limit is set, and no slower for them than by a message."""
    street = Street(image("SIM-3P", NEW, 102_400), meters=1)
    street.order()
    street.run(90)
    assert 0 < sum(street.device().part(ImageTransfer).got or b"") < 400
    street.send(street.execute(order="900"))
    street.run(40)
    assert [each.status for each in street.head_end.results("900")] == [Status.DONE]
    street.until_ended()
    assert street.ended["1"].status is Status.DONE


def test_there_is_room_for_so_many_images() -> None:
    street = Street(meters=1)
    held = street.concentrator.flash.images
    for name in "abcd":
        held.octets[name] = b"x"
    street.order()
    street.until_ended()
    assert street.ended["1"].status is Status.DONE and len(held.octets) == 4, "unwanted ones go"
