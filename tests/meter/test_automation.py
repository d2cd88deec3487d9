"""What a meter does by itself: pushes, schedules, scripts, register monitors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest

from devices.meter import firmware, push
from devices.meter.action_schedule import following
from devices.meter.device import Meter
from devices.meter.events import Event
from devices.meter.identity import PUSH_CLIENT, Identity
from devices.meter.load import ConstantLoad
from devices.meter.meter_clock import TimeRules
from devices.meter.meter_type import MeterType
from protocols.dlms.apdu import decode
from protocols.dlms.ciphered import GeneralCiphered
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import DataNotification
from protocols.dlms.security import Protection
from protocols.dlms.values import (
    NULL,
    Array,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)
from tests.meter.asking import Asking

NOW = datetime(2026, 7, 8, 10, 7, 30, tzinfo=UTC).timestamp()
LOAD = ConstantLoad.of(900, 600, 500, origin=NOW - 3600)
DESTINATION = b"192.0.2.1:4059"
SCHEDULED, ON_ALARM, ON_POWER = map(str, push.SETUPS)


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


def asking(kind: MeterType | None = None, *, to: bytes = DESTINATION) -> Asking:
    here = Asking(Meter(Identity(7, 4), LOAD, kind or MeterType()), NOW)
    for setup in (SCHEDULED, ON_ALARM, ON_POWER):
        method = Structure((Enum(0), OctetString(to), Enum(0)))
        assert here.put(40, setup, 3, method) is DataAccessResult.SUCCESS
    return here


def bodies(here: Asking) -> list[tuple[LogicalName, Structure]]:
    found = []
    for pushed in here.meter.collect_pushes(here.now):
        apdu = decode(pushed.apdu)
        assert isinstance(apdu, DataNotification)
        found.append((pushed.setup, cast(Structure, apdu.body)))
    return found


HEAD = [OctetString(b"SIM0000000004")]


def test_a_push_by_hand_says_what_its_list_says():
    here = asking()
    assert here.act(40, SCHEDULED, 1, Integer(0)) is ActionResult.SUCCESS
    (pushed,) = here.meter.collect_pushes(NOW)
    assert (pushed.destination, pushed.transport, pushed.client) == (DESTINATION, 0, PUSH_CLIENT)
    apdu = cast(DataNotification, decode(pushed.apdu))
    assert apdu.date_time == here.octets(8, "0.0.1.0.0.255")
    assert apdu.body == Structure(
        (
            OctetString(LogicalName(SCHEDULED)),
            OctetString(b"SIM0000000004"),
            OctetString(here.octets(8, "0.0.1.0.0.255")),
            DoubleLongUnsigned(2000),
            DoubleLongUnsigned(2000),
        )
    )
    assert here.meter.collect_pushes(NOW) == []


def test_what_is_pushed_can_be_chosen():
    here = asking()
    listed = Array(
        Structure((LongUnsigned(c), OctetString(LogicalName(n)), Integer(a), LongUnsigned(i)))
        for c, n, a, i in (
            (3, "1.0.32.7.0.255", 2, 0), (3, "1.0.32.7.0.255", 3, 2), (3, "9.9.9.9.9.9", 2, 0),
        )
    )  # fmt: skip
    assert here.put(40, SCHEDULED, 2, listed) is DataAccessResult.SUCCESS
    here.act(40, SCHEDULED, 1, Integer(0))
    assert bodies(here) == [(push.SCHEDULED, Structure((LongUnsigned(2300), Enum(35), NULL)))]
    assert here.put(40, SCHEDULED, 2, Array()) is DataAccessResult.OTHER_REASON


def test_without_a_destination_nothing_is_pushed():
    here = asking(to=b"")
    assert here.act(40, SCHEDULED, 1, Integer(0)) is ActionResult.OTHER_REASON
    here.meter.sense(Event.METER_COVER_REMOVED, now=NOW)
    here.meter.power_off(now=NOW)
    assert here.meter.collect_pushes(NOW) == []


def power(here: Asking) -> None:
    here.meter.power_off(now=NOW)
    here.meter.power_on(now=NOW + 60)
    here.now = NOW + 60


def cover(here: Asking) -> None:
    here.meter.sense(Event.METER_COVER_REMOVED, now=NOW)


def schedule(here: Asking) -> None:
    hourly = Structure((OctetString(Time(None, 0, 0, 0).octets), OctetString(Date().octets)))
    assert here.put(22, "0.0.15.0.4.255", 4, Array([hourly])) is DataAccessResult.SUCCESS
    here.now = at(2026, 7, 8, 13, 30)


def filtered(here: Asking) -> None:
    here.put(1, "0.0.97.98.10.255", 2, DoubleLongUnsigned(0))
    cover(here)


CAUSES: dict[str, tuple[Callable[[Asking], None], list[LogicalName]]] = {
    "power goes and comes": (power, [push.ON_POWER, push.ON_POWER, push.ON_ALARM]),
    "an alarm": (cover, [push.ON_ALARM]),
    "an alarm that is filtered": (filtered, []),
    "a schedule, thrice": (schedule, [push.SCHEDULED] * 3),
    "a script": (
        lambda h: cast(None, h.act(9, "0.0.10.0.108.255", 1, LongUnsigned(2))), [push.ON_ALARM],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cause", "setups"), CAUSES.values(), ids=CAUSES)
def test_what_makes_a_meter_push(cause: Callable[[Asking], None], setups: list[LogicalName]):
    here = asking()
    cause(here)
    assert [setup for setup, _ in bodies(here)] == setups


def test_a_last_gasp_leaves_although_the_power_is_gone():
    here = asking()
    here.meter.power_off(now=NOW)
    (gasp,) = bodies(here)
    assert gasp[1][-1] == Unsigned(Event.POWER_DOWN)
    assert here.meter.next_deadline() is None
    here.meter.power_on(now=NOW + 60)
    here.now = NOW + 60
    returned, alarm = bodies(here)
    assert returned[1][-1] == Unsigned(Event.POWER_UP)
    assert alarm[1][-1] == DoubleLongUnsigned(3), "both went and came"


def test_randomisation_and_windows_put_a_push_off():
    here = asking()
    here.put(40, SCHEDULED, 5, LongUnsigned(600))
    here.act(40, SCHEDULED, 1, Integer(0))
    due = here.meter.next_deadline()
    assert due is not None and NOW < due <= NOW + 600
    assert here.meter.collect_pushes(due - 0.5) == []
    assert len(here.meter.collect_pushes(due)) == 1
    window = Structure(
        OctetString(DateTime.from_datetime(datetime(2026, 7, 8, h, tzinfo=UTC)).octets)
        for h in (20, 21)
    )
    here.put(40, SCHEDULED, 5, LongUnsigned(0))
    here.put(40, SCHEDULED, 4, Array([window]))
    here.now = due
    here.act(40, SCHEDULED, 1, Integer(0))
    assert here.meter.next_deadline() == at(2026, 7, 8, 20)
    here.now = at(2026, 7, 9)
    assert len(here.meter.collect_pushes(here.now)) == 1
    assert here.act(40, SCHEDULED, 1, Integer(0)) is ActionResult.OTHER_REASON


def test_a_push_that_fails_is_tried_again_so_often():
    here = asking()
    here.put(40, SCHEDULED, 6, Unsigned(2))
    here.put(40, SCHEDULED, 7, LongUnsigned(30))
    here.act(40, SCHEDULED, 1, Integer(0))
    sent = []
    for _ in range(5):
        for pushed in here.meter.collect_pushes(here.now):
            sent.append((here.now - NOW, pushed.apdu))
            here.meter.push_failed(pushed, now=here.now)
        here.now += 30
    assert [when for when, _ in sent] == [0, 30, 60]
    assert len({apdu for _, apdu in sent}) == 1, "a repetition is the same push"
    events = [int(cast(int, row[1])) for row in here.rows("0.0.99.98.5.255")]
    assert events == [Event.PUSH_SENT] * 3 + [Event.PUSH_GIVEN_UP]


DIRTY: dict[str, tuple[str, list[float], list[int]]] = {
    # name: (fault, when it comes, its invoke ids)
    "twice": ("push-twice", [0, 0], [1, 1]),
    "late": ("push-late", [push.LATE_S], [1]),
    "invoke ids from 2^31 on": ("invoke-id-high", [0], [0x8000_0001]),
}


@pytest.mark.parametrize(("fault", "when", "ids"), DIRTY.values(), ids=DIRTY)
def test_dirty_pushes(fault: str, when: list[float], ids: list[int]):
    here = asking()
    here.meter.set_fault(fault, now=NOW)
    here.act(40, SCHEDULED, 1, Integer(0))
    found = []
    while here.now <= NOW + push.LATE_S:
        found += [(here.now - NOW, p.apdu) for p in here.meter.collect_pushes(here.now)]
        here.now += push.LATE_S
    assert [moment for moment, _ in found] == when
    apdus = [cast(DataNotification, decode(octets)) for _, octets in found]
    assert [apdu.long_invoke_id_and_priority for apdu in apdus] == ids
    assert {apdu.date_time for apdu in apdus} == {DateTime.from_datetime(
        datetime.fromtimestamp(NOW, UTC)).octets}, "it says when it was so"  # fmt: skip


def test_a_protected_push_opens_with_its_own_key_and_counter():
    here = asking(MeterType(push_protected=True))
    identity = here.meter.identity
    receiver = Protection(
        identity.keys(PUSH_CLIENT),
        system_title=b"TST\0\0\0\0\1",
        peer_system_title=identity.system_title,
        invocation_counter=1,
        peer_invocation_counter=0,
    )
    counters = []
    for _ in range(3):
        here.act(40, SCHEDULED, 1, Integer(0))
        (pushed,) = here.meter.collect_pushes(here.now)
        sealed = decode(pushed.apdu)
        assert isinstance(sealed, GeneralCiphered)
        assert sealed.system_title == identity.system_title
        assert b"SIM0000000004" not in pushed.apdu
        counters.append(sealed.invocation_counter)
        opened = decode(receiver.open(sealed, required=0x30))
        assert isinstance(opened, DataNotification)
    assert counters == sorted(set(counters))


# Schedules.

EXECUTION: dict[str, tuple[Time, Date, tuple[int, ...] | None]] = {
    # name: (time, date, next after 2026-07-08 10:07:30, a Wednesday)
    "daily": (Time(3, 0, 0, 0), Date(), (2026, 7, 9, 3)),
    "later today": (Time(11, 0, 0, 0), Date(), (2026, 7, 8, 11)),
    "hourly": (Time(None, 30, 0, 0), Date(), (2026, 7, 8, 10, 30)),
    "each minute": (Time(None, None, 0, 0), Date(), (2026, 7, 8, 10, 8)),
    "Sundays": (Time(3, 0, 0, 0), Date(weekday=7), (2026, 7, 12, 3)),
    "the first of a month": (Time(0, 0, 0, 0), Date(day=1), (2026, 8, 1)),
    "the last of a month": (Time(0, 0, 0, 0), Date(day=0xFE), (2026, 7, 31)),
    "the last Friday": (Time(0, 0, 0, 0), Date(day=0xFE, weekday=5), (2026, 7, 31)),
    "Christmas": (Time(9, 0, 0, 0), Date(month=12, day=25), (2026, 12, 25, 9)),
    "once": (Time(9, 0, 0, 0), Date(2026, 7, 20), (2026, 7, 20, 9)),
    "once, long ago": (Time(9, 0, 0, 0), Date(2025, 7, 20), None),
    "no time of day": (Time(25, 0, 0, 0), Date(), None),
}


@pytest.mark.parametrize(("clock", "day", "expected"), EXECUTION.values(), ids=EXECUTION)
def test_execution_times(clock: Time, day: Date, expected: tuple[int, ...] | None):
    if expected is not None and len(expected) == 3:
        expected = (*expected, 0)
    found = following(((clock.octets, day.octets),), NOW, TimeRules())
    assert found == (None if expected is None else at(*expected))


def test_a_disconnection_is_scheduled():
    here = asking()
    once = Structure((OctetString(Time(12, 0, 0, 0).octets), OctetString(Date(2026, 7, 8).octets)))
    assert here.put(22, "0.0.15.0.1.255", 4, Array([once])) is DataAccessResult.SUCCESS
    assert here.get(22, "0.0.15.0.1.255", 4) == Array([once])
    here.meter.advance(at(2026, 7, 8, 11, 59, 59))
    assert here.meter.output_on
    here.meter.advance(at(2026, 7, 8, 12))
    assert not here.meter.output_on
    assert here.meter.next_deadline() is None


def test_a_firmware_is_activated_on_schedule():
    here = asking()
    image = firmware.image("SIM-3P", "night-build", 300)
    parameter = Structure((OctetString(b"n"), DoubleLongUnsigned(len(image))))
    here.act(18, "0.0.44.0.0.255", 1, parameter)
    for number in range(2):
        part = OctetString(image[number * 256 : number * 256 + 256])
        here.act(18, "0.0.44.0.0.255", 2, Structure((DoubleLongUnsigned(number), part)))
    here.act(18, "0.0.44.0.0.255", 3, Integer(0))
    nightly = Structure((OctetString(Time(3, 0, 0, 0).octets), OctetString(Date().octets)))
    here.put(22, "0.0.15.0.2.255", 4, Array([nightly]))
    here.now = at(2026, 7, 9, 2, 59)
    assert here.octets(1, "1.0.0.2.0.255") == b"ami-sim-1"
    here.now = at(2026, 7, 9, 3, 1)
    assert here.octets(1, "1.0.0.2.0.255") == b"night-build"


BAD_TIMES: dict[str, Value] = {
    "no pairs": Array([Structure((OctetString(b"1234"),))]),
    "a time too short": Array([Structure((OctetString(b"123"), OctetString(b"12345")))]),
    "a number": Unsigned(1),
}


@pytest.mark.parametrize("value", BAD_TIMES.values(), ids=BAD_TIMES)
def test_what_is_no_execution_time(value: Value):
    assert asking().put(22, "0.0.15.0.1.255", 4, value) is DataAccessResult.TYPE_UNMATCHED


# Register monitor.


def item(table: str, selector: int) -> Structure:
    return Structure((OctetString(LogicalName(table)), LongUnsigned(selector)))


def test_a_monitor_runs_a_script_each_way_across_its_threshold():
    here = asking()
    monitor = "0.0.16.0.1.255"
    actions = Array([Structure((item("0.0.10.0.108.255", 2), item("0.0.10.0.108.255", 1)))])
    thresholds = Array([DoubleLongUnsigned(3000)])
    assert here.put(21, monitor, 2, thresholds) is DataAccessResult.SUCCESS
    assert here.put(21, monitor, 4, actions) is DataAccessResult.SUCCESS
    assert (here.get(21, monitor, 2), here.get(21, monitor, 4)) == (thresholds, actions)
    assert bodies(here) == []
    for watts, expected in ((3001, [push.ON_ALARM]), (4000, []), (3000, [push.SCHEDULED])):
        here.meter.replace_load(ConstantLoad.of(watts, 0, 0), now=here.now)
        assert [setup for setup, _ in bodies(here)] == expected
    unknown = Array([Structure((item("0.0.10.0.99.255", 2), item("0.0.10.0.108.255", 1)))])
    assert here.put(21, monitor, 4, unknown) is DataAccessResult.OBJECT_UNDEFINED


def test_a_monitor_wakes_when_the_load_changes():
    from devices.meter.load import DailyLoad

    here = Asking(Meter(Identity(7, 4), DailyLoad((10, 10, 10), (0, 0, 0))), NOW)
    here.put(21, "0.0.16.0.1.255", 2, Array([DoubleLongUnsigned(1000)]))
    assert here.meter.next_deadline() == at(2026, 7, 8, 13)
    here.put(21, "0.0.16.0.1.255", 2, Array())
    assert here.meter.next_deadline() is None
