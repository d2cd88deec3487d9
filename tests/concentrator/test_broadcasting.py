"""An image to a street at once: each block once on the line, and whatever is lost, cut or refused,
every meter ends on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from devices.channel.link import PacketLoss
from devices.concentrator import street_broadcast
from devices.concentrator.flash import Broadcast, Pass
from devices.concentrator.street_broadcast import METERS_MIN, worth
from devices.meter.clients import BROADCASTER
from devices.meter.firmware import image
from devices.meter.image_transfer import ImageTransfer
from devices.meter.keyring import keys_of
from devices.span import Span
from protocols.concentrator.messages import Status
from protocols.dlms.objects.image import ImageStatus
from tests.concentrator.head_end import METER
from tests.concentrator.test_meter_updating import NEW, Street

BLOCKS = 40
IMAGE = image("SIM-3P", NEW, BLOCKS * 256)


class Neighbours(Street):
    """A street of several meters, all of which are to have the image."""

    def __init__(
        self, meters: int = 4, *, octets: bytes = IMAGE, loss: float = 0.0, **options: object
    ) -> None:
        super().__init__(octets, meters=meters, **options)  # type: ignore[arg-type]
        self.meters = list(self.world.meter_names)
        for meter in self.meters if loss else ():
            link = self.world._entries[meter].leg.link
            link.packet_losses.append(PacketLoss.of_share(Span(), loss))

    def order_all(self) -> None:
        for meter in self.meters:
            self.order(meter)

    def all_end(self) -> None:
        self.until_ended(len(self.meters))
        assert {each.status for each in self.ended.values()} == {Status.DONE}
        assert {self.running(meter) for meter in self.meters} == {NEW}
        assert self.under_way is None, "what is over is forgotten, its keys with it"

    @property
    def under_way(self) -> Broadcast | None:
        return self.concentrator.flash.images.broadcast

    @property
    def casts(self) -> list[dict]:
        return list(self.world.log.of_kind("broadcast"))

    @property
    def by_unicast(self) -> int:
        return sum(each.update.sent for each in self.seen if each.update)

    def until_sending(self) -> Broadcast:
        end = self.env.now + 600
        while (found := self.under_way) is None or found.at is not Pass.SENDING:
            assert self.env.now < end, "nothing is broadcast"
            self.run(1)
        return found


@pytest.mark.parametrize(
    "options",
    (
        {},
        {"engines": "gurux"},
        {"access": "meters-and-more"},
        {"radio": "868-50k"},
    ),
    ids=("power line", "the other engine", "polled line", "radio too"),
)
def test_each_block_is_once_on_the_line(options: dict[str, str]) -> None:
    street = Neighbours(**options)
    street.order_all()
    street.all_end()
    lost = sum(len(cast["lost"]) for cast in street.casts)
    bearers = {way.network for entry in street.world._entries.values() for way in entry.leg.ways}
    assert BLOCKS <= len(street.casts) <= BLOCKS * len(bearers)
    assert street.by_unicast == lost, "what was lost is sent again, and no more"


def test_on_a_bad_line_what_is_lost_is_repaired() -> None:
    street = Neighbours(loss=0.15)
    street.order_all()
    street.all_end()
    lost = sum(len(cast["lost"]) for cast in street.casts)
    assert lost > BLOCKS // 2, "each lost a few"
    assert street.by_unicast <= lost < len(street.meters) * BLOCKS // 2


def test_much_that_several_lack_is_sent_to_all_again() -> None:
    street = Neighbours(6, octets=image("SIM-3P", NEW, 3 * BLOCKS * 256), loss=0.3)
    street.order_all()
    street.all_end()
    lost_at_first = sum(len(cast["lost"]) for cast in street.casts[: 3 * BLOCKS])
    again = len(street.casts) - 3 * BLOCKS
    assert again > 0
    assert street.by_unicast + again < lost_at_first, "as many would be sent one by one"


def test_the_image_before_the_broadcast_and_the_start_after_it() -> None:
    """Nothing runs by a broadcast alone."""
    street = Neighbours()
    street.order_all()
    for order in street.attempts:
        street.attempts[order] = 50  # nobody asks again
    street.until_sending()
    street.run(1800)
    assert {street.running(meter) for meter in street.meters} == {""}


TROUBLES: dict[str, Callable[[Neighbours], None]] = {
    "the concentrator restarts": lambda street: street.concentrator.reboot("test"),
    "the uplink is cut": lambda street: street.cut_the_uplink(),
    "a meter's power is cut": lambda street: street.cut_the_meter(),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("after_s", [8, 30, 42])
def test_whatever_is_cut_at_any_moment_all_end_on_it(
    after_s: float, trouble: Callable[[Neighbours], None]
) -> None:
    street = Neighbours()
    street.order_all()
    street.run(after_s)
    trouble(street)
    street.all_end()
    assert street.by_unicast <= 1.5 * BLOCKS, "of four times as many"


def test_after_a_restart_it_goes_on_under_counters_that_nobody_has_used() -> None:
    street = Neighbours()
    street.order_all()
    before = street.until_sending()
    street.run(3)
    sent, counter = len(street.casts), before.counter
    assert 0 < sent < BLOCKS
    street.concentrator.reboot("test")
    street.run(60)
    after = street.until_sending() if len(street.casts) < BLOCKS else before
    assert after.counter >= counter and after.keys == before.keys
    street.all_end()
    assert len(street.casts) <= BLOCKS + 1
    assert street.by_unicast <= len(street.meters) + sum(len(c["lost"]) for c in street.casts)


def test_fewer_than_it_is_worth_for_are_served_one_by_one() -> None:
    street = Neighbours(METERS_MIN - 1)
    street.order_all()
    street.all_end()
    assert street.casts == []
    assert street.by_unicast == BLOCKS * len(street.meters)


@pytest.mark.parametrize(
    "meters, blocks, expected",
    [(2, 25, True), (2, 24, False), (1, 10_000, False), (50, 13, True), (50, 12, False)],
)
def test_when_it_is_worth_it(meters: int, blocks: int, expected: bool) -> None:
    assert worth(meters, blocks) is expected


def test_a_meter_without_the_key_is_served_by_itself() -> None:
    street = Neighbours()
    street.world._entries[METER].street_master = None
    street.order_all()
    street.until_sending()
    street.run(4)
    assert street.casts and METER in street.casts[0]["heard"], "it hears it like the others"
    assert not any(street.device().part(ImageTransfer).got or b"")
    street.all_end()
    assert keys_of(street.device(), BROADCASTER).broadcast is None
    assert street.by_unicast >= BLOCKS
    assert len(street.casts) == BLOCKS


def test_a_meter_that_refuses_the_key_is_served_by_itself() -> None:
    street = Neighbours()
    street.world._entries[METER].street_master = bytes(16)  # not the meter's
    street.order_all()
    street.all_end()
    assert keys_of(street.device(), BROADCASTER).broadcast is None
    assert len(street.casts) == BLOCKS and street.by_unicast >= BLOCKS


def test_no_two_broadcasts_have_the_same_keys() -> None:
    keys = []
    street = Neighbours()
    for _ in range(2):
        street.order_all()
        keys.append(street.until_sending().keys)
        held = street.concentrator.flash.images
        held.broadcast = None  # given up, as where nobody is left to listen
        for bringing in held.meters.values():
            bringing.asked = False
    assert keys[0].broadcast != keys[1].broadcast
    assert keys[0].authentication != keys[1].authentication


def test_a_customer_s_order_overtakes_it() -> None:
    street = Neighbours()
    street.order_all()
    street.until_sending()
    street.run(1)
    asked = street.env.now
    street.send(street.execute(order="900"))
    while not street.head_end.results("900") and street.env.now < asked + 15:
        street.run(1)
    assert [each.status for each in street.head_end.results("900")] == [Status.DONE]
    assert len(street.casts) < BLOCKS, "blocks were still to be sent"
    street.all_end()


def test_meters_of_which_no_more_is_heard_leave_it() -> None:
    """Their orders are cancelled while blocks are sent: soon nothing is sent for nobody."""
    street = Neighbours()
    street.order_all()
    for order in street.attempts:
        street.attempts[order] = 50
    street.until_sending()
    for bringing in street.concentrator.flash.images.meters.values():
        bringing.until = street.now() - timedelta(seconds=1)
    sent = len(street.casts)
    street.run(600)
    assert len(street.casts) <= sent + 1


# --- what it saves --------------------------------------------------------------------------------

FIGURES = {
    # (meters, share of frames lost): at most so much of the time that it takes one by one
    (6, 0.0): 0.5,
    (6, 0.15): 0.7,
    (50, 0.0): 0.5,
    (50, 0.15): 0.65,
}


def minutes_until_whole(street: Neighbours) -> float:
    """Until each meter has verified the image, or begun to."""
    began = street.env.now
    street.order_all()
    while any(
        street.device(meter).part(ImageTransfer).status not in WHOLE for meter in street.meters
    ):
        street.run(5)
        assert street.env.now < began + 6 * 3600
    return (street.env.now - began) / 60


WHOLE = frozenset(each for each in ImageStatus if each >= ImageStatus.VERIFICATION_INITIATED)


@pytest.mark.parametrize(
    "meters, loss",
    [each if each[0] < 10 else pytest.param(*each, marks=pytest.mark.prove) for each in FIGURES],
)
def test_what_a_broadcast_saves(meters: int, loss: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of 20 kB, 80 blocks; docs/firmware.md has the figures, which `-s` prints."""
    octets = image("SIM-3P", NEW, 20_480)
    figures = []
    for least in (METERS_MIN, 1_000):
        monkeypatch.setattr(street_broadcast, "METERS_MIN", least)
        street = Neighbours(meters, octets=octets, loss=loss)
        minutes = minutes_until_whole(street)
        carried = street.world.log.of_kind("transfer")
        air_s = sum(sum(line["airtime_us"]) for line in carried) / 1e6
        air_s += sum(cast["airtime_us"] for cast in street.casts) / 1e6
        figures.append((minutes, air_s))
        print(f"{meters} meters, {loss:.0%}: {minutes:.1f} min, {air_s:.0f} s on the line")
    (together, _), (one_by_one, _) = figures
    assert together < FIGURES[meters, loss] * one_by_one
