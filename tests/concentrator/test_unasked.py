"""What meters push by themselves crosses the line like anything else, and comes to the head-end."""

from __future__ import annotations

import pytest

from devices import faults
from devices.hold_up import POWER_LINE_S, RADIO_S
from devices.meter.events import Event
from devices.meter.push import ON_POWER
from devices.span import Span
from protocols.concentrator.messages import MeterPushed, ReceiptToConcentrator
from protocols.dlms.apdu import decode
from protocols.dlms.notification import DataNotification
from protocols.dlms.values import Structure
from protocols.plc.frames import OVERHEAD_OCTETS
from protocols.plc.noise import CLEAN
from tests.concentrator.head_end import CONCENTRATOR, METER, Stage

NEAR = 4  # meters at 15 m
OUTAGE_S = 60.0


def stage(meters: int = NEAR, *, radio: str | None = None, access: str = "prime") -> Stage:
    return Stage(meters=meters, radio=radio, access=access, noise=CLEAN)


def outage(of: Stage, *meters: str, lasts_s: float = OUTAGE_S) -> None:
    span = Span(of.env.now, of.env.now + lasts_s)
    faults.run(of.world, [faults.MeterPowerCut(each, span) for each in meters])


def pushes(of: Stage) -> list[MeterPushed]:
    return of.head_end.of(MeterPushed)


def body(pushed: MeterPushed) -> Structure:
    told = decode(pushed.octets)
    assert isinstance(told, DataNotification)
    assert isinstance(told.body, Structure)
    return told.body


def test_a_last_gasp_is_heard_and_forwarded_until_the_receipt() -> None:
    it = stage()
    outage(it, METER)
    it.run(10)
    (pushed,) = pushes(it)
    assert (pushed.meter, pushed.link, pushed.hops) == (METER, "plc", 1)
    assert body(pushed)[0] == bytes(ON_POWER)
    assert body(pushed)[-1] == int(Event.POWER_DOWN)
    it.run(20)
    assert [each.id for each in pushes(it)] == [pushed.id] * 2  # nobody has receipted it
    it.send(ReceiptToConcentrator(id=it.head_end.new_id(), at=it.now(), of=pushed.id))
    told = len(pushes(it))
    it.run(20)
    assert len(pushes(it)) == told


def test_the_line_has_time_for_few_and_the_radio_for_all() -> None:
    """A last gasp takes some 90 ms of the line; at 50 kbit/s some 60 ms of the air."""
    street = [str(90000001 + number) for number in range(12)]
    heard = {}
    for radio in (None, "868-50k"):
        it = stage(12, radio=radio)
        outage(it, *street)
        it.run(10)
        heard[radio] = len({each.meter for each in pushes(it)})
    assert 1 <= heard[None] <= POWER_LINE_S / 0.08 + 1
    assert heard[None] < heard["868-50k"] <= 12


def test_a_module_that_has_lost_its_supply_says_nothing() -> None:
    """The line is taken for longer than the capacitor lasts."""
    it = stage()
    line = it.world.line_of(METER)
    with line.medium.request(priority=-1) as turn:
        it.run(1)
        assert turn.triggered
        outage(it, METER)
        it.run(POWER_LINE_S + 0.2)
    it.run(5)
    assert pushes(it) == []
    (line_of,) = it.world.log.of_kind("push")
    assert (line_of["heard"], line_of["powered"]) == (False, False)


def test_polling_waits_for_a_push_and_a_push_for_polling() -> None:
    """Messages on one line never overlap, whoever sends them."""
    it = stage()
    it.send(it.execute())
    for _ in range(8):
        it.run(0.3)
        it.world.meter("90000002").sense(Event.METER_COVER_REMOVED, now=it.env.now)
        it.world.touched("90000002")
    it.run(60)
    assert pushes(it)
    ends = [(line["at"], sum(line["airtime_us"])) for line in it.world.log.of_kind("transfer")]
    begun = 0
    for end, on_air in ends:
        assert end - on_air >= begun
        begun = end
    (result,) = it.head_end.results("1")
    assert result.status == "done"


def test_on_a_polled_line_a_push_waits_for_the_master() -> None:
    it = stage(access="meters-and-more")
    it.run(1)
    pushed_at = it.env.now
    it.world.meter(METER).sense(Event.METER_COVER_REMOVED, now=pushed_at)
    it.world.touched(METER)
    round_at = it.world.networks[CONCENTRATOR].power_line.next_deadline()
    it.run(round_at - it.env.now - 0.01)
    assert pushes(it) == []
    it.run(5)
    assert pushes(it)[0].heard_at.timestamp() >= round_at > pushed_at


@pytest.mark.parametrize("lasts_s, gone", [(0.3, False), (POWER_LINE_S + 1, True)])
def test_a_short_interruption_is_outlasted(lasts_s: float, gone: bool) -> None:
    it = stage()
    outage(it, METER, lasts_s=lasts_s)
    it.run(0.1)
    off = it.world.link(METER).module_off
    assert bool(off) is gone
    assert not gone or off[0].start == pytest.approx(it.env.now - 0.1 + POWER_LINE_S)
    assert RADIO_S > POWER_LINE_S


def test_nobody_hears_while_the_concentrator_is_without_power_and_it_is_said_later() -> None:
    """An alarm is tried again after the setup's delay; a last gasp is not."""
    it = stage()
    faults.run(it.world, [faults.PowerCut(CONCENTRATOR, Span(it.env.now, it.env.now + 30))])
    it.run(1)
    it.world.meter(METER).sense(Event.METER_COVER_REMOVED, now=it.env.now)
    it.world.touched(METER)
    outage(it, "90000002")
    it.run(50)
    assert pushes(it) == []
    it.run(400)
    assert {each.meter for each in pushes(it)} == {METER, "90000002"}  # it says that power is back
    gasps = [each for each in pushes(it) if body(each)[-1] == int(Event.POWER_DOWN)]
    assert gasps == []


def test_a_polled_line_carries_an_order_in_its_own_time() -> None:
    """Every frame is of (n + 22) * 8 / 4800 bit/s; nobody sends an acknowledgement."""
    it = stage(access="meters-and-more")
    it.send(it.execute())
    it.run(30)
    (result,) = it.head_end.results("1")
    assert result.status == "done"
    assert result.link is not None and result.link.link_acks == result.link.frames_sent > 0
    for line in it.world.log.of_kind("transfer"):
        assert all(us >= 40_000 and us <= 250_000 for us in line["airtime_us"])
        assert len(line["frames"]) == len(line["airtime_us"])
    assert {frame.fate for frame in result.frames} == {"delivered"}
    octets = {frame.octets: frame.airtime_ms for frame in result.frames}
    assert all(
        ms == pytest.approx((each - OVERHEAD_OCTETS + 22) * 8 / 4.8, abs=0.001)
        for each, ms in octets.items()
    )
