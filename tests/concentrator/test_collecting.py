"""A concentrator collects by its table of tasks, keeps what it read, and uploads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from devices.concentrator.flash import Collected, Kept
from devices.concentrator.memory import Memory
from devices.concentrator.task_times import last_due, next_due, open_until
from protocols.concentrator.collecting import (
    Block,
    Kind,
    Layout,
    SetTasks,
    Task,
    TimeSpan,
    Upload,
    unpacked,
)
from protocols.concentrator.messages import (
    Action,
    ObjectWanted,
    Online,
    ReadState,
    ReceiptFromConcentrator,
    ReceiptToConcentrator,
    ShiftClock,
    State,
    Status,
    decode_upward,
)
from tests.concentrator.head_end import METER, START, Stage

PROFILE = (ObjectWanted(7, "1.0.99.1.0.255"),)
HOURLY = Task(name="load", kind=Kind.PROFILE, objects=PROFILE, every_s=3600, after_s=300)


class Collection(Stage):
    """A stage whose head-end also receipts uploads, unless it is told not to."""

    def __init__(self, *, receipts: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.receipts = receipts
        arrived = self.wire.arrived

        def hear(topic: str, payload: bytes) -> None:
            arrived(topic, payload)
            message = decode_upward(payload)
            if isinstance(message, Upload) and self.receipts:
                self.receipt(message)

        self.wire.arrived = hear

    def receipt(self, upload: Upload) -> None:
        self.send(ReceiptToConcentrator(id=self.head_end.new_id(), at=self.now(), of=upload.id))

    def tasks(self, *tasks: Task, version: int = 1) -> None:
        self.send(SetTasks(id=self.head_end.new_id(), version=version, tasks=tasks))

    def blocks(self) -> dict[tuple[str, str, int], Block]:
        """What came, by its name; the same block twice is one."""
        return {
            (block.meter, block.task, block.number): block
            for upload in self.head_end.of(Upload)
            for block in unpacked(upload.packed).blocks
        }

    def rows(self, meter: str = METER) -> list[int]:
        return [b.rows for (name, _, _), b in sorted(self.blocks().items()) if name == meter]


def posix(*parts: int) -> float:
    return datetime(2026, 7, 6, *parts, tzinfo=UTC).timestamp()


# every, after, window; now; last due, next due, open until
TIMES = {
    "at its time": ((3600, 300, 0), (10, 5), (10, 5), (11, 5), (11, 5)),
    "a second before": ((3600, 300, 0), (10, 4, 59), (9, 5), (10, 5), (10, 5)),
    "with a window": ((3600, 300, 600), (10, 30), (10, 5), (11, 5), (10, 15)),
    "daily": ((86_400, 18_000, 0), (4, 59), None, (5, 0), (5, 0)),
    "a window beyond the next": ((900, 0, 5000), (10, 1), (10, 0), (10, 15), (10, 15)),
}


@pytest.mark.parametrize(("task", "now", "last", "following", "end"), TIMES.values(), ids=TIMES)
def test_when_a_task_falls_due(task: Any, now: Any, last: Any, following: Any, end: Any) -> None:
    every, after, window = task
    each = Task(
        name="t", kind=Kind.PROFILE, objects=PROFILE, every_s=every, after_s=after, window_s=window
    )
    due = last_due(each, posix(*now))
    assert due == (posix(*last) if last else posix(5, 0) - 86_400)
    assert next_due(each, posix(*now)) == posix(*following)
    assert open_until(each, due) == posix(*end)


CHILE = "America/Santiago"
# Chile: clocks go from 24:00 back to 23:00 on 4 April 2026, and from 24:00 to 01:00 on 5 September.
LOCAL_TIMES = {
    # every, after; due times one after the other, local
    "daily, the same by the wall clock": (
        (86_400, 18_000),
        ["04-03 05:00", "04-04 05:00", "04-05 05:00", "04-06 05:00"],
    ),
    "every six hours over the long night": (
        (21_600, 300),
        ["04-04 12:05", "04-04 18:05", "04-05 00:05", "04-05 06:05"],
    ),
    "hourly, the hour that comes twice too": (
        (3600, 300),
        ["04-04 22:05", "04-04 23:05", "04-04 23:05", "04-05 00:05", "04-05 01:05"],
    ),
    "hourly over the hour that is left out": (
        (3600, 300),
        ["09-05 22:05", "09-05 23:05", "09-06 01:05", "09-06 02:05"],
    ),
    "daily over the midnight that is left out": (
        (86_400, 0),
        ["09-04 00:00", "09-05 00:00", "09-06 01:00", "09-07 00:00"],
    ),
}


@pytest.mark.parametrize(("task", "times"), LOCAL_TIMES.values(), ids=LOCAL_TIMES)
def test_when_a_task_of_the_utilitys_zone_falls_due(task: Any, times: list[str]) -> None:
    every, after = task
    each = Task(
        name="t", kind=Kind.PROFILE, objects=PROFILE, every_s=every, after_s=after, zone=CHILE
    )
    zone = ZoneInfo(CHILE)
    due = datetime.strptime(f"2026-{times[0]}", "%Y-%m-%d %H:%M").replace(tzinfo=zone).timestamp()
    for time in times:
        assert datetime.fromtimestamp(due, zone).strftime("%m-%d %H:%M") == time
        assert last_due(each, due) == last_due(each, due + 1) == due
        following = next_due(each, due)
        assert next_due(each, following - 1) == following
        assert last_due(each, following - 1) == due
        due = following


BY_CALENDAR: dict[str, tuple[dict[str, int], list[str]]] = {
    # what the task says besides its zone; due times one after the other, local
    "weekly, over the change to winter time": (
        {"weekday": 1, "after_s": 7200},
        ["03-30 02:00", "04-06 02:00", "04-13 02:00"],
    ),
    "weekly on Sunday, whose midnight is left out": (
        {"weekday": 7, "after_s": 0},
        ["08-30 00:00", "09-06 01:00", "09-13 00:00"],
    ),
    "monthly on the first": (
        {"day": 1, "after_s": 300},
        ["01-01 00:05", "02-01 00:05", "03-01 00:05", "04-01 00:05", "05-01 00:05"],
    ),
    "monthly on the last": (
        {"day": 31, "after_s": 0},
        ["01-31 00:00", "02-28 00:00", "03-31 00:00", "04-30 00:00"],
    ),
    "monthly, two days later": (
        {"day": 30, "after_s": 2 * 86_400},
        ["02-01 00:00", "03-02 00:00", "04-01 00:00", "05-02 00:00"],
    ),
    "over the year's end": ({"day": 1, "after_s": 0}, ["12-01 00:00", "01-01 00:00"]),
}


@pytest.mark.parametrize("zone", [CHILE, ""])
@pytest.mark.parametrize("name", BY_CALENDAR)
def test_a_task_falls_due_by_the_calendar(name: str, zone: str) -> None:
    told, times = BY_CALENDAR[name]
    if not zone and "left out" in name:
        times = [time.replace("01:00", "00:00") for time in times]
    each = Task(
        name="t", kind=Kind.PROFILE, objects=PROFILE, every_s=86_400, zone=zone, window_s=0, **told
    )
    local = ZoneInfo(zone or "UTC")
    due = datetime.strptime(f"2026-{times[0]}", "%Y-%m-%d %H:%M").replace(tzinfo=local).timestamp()
    for time in times:
        assert datetime.fromtimestamp(due, local).strftime("%m-%d %H:%M") == time
        assert last_due(each, due) == last_due(each, due + 1) == due
        following = next_due(each, due)
        assert last_due(each, following - 1) == due and next_due(each, following - 1) == following
        assert open_until(each, due) == following
        assert open_until(replace(each, window_s=3600), due) == due + 3600
        due = following


def test_a_monthly_task_reads_once_a_month_and_after_a_reboot_no_more() -> None:
    stage = Collection(meters=1)
    monthly = Task(
        name="load", kind=Kind.PROFILE, objects=PROFILE, every_s=86_400, after_s=300,
        weekday=(START.isoweekday() % 7) + 1,
    )  # fmt: skip
    stage.tasks(monthly)
    stage.run(3600)
    assert stage.rows() == [96]  # the last turn was missed: it was not there yet
    stage.concentrator.reboot("test")
    stage.run(12 * 3600)
    assert stage.rows() == [96]
    stage.run(12 * 3600)  # past tomorrow's midnight
    assert sum(stage.rows()) > 96 and len(stage.rows()) == 2


def spans(*hours: tuple[float, float]) -> tuple[TimeSpan, ...]:
    """From so many hours before the start until so many."""
    return tuple(
        TimeSpan(START - timedelta(hours=begin), START - timedelta(hours=end))
        for begin, end in hours
    )


def test_only_the_spans_are_read_and_once() -> None:
    stage = Collection(meters=2)
    fill = Task(
        name="fill", kind=Kind.PROFILE, objects=PROFILE, every_s=86_400, priority=9,
        meters=(METER,), back_s=90 * 3600, spans=spans((80, 20), (10, 9.5), (3, 3)),
    )  # fmt: skip
    stage.tasks(fill)
    stage.run(1800)
    blocks = [
        block for upload in stage.head_end.of(Upload) for block in unpacked(upload.packed).blocks
    ]
    found = [block.rows for block in blocks]
    assert found == [192, 48, 2], "two days of the first, the rest of it, half an hour"
    assert [block.number for block in blocks] == [1, 2, 3]
    stage.run(3600)
    assert stage.rows() == found


@pytest.mark.parametrize("cut_s", (1.0, 3.0, 6.0, 12.0), ids=str)
def test_spans_that_a_reboot_cuts_are_read_to_their_end(cut_s: float) -> None:
    stage = Collection(meters=1)
    stage.tasks(
        Task(
            name="fill", kind=Kind.PROFILE, objects=PROFILE, every_s=86_400,
            spans=spans((80, 20), (10, 9.5)),
        )
    )  # fmt: skip
    stage.run(cut_s)
    stage.concentrator.reboot("test")
    stage.run(1800)
    assert sum(stage.rows()) == 242


@pytest.mark.parametrize("octets", (9_000, 20_000, 47_000))
def test_a_memory_smaller_than_an_upload_brings_all_that_is_asked_for(octets: int) -> None:
    """Each meter's gap is more than the memory takes of all of them."""
    stage = Collection(meters=6, memory_octets=octets)
    fill = Task(
        name="fill", kind=Kind.PROFILE, objects=PROFILE, every_s=86_400, priority=9,
        spans=spans((20, 8)),
    )  # fmt: skip
    stage.tasks(fill)
    stage.run(3600)
    uploads = stage.head_end.of(Upload)
    came = [block for upload in uploads for block in unpacked(upload.packed).blocks]
    assert sorted(block.rows for block in came) == [48] * 6
    assert sum(upload.dropped for upload in stage.head_end.of(Upload)) == 0


def test_a_profile_is_read_from_where_it_ended() -> None:
    stage = Collection(meters=2)
    stage.tasks(HOURLY)
    stage.run(2.2 * 3600)
    # 10:00 the day before; then at 10:05 nothing new, at 11:05 and 12:05 four rows each
    assert stage.rows() == [96, 4, 4]
    assert [type(message) for message in stage.head_end.heard].count(ReceiptFromConcentrator) == 1


def test_a_table_is_taken_once_and_an_older_one_not_at_all() -> None:
    stage = Collection(meters=1)
    stage.tasks(HOURLY, version=2)
    stage.run(60)
    stage.tasks(version=1)
    stage.tasks(version=2)
    stage.run(60)
    assert stage.concentrator.flash.collected.tasks == (HOURLY,)
    stage.tasks(version=3)
    stage.run(2 * 3600)
    assert stage.concentrator.flash.collected.tasks == ()
    assert stage.rows() == [96]
    stage.concentrator.reboot("test")
    stage.run(120)
    assert stage.head_end.of(Online)[-1].tasks == 3


@pytest.mark.parametrize("zone", ["America/Santiag", "America", "../etc/passwd", "a\0b", " "])
def test_a_table_in_a_zone_that_nobody_knows_is_refused_whole(zone: str) -> None:
    """It is not receipted, and what was set before goes on."""
    stage = Collection(meters=1)
    stage.tasks(HOURLY, version=1)
    stage.run(60)
    stored = len(stage.head_end.of(ReceiptFromConcentrator))
    stage.tasks(HOURLY, replace(HOURLY, name="other", zone=zone), version=2)
    stage.run(2 * 3600)
    assert len(stage.head_end.of(ReceiptFromConcentrator)) == stored
    assert stage.concentrator.flash.collected.tasks == (HOURLY,)
    assert stage.concentrator.flash.collected.version == 1
    assert stage.rows() != []
    stage.tasks(replace(HOURLY, zone="America/Santiago"), version=2)
    stage.run(60)
    assert stage.concentrator.flash.collected.version == 2


def test_an_upload_is_told_until_its_receipt_across_reboots() -> None:
    stage = Collection(meters=2, receipts=False)
    stage.tasks(HOURLY)
    stage.run(100)
    first, *again = stage.head_end.of(Upload)
    assert again  # nobody said that it was stored
    stage.concentrator.reboot("test")
    stage.run(400)
    told = stage.head_end.of(Upload)
    assert len(told) > 1 + len(again)
    assert set(told) == {first}
    stage.run(3600)  # more is read meanwhile, and waits for the receipt
    assert {upload.id for upload in stage.head_end.of(Upload)} == {first.id}
    stage.receipts = True
    stage.run(3600)
    assert stage.rows() == [96, 4, 4]
    assert stage.concentrator.flash.collected.kept == {}


@pytest.mark.parametrize("moment", [0.5, 1.2, 2.0, 2.7, 3.3, 4.1, 61.0])
def test_a_reboot_at_any_moment_loses_no_row_and_skips_none(moment: float) -> None:
    stage = Collection(meters=1)
    stage.tasks(HOURLY)
    stage.run(moment)
    stage.concentrator.reboot("test")
    stage.run(1.5 * 3600 - moment)
    assert stage.rows() == [96, 4]
    assert [number for _, _, number in sorted(stage.blocks())] == [1, 2]


def test_an_order_overtakes_what_is_collected_there() -> None:
    quiet, stage = Collection(meters=1), Collection(meters=1)
    quiet.run(2)
    stage.tasks(HOURLY)
    stage.run(2)  # in the middle of a day's profile, some five seconds long
    took = []
    for each in (quiet, stage):
        each.send(each.execute(Action.SET_LIMIT))
        each.run(120)
        (result,) = each.head_end.results()
        assert result.status is Status.DONE
        took.append((result.at - START).total_seconds())
    assert took[1] - took[0] < 3  # at most the one message under way, and its answer
    stage.run(600)
    assert stage.rows() == [96]  # and the profile comes all the same


def test_a_meter_that_was_away_is_caught_up_with() -> None:
    stage = Collection(meters=2)
    stage.tasks(HOURLY)
    stage.run(60)
    stage.world.meter(METER).set_fault("silent", now=stage.env.now)
    stage.run(5 * 3600)
    progress = stage.concentrator.flash.collected.progress["load", METER]
    assert progress.failed > 1
    assert progress.trouble
    stage.world.meter(METER).set_fault("silent", False, now=stage.env.now)
    stage.run(2 * 3600)
    assert sum(stage.rows()) == 96 + 4 * 6
    assert stage.rows("90000002") == [96] + [4] * 6


def kept(number: int, octets: int = 1000, meter: str = "1") -> Kept:
    block = Block(
        meter=meter,
        task="load",
        number=number,
        read_at=START + timedelta(hours=number),
        buffer=bytes(octets),
    )
    return Kept(block, Layout("1.0.99.1.0.255", ()))


def test_a_full_memory_drops_the_oldest_and_counts() -> None:
    collected, told = Collected(), []
    memory = Memory(collected, octets_max=5 * 1064, full=told.append)
    narrow = Task(name="load", kind=Kind.PROFILE, objects=PROFILE, every_s=3600, blocks_max=3)
    for number in range(1, 6):
        memory.keep(kept(number), narrow)
    assert [each.block.number for each in collected.kept.values()] == [3, 4, 5]
    for number in range(1, 5):
        memory.keep(kept(number, meter="2"), narrow)
    assert collected.dropped == collected.dropped_ever == 2 + 1 + 1
    assert len(memory) == 5
    assert len(told) == 1
    assert memory.octets == sum(each.octets for each in collected.kept.values()) == 5 * 1064
    batch = memory.take(2500)
    assert [(b.meter, b.number, b.layout) for b in batch.blocks] == [("1", 4, 0), ("1", 5, 0)]
    assert len(batch.layouts) == 1
    assert Memory(collected).octets == memory.octets == 3 * 1064


def test_what_memory_lost_is_told_with_the_next_upload() -> None:
    stage = Collection(meters=1, memory_octets=300)
    stage.tasks(Task(name="load", kind=Kind.PROFILE, objects=PROFILE, every_s=900, back_s=900))
    stage.run(0.2)
    stage.wire.cut()
    stage.concentrator.online.power_off()  # no session: nothing leaves
    stage.run(3 * 3600)
    lost = stage.concentrator.flash.collected.dropped
    assert lost >= 9
    stage.wire.restore()
    stage.concentrator.online.power_on()
    stage.run(300)
    assert stage.head_end.of(Upload)[0].dropped == lost
    numbers = sorted(number for _, _, number in stage.blocks())
    assert numbers[0] == lost + 1  # the gap tells the same


def test_a_shift_of_the_clock_counts_once_however_often_it_comes() -> None:
    stage = Collection(meters=1)
    shift = ShiftClock(id="s1", by_s=-30.0)
    stage.send(shift, shift)
    stage.run(1)
    stage.concentrator.reboot("test")
    stage.run(120)
    stage.send(shift)
    stage.run(1)
    assert stage.concentrator.clock.error_s(stage.env.now) == pytest.approx(-30)


def test_it_tells_how_it_fares() -> None:
    stage = Collection(meters=3)
    stage.tasks(HOURLY)
    stage.world.meter(METER).set_fault("silent", now=stage.env.now)
    stage.run(2 * 3600)
    stage.send(ReadState(id="q1", since=START))
    stage.run(1)
    (state,) = stage.head_end.of(State)
    assert state.of == "q1"
    assert [(place.meter, place.registered, place.level) for place in state.meters] == [
        ("90000001", True, 1),
        ("90000002", True, 1),
        ("90000003", True, 1),
    ]
    assert [(behind.task, behind.meter) for behind in state.behind] == [("load", METER)]
    assert state.behind[0].trouble.startswith("no-answer")
    assert [hour.hour for hour in state.hours] == [START, START + timedelta(hours=1)]
    assert all(0 <= heard <= hour.asked for hour in state.hours for heard in hour.heard.values())
    assert [str(entry.code) for entry in state.events] == ["tasks-set"]
    assert (state.tasks, state.memory.dropped) == (1, 0)
