"""What a meter notices: events in their logs, status words, voltages, covers, wrong keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest
from msgspec.structs import replace

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter
from devices.meter.disconnect import Trigger
from devices.meter.events import ALARMS, LOG_ENTRIES, Event, Log, log_of
from devices.meter.identity import Identity
from devices.meter.limiter import UNLIMITED
from devices.meter.load import ConstantLoad, PhaseLoad
from devices.meter.meter_type import MeterType
from protocols.dlms.codes import ActionResult, AuthenticationMechanism, DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.objects.event_codes import event_words
from protocols.dlms.services import SelectiveAccess
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
)
from tests.meter.asking import Asking
from tests.meter.conversation import Talk

NOW = datetime(2026, 7, 8, 10, 7, 30, tzinfo=UTC).timestamp()
NORMAL = (PhaseLoad(900), PhaseLoad(600), PhaseLoad(500))


@pytest.fixture
def here() -> Asking:
    return Asking(Meter(Identity(7, 4), ConstantLoad(NORMAL), MeterType()), NOW)


def codes(here: Asking, log: Log) -> list[int]:
    return [int(cast(int, row[1])) for row in here.rows(f"0.0.99.98.{log}.255")]


def voltages(*decivolts: int) -> ConstantLoad:
    return ConstantLoad(tuple(PhaseLoad(100, 0, each) for each in decivolts))


Deed = Callable[[Asking], object]
HAPPENINGS: dict[str, tuple[Deed, Log, list[int]]] = {
    # name: (what happens, in which log, codes)
    "remote disconnection": (
        lambda h: h.act(70, "0.0.96.3.10.255", 1, Integer(0)), Log.DISCONNECTOR, [62],
    ),
    "off and on again": (
        lambda h: [h.act(70, "0.0.96.3.10.255", n, Integer(0)) for n in (1, 2)],
        Log.DISCONNECTOR,
        [62, 63],
    ),
    "a relay that does not follow": (
        lambda h: (h.meter.set_fault("relay-stuck", now=NOW),
                   h.act(70, "0.0.96.3.10.255", 1, Integer(0))),
        Log.DISCONNECTOR,
        [62, 68],
    ),
    "a hand at the meter": (
        lambda h: (h.act(70, "0.0.96.3.10.255", 1, Integer(0)),
                   h.meter.press(Trigger.MANUAL_RECONNECT, now=NOW)),
        Log.DISCONNECTOR,
        [62],  # mode 4: a button does nothing after a remote disconnection
    ),
    "a limit that trips": (
        lambda h: (h.put(71, "0.0.17.0.0.255", 4, DoubleLongUnsigned(1000)),
                   h.meter.advance(NOW + 60)),
        Log.DISCONNECTOR,
        [67, 65, 64, 66],
    ),
    "a cover": (
        lambda h: [h.meter.sense(e, now=NOW) for e in (Event.TERMINAL_COVER_REMOVED,
                                                       Event.TERMINAL_COVER_CLOSED)],
        Log.FRAUD,
        [40, 41],
    ),
    "a magnet": (
        lambda h: h.meter.sense(Event.STRONG_FIELD_DETECTED, now=NOW), Log.FRAUD, [42],
    ),
    "a phase lost and back": (
        lambda h: [h.meter.replace_load(load, now=NOW)
                   for load in (voltages(2300, 0, 2300), voltages(2300, 2300, 2300))],
        Log.POWER_QUALITY,
        [83, 86],
    ),
    "sag and swell": (
        lambda h: [h.meter.replace_load(load, now=NOW)
                   for load in (voltages(2000, 2300, 2600), voltages(2300, 2300, 2300))],
        Log.POWER_QUALITY,
        [76, 81, 85, 87],
    ),
    "limits of what is normal": (
        lambda h: h.meter.replace_load(voltages(2070, 2530, 2300), now=NOW),
        Log.POWER_QUALITY,
        [],
    ),
    "power": (
        lambda h: (h.meter.power_off(now=NOW), h.meter.power_on(now=NOW + 5)),
        Log.STANDARD,
        [1, 2],
    ),
    "no power twice": (
        lambda h: (h.meter.power_off(now=NOW), h.meter.power_off(now=NOW + 1),
                   h.meter.power_on(now=NOW + 5), h.meter.power_on(now=NOW + 6)),
        Log.STANDARD,
        [1, 2],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("deed", "log", "expected"), HAPPENINGS.values(), ids=HAPPENINGS)
def test_events_land_in_their_log(here: Asking, deed: Deed, log: Log, expected: list[int]):
    deed(here)
    here.now = NOW + 100
    assert codes(here, log) == expected
    last = here.number(1, f"0.0.96.11.{log}.255")
    assert last == (expected[-1] if expected else 0)
    others = [each for each in Log if each is not log]
    noticed = {n for other in others for n in codes(here, other)}
    assert not noticed & set(expected)


@pytest.mark.parametrize("event", Event)
def test_every_event_has_a_log_and_an_alarm_bit_of_its_own_register(here: Asking, event: Event):
    here.meter.sense(event, now=NOW)
    assert codes(here, log_of(event))[-1] == event
    number, bit = ALARMS.get(event, (0, 0))
    assert here.number(1, f"0.0.97.98.{number}.255") == bit
    assert here.number(1, f"0.0.97.98.{20 + number}.255") == bit


def test_an_alarm_stays_until_it_is_cleared_and_a_filter_keeps_it_out(here: Asking):
    here.meter.sense(Event.METER_COVER_REMOVED, now=NOW)
    assert here.number(1, "0.0.97.98.0.255") == 1 << 13
    assert here.put(1, "0.0.97.98.0.255", 2, DoubleLongUnsigned(0)) is DataAccessResult.SUCCESS
    assert here.number(1, "0.0.97.98.0.255") == 0
    assert here.number(1, "0.0.97.98.20.255") == 1 << 13, "the descriptor is cleared by itself"
    here.put(1, "0.0.97.98.10.255", 2, DoubleLongUnsigned(0xFFFF_FFFF & ~(1 << 13)))
    here.meter.sense(Event.METER_COVER_REMOVED, now=NOW)
    assert here.number(1, "0.0.97.98.0.255") == 0
    here.meter.sense(Event.CLOCK_INVALID, now=NOW)
    assert here.number(1, "0.0.97.98.0.255") == 1


def test_errors_stay_in_the_error_register(here: Asking):
    here.meter.sense(Event.WATCHDOG_ERROR, now=NOW)
    here.meter.sense(Event.REPLACE_BATTERY, now=NOW)
    assert here.number(1, "0.0.97.97.0.255") == 0x1002
    here.put(1, "0.0.97.97.0.255", 2, DoubleLongUnsigned(0x1000))
    assert here.number(1, "0.0.97.97.0.255") == 0x1000


def test_a_log_is_a_ring_that_can_be_read_in_parts_and_emptied(here: Asking):
    entries = LOG_ENTRIES[Log.FRAUD]
    for number in range(entries + 5):
        event = Event.METER_COVER_REMOVED if number % 2 else Event.METER_COVER_CLOSED
        here.meter.sense(event, now=NOW + number)
    here.now = NOW + 1000
    name = "0.0.99.98.1.255"
    assert here.number(7, name, 7) == here.number(7, name, 8) == entries
    clock = cast(Array, here.get(7, name, 3))[0]
    first, last = (
        OctetString(DateTime.from_datetime(datetime.fromtimestamp(t, UTC)).octets)
        for t in (NOW + 50, NOW + 54)
    )
    ranged = here.rows(name, SelectiveAccess(1, Structure((clock, first, last, Array()))))
    assert [int(cast(int, row[1])) for row in ranged] == [45, 44, 45, 44, 45]
    newest = Structure(
        (DoubleLongUnsigned(entries), DoubleLongUnsigned(0), LongUnsigned(2), LongUnsigned(2))
    )
    assert here.rows(name, SelectiveAccess(2, newest)) == [Structure((Unsigned(45),))]
    assert here.act(7, name, 1, Integer(0)) is ActionResult.SUCCESS
    assert here.rows(name) == []
    assert codes(here, Log.STANDARD) == [255]


def test_the_disconnector_s_log_has_the_limit_that_held(here: Asking):
    here.put(71, "0.0.17.0.0.255", 4, DoubleLongUnsigned(1000))
    here.meter.advance(NOW + 61)
    rows = here.rows("0.0.99.98.2.255")
    assert [int(cast(int, row[2])) for row in rows] == [1000] * 4
    assert UNLIMITED not in rows[0]


# The links notice as well.


def wrong_secret(meter: Meter) -> None:
    other = Meter(Identity(8, 4), ConstantLoad(NORMAL))
    talk = Talk(other, 2, now=NOW, receive=lambda frame: meter.receive(frame, now=NOW))
    talk.try_to_associate()


def wrong_key(meter: Meter) -> None:
    other = Meter(Identity(8, 4), ConstantLoad(NORMAL))
    talk = Talk(other, 1, now=NOW, receive=lambda frame: meter.receive(frame, now=NOW))
    talk.try_to_associate()


def replayed(meter: Meter) -> None:
    talk = Talk(meter, 1, now=NOW)
    talk.associate()
    talk.get(1, "0.0.42.0.0.255", 2)
    asked = [frame for frame in talk.exchanged if frame[2:4] == b"\x00\x01"][-1]
    meter.receive(asked, now=NOW)


ATTEMPTS = {
    "a wrong password": (wrong_secret, [Event.AUTHENTICATION_FAILURE]),
    "a wrong key": (wrong_key, [Event.DECRYPTION_FAILURE]),
    "a replay": (replayed, [Event.REPLAY_ATTACK]),
}


@pytest.mark.parametrize(("attempt", "expected"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_attempts_to_get_in_are_fraud(
    here: Asking, attempt: Callable[[Meter], None], expected: list[Event]
):
    attempt(here.meter)
    assert codes(here, Log.FRAUD) == expected
    assert here.number(1, "0.0.97.98.0.255") == 1 << 13


def test_an_association_that_ends_well_is_no_fraud(here: Asking):
    for client in STANDARD_CLIENTS:
        talk = Talk(here.meter, client.sap, now=NOW)
        talk.associate()
        talk.get(1, "0.0.42.0.0.255", 2)
        talk.release()
    assert codes(here, Log.FRAUD) == []
    Talk(here.meter, 16, now=NOW).associate()
    here.meter.advance(NOW + 1000)
    assert codes(here, Log.COMMUNICATION) == [Event.ASSOCIATION_TIMED_OUT]


def test_a_password_is_changed_by_management_and_holds_from_the_next_association():
    meter = Meter(Identity(7, 4), ConstantLoad(NORMAL), MeterType())
    management = Talk(meter, 1, now=NOW)
    management.associate()
    reader = "0.0.40.0.2.255"
    assert management.set(15, reader, 7, OctetString(b"new secret")) is DataAccessResult.SUCCESS
    assert management.set(15, reader, 7, OctetString(b"")) is DataAccessResult.OTHER_REASON
    hls = management.set(15, "0.0.40.0.1.255", 7, OctetString(b"x"))
    assert hls is DataAccessResult.READ_WRITE_DENIED
    old = Talk(meter, 2, now=NOW)
    old.try_to_associate()
    assert not meter.open_to(2)
    settings = replace(old.connection._settings, password=b"new secret")  # type: ignore[attr-defined]
    assert settings.authentication is AuthenticationMechanism.LOW
    new = Talk(meter, 2, now=NOW)
    new.connection = type(new.connection)(settings)
    new.associate()
    assert meter.open_to(2)
    assert management.get(15, reader, 8) == 2


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_event_of_a_simulated_meter_has_words(language):
    assert [event for event in Event if not event_words(event, language)] == []
