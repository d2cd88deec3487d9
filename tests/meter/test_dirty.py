"""Dirty meters, fault by fault: it is flagged, the value can be used, and the talk goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from devices.meter.device import Meter
from devices.meter.dirt import BAD_ROW_EVERY, STRING_OCTETS, UNREADABLE
from devices.meter.faults import FAULTS
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad
from devices.meter.models import model
from protocols.dlms import tolerant
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import ActionResult
from protocols.dlms.events import AssociationRefused, Released, TimedOut
from protocols.dlms.flaws import Flaw, Told
from protocols.dlms.gurux.connection import GuruxConnection
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.row_times import row_times
from protocols.dlms.services import (
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ReleaseRequest,
    SelectiveAccess,
)
from protocols.dlms.settings import ClientSettings
from protocols.dlms.values import (
    Array,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
)
from tests.meter.conversation import Talk

NOW = datetime(2026, 7, 6, 12, 7, 30, tzinfo=UTC)
CHILE = ZoneInfo("America/Santiago")
CLOCK, PROFILE = "0.0.1.0.0.255", "1.0.99.1.0.255"


Engine = Callable[[ClientSettings], Any]
ENGINES: dict[str, Engine] = {"ours": ClientConnection, "gurux": GuruxConnection}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Whoever reads a dirty meter: both of the head-end's engines."""
    return ENGINES[request.param]


def dirty(
    *faults: str, by: str = "residential-three-phase", engine: Engine = ClientConnection
) -> Talk:
    meter = Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500), model(by))
    for fault in faults:
        meter.set_fault(fault, now=NOW.timestamp())
    talk = Talk(meter, 1, now=NOW.timestamp(), pdu_size=400, engine=engine)
    talk.associate()
    return talk


def get(
    talk: Talk, class_id: int, name: str, selection: SelectiveAccess | None = None
) -> GetResponse:
    asked = AttributeDescriptor(class_id, LogicalName(name), 2, selection)
    (response,) = talk.say(GetRequest.of(asked))
    assert isinstance(response, GetResponse)
    return response


def last_rows(talk: Talk, count: int) -> GetResponse:
    held = talk.get(7, PROFILE, 7)
    assert isinstance(held, int)
    entries = Structure(
        (
            DoubleLongUnsigned(held - count + 1),
            DoubleLongUnsigned(0),
            LongUnsigned(1),
            LongUnsigned(0),
        )
    )
    return get(talk, 7, PROFILE, SelectiveAccess(2, entries))


def clock(talk: Talk) -> tuple[Told[datetime | None], Flaw]:
    response = get(talk, 8, CLOCK)
    value = response.results[0]
    assert isinstance(value, OctetString)
    return tolerant.clock(value, zone=CHILE, now=NOW), response.flaws


CLOCKS: dict[str, tuple[Flaw, Flaw]] = {
    # fault: (flaws of the date-time, flaws of the response)
    "clock-twice": (Flaw.NONE, Flaw.TRAILING_OCTETS),
    "deviation-ignored": (Flaw.DEVIATION_IGNORED, Flaw.NONE),
    "deviation-sign": (Flaw.DEVIATION_SIGN, Flaw.NONE),
    "hundredths-as-ms": (Flaw.HUNDREDTHS_TOO_MANY, Flaw.NONE),
}


@pytest.mark.parametrize(("fault", "expected"), CLOCKS.items(), ids=CLOCKS)
def test_a_dirty_clock_still_tells_the_time(
    fault: str, expected: tuple[Flaw, Flaw], engine: Engine
):
    assert clock(dirty()) == (
        Told(NOW, clock(dirty())[0].raw), Flaw.NONE,
    )  # fmt: skip
    talk = dirty(fault, engine=engine)
    read, of_response = clock(talk)
    assert read.value == NOW
    assert (read.flaws, of_response) == expected
    if of_response:
        response = get(talk, 8, CLOCK)
        assert response.raw.count(cast(bytes, response.results[0])) == 2
    assert talk.get(1, "0.0.42.0.0.255", 2) == OctetString(b"SIM0000000004"), "the talk goes on"


def times(response: GetResponse) -> list[bytes]:
    rows = response.results[0]
    assert isinstance(rows, Array)
    return [bytes(row[0]) for row in rows]  # type: ignore[index, arg-type]


@pytest.mark.parametrize("fault", ["deviation-ignored", "deviation-sign", "hundredths-as-ms"])
def test_dirty_rows_still_say_when(fault: str):
    found = times(last_rows(dirty(fault), 8))
    due = datetime(2026, 7, 6, 10, 15, tzinfo=UTC)
    for number, octets in enumerate(found):
        expected = due + timedelta(minutes=15 * number)
        told = tolerant.moment(octets, zone=CHILE, near=expected)
        assert told.value == expected
        assert told.flaws == CLOCKS[fault][0]


def test_rows_with_dates_that_there_are_not_are_placed_by_their_neighbours():
    found = times(last_rows(dirty("invalid-dates"), 12))
    told = row_times(found, 900, zone=CHILE)
    assert [each.value for each in told] == [
        datetime(2026, 7, 6, 9, 15, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(12)
    ]
    bad = [n for n, each in enumerate(told) if each.flaws]
    assert bad == list(range(BAD_ROW_EVERY - 1, 12, BAD_ROW_EVERY))


MISPLACED = {"rows-twice": (Flaw.REPEATED, 14), "rows-shuffled": (Flaw.OUT_OF_ORDER, 12)}


@pytest.mark.parametrize("fault", MISPLACED)
def test_rows_where_they_do_not_belong_are_all_there(fault: str):
    flaw, count = MISPLACED[fault]
    told = row_times(times(last_rows(dirty(fault), 12)), 900, zone=CHILE)
    assert len(told) == count
    assert sorted({each.value for each in told if each.value}) == [
        datetime(2026, 7, 6, 9, 15, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(12)
    ]
    assert [each.flaws for each in told if each.flaws] == [flaw] * 2


@pytest.mark.parametrize("rows", [20, 96])
def test_a_profile_whose_last_block_is_not_flagged_is_whole(rows: int, engine: Engine):
    whole = last_rows(dirty(), rows)
    talk = dirty("last-block-unflagged", engine=engine)
    response = last_rows(talk, rows)
    assert response.results == whole.results
    assert response.flaws is Flaw.LAST_BLOCK_UNFLAGGED
    assert response.raw
    assert talk.get(1, "0.0.42.0.0.255", 2) == OctetString(b"SIM0000000004")


def test_a_release_that_is_refused_is_a_release(engine: Engine):
    talk = dirty("release-refused", engine=engine)
    (event,) = talk.say(ReleaseRequest())
    assert isinstance(event, Released)
    assert isinstance(event.exception, ExceptionResponse)
    own, peer = talk.meter.counters(1)
    again = Talk(talk.meter, 1, now=talk.now, counter=peer, lowest=own)
    again.associate()
    assert isinstance(again.get(3, "1.0.1.8.0.255", 2), DoubleLongUnsigned)


STRINGS: dict[str, tuple[str, str, str, Flaw, bytes]] = {
    # name: (fault, object, text, flaws, octets)
    "NUL in the meter's number": (
        "nul-in-strings", "0.0.96.1.0.255", "SIM0000000004", Flaw.NUL_CHARACTERS,
        b"SIM0000000004".ljust(STRING_OCTETS, b"\0"),
    ),
    "NUL in its logical name": (
        "nul-in-strings", "0.0.42.0.0.255", "SIM0000000004", Flaw.NUL_CHARACTERS,
        b"SIM0000000004".ljust(STRING_OCTETS, b"\0"),
    ),
    "a firmware that nobody can read": (
        "firmware-unreadable", "1.0.0.2.0.255", "FFFE8000019DC328",
        Flaw.NOT_TEXT | Flaw.NUL_CHARACTERS, bytes(UNREADABLE),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "name", "text", "flaws", "octets"), STRINGS.values(), ids=STRINGS
)
def test_dirty_strings(fault: str, name: str, text: str, flaws: Flaw, octets: bytes):
    value = get(dirty(fault), 1, name).results[0]
    assert isinstance(value, OctetString)
    assert tolerant.text(value) == Told(text, octets, flaws)


def test_dirty_pushes_are_told_apart():
    talk = dirty("push-twice", "invoke-id-high", "push-late")
    meter, setup = talk.meter, "0.0.25.9.0.255"
    talk.set(40, setup, 3, Structure((Enum(0), OctetString(b"192.0.2.1:4059"), Enum(0))))
    assert talk.act(40, setup, 1, Integer(0)) is ActionResult.SUCCESS
    assert meter.collect_pushes(talk.now) == []
    at = talk.now + 3600
    pushes = tolerant.Pushes()
    found = [
        pushes.take(pushed.apdu, now=datetime.fromtimestamp(at, UTC), zone=CHILE)
        for pushed in meter.collect_pushes(at)
    ]
    dirt = Flaw.LATE | Flaw.NOT_AN_IDENTIFIER
    assert [told.flaws for told in found] == [dirt, dirt | Flaw.REPEATED]
    assert found[0].value is not None
    assert found[0].value.long_invoke_id_and_priority == 0x8000_0001


PUSHED: dict[str, tuple[datetime | None, Flaw]] = {
    # fault: the time that its pushes are understood to have been sent at, and what is wrong
    "deviation-ignored": (NOW, Flaw.DEVIATION_IGNORED),
    "deviation-sign": (NOW, Flaw.DEVIATION_SIGN),
    "hundredths-as-ms": (NOW, Flaw.HUNDREDTHS_TOO_MANY),
    "invalid-dates": (None, Flaw.NO_SUCH_DATE),
    "nul-in-strings": (NOW, Flaw.NONE),
}


@pytest.mark.parametrize(("fault", "expected"), PUSHED.items(), ids=PUSHED)
def test_pushes_are_as_dirty_as_answers(fault: str, expected: tuple[datetime | None, Flaw]):
    talk = dirty(fault)
    meter, setup = talk.meter, "0.0.25.9.0.255"
    talk.set(40, setup, 3, Structure((Enum(0), OctetString(b"192.0.2.1:4059"), Enum(0))))
    talk.act(40, setup, 1, Integer(0))
    (pushed,) = meter.collect_pushes(talk.now + 3600)
    told = tolerant.Pushes().take(pushed.apdu, now=NOW, zone=CHILE).value
    assert told is not None and isinstance(told.body, Structure)
    name, date = told.body[1], told.body[2]
    assert isinstance(name, OctetString) and isinstance(date, OctetString)
    for octets in (told.date_time, bytes(date)):
        read = tolerant.moment(octets, zone=CHILE, near=NOW)
        assert (read.value, read.flaws) == expected
    assert tolerant.text(name).value == "SIM0000000004"
    assert (b"\0" in name) is (fault == "nul-in-strings")


def silent(talk: Talk) -> bool:
    talk.say(ReleaseRequest())
    talk.connection.handle_deadline(now=talk.now + 31)
    return isinstance(talk.connection.next_event(), TimedOut)


def refused(talk: Talk) -> bool:
    own, peer = talk.meter.counters(1)
    again = Talk(talk.meter, 1, now=talk.now, counter=peer, lowest=own)
    return any(isinstance(event, AssociationRefused) for event in again.try_to_associate())


def stuck(talk: Talk) -> bool:
    assert talk.act(70, "0.0.96.3.10.255", 1, Integer(0)) is ActionResult.SUCCESS
    return talk.get(70, "0.0.96.3.10.255", 2) == talk.get(70, "0.0.96.3.10.255", 2) and bool(
        talk.meter.output_on
    )


def load_stuck(talk: Talk) -> bool:
    assert talk.act(70, "0.1.96.3.10.255", 1, Integer(0)) is ActionResult.SUCCESS
    return talk.get(70, "0.1.96.3.10.255", 2) == Boolean(True)


def drifts(talk: Talk) -> bool:
    own, peer = talk.meter.counters(1)
    later = Talk(talk.meter, 1, now=talk.now + 10 * 86_400, counter=peer, lowest=own)
    later.associate()
    shown = cast(OctetString, later.get(8, CLOCK, 2))
    read = tolerant.clock(shown, zone=CHILE, now=NOW + timedelta(days=10))
    return read.value is not None and (read.value - NOW).total_seconds() > 10 * 86_400 + 170


def slow(talk: Talk) -> bool:
    parameter = Structure((OctetString(b"x"), DoubleLongUnsigned(10)))
    talk.act(18, "0.0.44.0.0.255", 1, parameter)
    block = Structure((DoubleLongUnsigned(0), OctetString(bytes(10))))
    talk.act(18, "0.0.44.0.0.255", 2, block)
    answers = []
    for _ in range(3):
        answers.append(talk.act(18, "0.0.44.0.0.255", 3, Integer(0)))
        talk.now += 60
    return answers == [ActionResult.TEMPORARY_FAILURE] * 2 + [ActionResult.OTHER_REASON]


def forgets(talk: Talk) -> bool:
    meter = talk.meter
    meter.power_off(now=talk.now)
    meter.power_on(now=talk.now + 1)
    return not meter.timeline.latest.valid


def replays(talk: Talk) -> bool:
    """A client that remembers takes its answers for replays."""
    talk.get(1, "0.0.42.0.0.255", 2)
    own, peer = talk.meter.counters(1)
    again = Talk(talk.meter, 1, now=talk.now, counter=peer, lowest=own)
    return not any(type(event).__name__ == "Associated" for event in again.try_to_associate())


BEHAVIOUR: dict[str, Callable[[Talk], bool]] = {
    "silent": silent,
    "wrong-key": refused,
    "relay-stuck": stuck,
    "load-relay-stuck": load_stuck,
    "clock-drifts": drifts,
    "image-slow": slow,
    "battery-empty": forgets,
    "counter-rolled-back": replays,
}


@pytest.mark.parametrize(("fault", "shows"), BEHAVIOUR.items(), ids=BEHAVIOUR)
def test_faults_of_the_meter_itself_show(fault: str, shows: Callable[[Talk], bool]):
    healthy = dirty()
    assert not shows(healthy)
    talk = dirty()
    talk.meter.set_fault(fault, now=talk.now)
    assert shows(talk)


def test_every_fault_but_those_of_a_line_is_shown_here():
    shown = {*CLOCKS, *BEHAVIOUR, *(fault for fault, *_ in STRINGS.values())} | {
        "invalid-dates", "rows-twice", "rows-shuffled", "last-block-unflagged", "release-refused",
        "push-twice", "push-late", "invoke-id-high",
    }  # fmt: skip
    assert shown == {name for name, fault in FAULTS.items() if fault.where != "line"}


def test_a_model_with_habits_is_read_like_any_other(engine: Engine):
    meter = Meter(Identity(7, 4), ConstantLoad.of(900), model("legacy-single-phase"))
    talk = Talk(meter, 1, now=NOW.timestamp(), pdu_size=400, engine=engine)
    talk.associate()
    read, of_response = clock(talk)
    assert (read.value, read.flaws) == (NOW, Flaw.DEVIATION_IGNORED)
    assert of_response is Flaw.TRAILING_OCTETS
    (event,) = talk.say(ReleaseRequest())
    assert isinstance(event, Released)
