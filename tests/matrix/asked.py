"""What every client asks of a server, and what is true there.

What is asked is the same for all clients.  What is true comes from elsewhere than from any answer:
of our meter from a second one of the same seed, asked in memory; of pydlms-client's from what its
example meter is declared to hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

from devices.meter.clients import on_the_bench
from devices.meter.identity import Identity
from protocols.dlms.codes import AuthenticationMechanism, DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import Array, Boolean, OctetString, Structure
from tests.meter.asking import Asking
from tools.meter.command import meter_of

SEED, LOAD = 7, "800W"
PDU_SIZE = 1024

ASSOCIATE, RELEASE = "associate", "release"
SERVICES = {
    ASSOCIATE: "association",
    "register": "register with scaler and unit",
    "clock": "clock",
    "several": "GET with list",
    "blocks": "profile in blocks",
    "range": "profile by range",
    "entries": "profile by entry",
    "set": "SET, read back",
    "action": "ACTION, read back",
    RELEASE: "release",
}
"""In this order in every session."""

CONTROL = "0.0.96.3.10.255"
POWER = "1.0.1.7.0.255"
ABSENT = "1.0.99.99.99.255"
REFUSED = f"refused {int(DataAccessResult.OBJECT_UNDEFINED)}"

Services = dict[str, dict[str, Any]]
Truth = Callable[[Services, float], dict[str, Any]]
"""What a session must have read, at that time."""


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked at a kind of server, and what is true there."""

    asked: Callable[[float, int], Services]  # the time, and a number that no session asked before
    truth: Truth


def plain(value: Any) -> Any:
    """A value as the programs tell it."""
    if isinstance(value, DataAccessResult):
        return f"refused {int(value)}"
    if isinstance(value, Array | Structure):
        return [plain(part) for part in value]
    if isinstance(value, Boolean):
        return bool(value)
    return value.hex() if isinstance(value, bytes) else int(value)


# --- our meter ------------------------------------------------------------------------------------

VOLTAGE, CLOCK = "1.0.32.7.0.255", "0.0.1.0.0.255"
LOAD_PROFILE, DAILY_PROFILE = "1.0.99.1.0.255", "1.0.99.2.0.255"
LIMITER = "0.0.17.0.0.255"
FIRST_ROW, LAST_ROW = 10, 13  # of a range: old ones, but not so old that they go while we ask


@cache
def _twin() -> Asking:
    """A meter of the same seed and load, in memory."""
    clients = on_the_bench(AuthenticationMechanism.NONE)
    return Asking(meter_of(clients, "", 3, Identity(SEED, 0), LOAD), 0.0)


def _twin_at(now: float) -> Asking:
    twin = _twin()
    twin.now = max(now, twin.now)
    return twin


def _asked_of_ours(now: float, number: int) -> Services:
    rows = _twin_at(now).rows(LOAD_PROFILE)
    first, last = (rows[at][0] for at in (FIRST_ROW, LAST_ROW))
    assert isinstance(first, OctetString) and isinstance(last, OctetString)
    listed = [(3, POWER, 2), (3, POWER, 3), (70, CONTROL, 2), (3, ABSENT, 2)]
    return _in_order(
        register={"name": VOLTAGE},
        clock={"name": CLOCK},
        several={"attributes": listed},
        blocks={"name": DAILY_PROFILE},
        range={"name": LOAD_PROFILE, "first": first.hex(), "last": last.hex()},
        entries={"name": LOAD_PROFILE, "first": 2, "last": 4},
        set={"class_id": 71, "name": LIMITER, "index": 4, "value": 3000 + number},
        action={"name": CONTROL, "methods": [1, 2]},
    )


def _true_of_ours(services: Services, now: float) -> dict[str, Any]:
    twin = _twin_at(now)
    rows = [plain(row) for row in twin.rows(LOAD_PROFILE)]
    ends = services["range"]["first"], services["range"]["last"]
    first, last = (next(n for n, row in enumerate(rows) if row[0] == end) for end in ends)

    def value(class_id: int, name: str, index: int) -> Any:
        return plain(twin.get(class_id, name, index))

    return {
        "register": [value(3, VOLTAGE, 2), *value(3, VOLTAGE, 3)],
        "clock": value(8, CLOCK, 2),
        "several": [value(3, POWER, 2), value(3, POWER, 3), True, REFUSED],
        "blocks": [plain(row) for row in twin.rows(DAILY_PROFILE)],
        "range": rows[first : last + 1],
        "entries": rows[1:4],
        "set": services["set"]["value"],
        "action": [False, True],
    }


# --- the meter of pydlms-client -------------------------------------------------------------------

ENERGY, WRITTEN = "1.0.1.8.0.255", "1.0.2.8.0.255"
MADE = datetime(2024, 5, 1, tzinfo=UTC)  # by its source: the day of its clock and of its rows


def _row(number: int) -> list[Any]:
    moment = DateTime.from_datetime(MADE + timedelta(minutes=15 * number), None)
    return [moment.octets.hex(), 1000 + 7 * number]


def _asked_of_pydlms(now: float, number: int) -> Services:
    listed = [(3, ENERGY, 2), (3, ENERGY, 3), (70, CONTROL, 2), (3, ABSENT, 2)]
    ends = _row(FIRST_ROW)[0], _row(LAST_ROW)[0]
    return _in_order(
        register={"name": VOLTAGE},
        clock={"name": CLOCK},
        several={"attributes": listed},
        blocks={"name": LOAD_PROFILE},
        range={"name": LOAD_PROFILE, "first": ends[0], "last": ends[1]},
        entries={"name": LOAD_PROFILE, "first": 2, "last": 4},
        set={"class_id": 3, "name": WRITTEN, "index": 2, "value": 100_000 + number},
        action={"name": CONTROL, "methods": [1]},  # its meter connects by no method
    )


def _true_of_pydlms(services: Services, now: float) -> dict[str, Any]:
    noon = MADE.replace(hour=12, tzinfo=timezone(timedelta(hours=2)))
    return {
        "register": [2301, -1, 35],
        "clock": DateTime.from_datetime(noon, None).octets.hex(),
        "several": [12345678, [0, 30], True, REFUSED],
        "blocks": [_row(number) for number in range(96)],
        "range": [_row(number) for number in range(FIRST_ROW, LAST_ROW + 1)],
        "entries": [_row(number) for number in range(1, 4)],
        "set": services["set"]["value"],
        "action": [False],
    }


OURS = Questions(_asked_of_ours, _true_of_ours)
PYDLMS = Questions(_asked_of_pydlms, _true_of_pydlms)


def _in_order(**services: dict[str, Any]) -> Services:
    return {name: services.get(name, {}) for name in SERVICES}
