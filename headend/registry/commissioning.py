"""Commissioning: a meter is asked itself whether it is the one of the records, and works.

What must hold is checked, what has nothing to be held against is written down, and a clock that is
wrong is set.  The way there is whoever's who opens the conversation; a meter that answers so far
has proved its keys already.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from headend.domain.commissioning import Check, Verdict
from headend.domain.failure import Failure
from headend.domain.life_cycle import Step
from headend.domain.meter import Meter
from headend.domain.place import RegisterRead
from headend.ports import Clock, Transaction
from headend.registry.lives import By, known, move
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.clock import Clock as MeterClock
from protocols.dlms.procedures import Outcome, Pause, Request
from protocols.dlms.procedures.clock import read_clock, set_clock
from protocols.dlms.procedures.identify import identify
from protocols.dlms.procedures.limiter import read_limit
from protocols.dlms.procedures.reading import read_registers
from protocols.dlms.procedures.supply import read_supply

T = TypeVar("T")

CLOCK_LIMIT_S = 5.0
"""A clock that is further off is set.  IEC 62054-21 lets a crystal clock drift 0.5 s a day."""

ENERGY = LogicalName("1.0.1.8.0.255")
_CONTROL = ("disconnected", "connected", "ready for reconnection")
_OBJECT_UNDEFINED = frozenset({4, 9, 11})
"""DataAccessResults of what a meter does not have: undefined, of another class, unavailable."""


class Talk(Protocol):
    """An association with the meter that stands."""

    async def find(self, procedure: Generator[Request | Pause, Any, T | Outcome]) -> T | Failure:
        """What a procedure found, or why it did not."""
        ...

    async def perform(self, procedure: Generator[Request | Pause, Any, T]) -> T | Failure:
        """What a procedure returns."""
        ...


@dataclass(slots=True)
class Examination:
    """One commissioning's checks, as they are made; `learned` is the record with what it lacked."""

    meter: Meter
    by: By
    clock: Clock
    checks: list[Check] = field(default_factory=list)
    register: RegisterRead | None = None
    learned: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.learned = self.meter

    @property
    def held(self) -> bool:
        """Whether all that was looked at holds, and all was looked at."""
        verdicts = [check.verdict for check in self.checks]
        return Verdict.FAILED not in verdicts and self.checks[-1].what == "register"

    async def run(self, talk: Talk, title: bytes) -> None:
        """All checks, one after the other; a line that breaks ends them.  `title` is the system
        title by which the meter proved itself, empty where it named none."""
        self.note("association", Verdict.HELD, None, "opened with its keys")
        self._title(title)
        for check in (self._names, self._clock, self._supply, self._limit, self._energy):
            broke = await check(talk)
            if broke is not None:
                self.failed("conversation", broke)
                return

    def failed(self, what: str, failure: Failure) -> None:
        """The meter could not be asked on."""
        self.note(what, Verdict.FAILED, None, None, str(failure))

    def note(
        self, what: str, verdict: Verdict, expected: str | None, found: str | None, why: str = ""
    ) -> None:
        """Write one check down."""
        at, who = self.clock.now(), self.by.who
        self.checks.append(Check(self.meter.name, at, what, verdict, expected, found, why, who))

    def _compare(self, what: str, expected: str | None, found: str | None, next_step: str) -> None:
        if expected is None:
            self.note(what, Verdict.NOTED, None, found, "the record has none")
        elif found == expected:
            self.note(what, Verdict.HELD, expected, found)
        else:
            self.note(what, Verdict.FAILED, expected, found, next_step)

    def _title(self, title: bytes) -> None:
        found = title.hex().upper() or None
        next_step = "another meter hangs here, or the shipment's record is wrong"
        self._compare("system title", self.meter.title, found, next_step)
        if self.meter.title is None and found is not None:
            self.learned = replace(self.learned, title=found)

    async def _names(self, talk: Talk) -> Failure | None:
        told = await talk.find(identify())
        if isinstance(told, Failure):
            return told
        self.named(told.logical_device_name, told.serial_number)
        self.note("firmware", Verdict.NOTED, None, told.firmware)
        return None

    def named(self, name: str | None, serial_number: str | None) -> None:
        """Who the meter says it is."""
        expected = self.meter.identity
        if expected is None and self.meter.name in (name, serial_number):
            expected = name
        next_step = "another meter hangs here, or the shipment's record is wrong"
        self._compare("logical device name", expected, name, next_step)
        if expected is None and name is not None:
            self.learned = replace(self.learned, identity=name)

    async def _clock(self, talk: Talk) -> Failure | None:
        before = await talk.find(read_clock())
        if isinstance(before, Failure):
            return before
        drift_s = before.drift_s(self.clock.now())
        limit = f"at most {CLOCK_LIMIT_S:g} s off"
        if drift_s is not None and abs(drift_s) <= CLOCK_LIMIT_S:
            self.note("clock", Verdict.HELD, limit, f"{drift_s:+.1f} s")
            return None
        found = "no time" if drift_s is None else f"{drift_s:+.1f} s"
        done = await talk.find(set_clock(lambda: self._moment(before)))
        if isinstance(done, Failure):
            self.note("clock", Verdict.FAILED, limit, found, f"it could not be set: {done}")
            return None
        after = await talk.find(read_clock())
        if isinstance(after, Failure):
            return after
        left_s = after.drift_s(self.clock.now())
        if left_s is None or abs(left_s) > CLOCK_LIMIT_S:
            left = "no time" if left_s is None else f"{left_s:+.1f} s"
            why = f"set, and it shows {left} all the same: the clock is broken"
            self.note("clock", Verdict.FAILED, limit, found, why)
        else:
            self.note("clock", Verdict.CORRECTED, limit, found, f"set: {left_s:+.1f} s")
        return None

    def _moment(self, before: MeterClock) -> DateTime:
        """The time in the meter's own zone; UTC where it says none."""
        deviation_min = before.time.deviation_min
        if deviation_min is None:
            deviation_min = before.time_zone_min or 0
        status = ClockStatus.OK
        if before.time.status is not None:
            status = before.time.status & ClockStatus.DAYLIGHT_SAVING
        zone = timezone(timedelta(minutes=-deviation_min))
        return DateTime.from_datetime(self.clock.now().astimezone(zone), status)

    async def _supply(self, talk: Talk) -> Failure | None:
        told = await talk.perform(read_supply())
        if isinstance(told, Failure):
            return told
        if told.supply is None:
            self._without("breaker", told)
            return None
        states = dict(enumerate(_CONTROL))
        state = states.get(told.supply.control_state, str(told.supply.control_state))
        output = "supply on" if told.supply.output_on else "supply off"
        self.note("breaker", Verdict.NOTED, None, f"{state}, {output}")
        return None

    async def _limit(self, talk: Talk) -> Failure | None:
        told = await talk.perform(read_limit())
        if isinstance(told, Failure):
            return told
        if told.limit is None:
            self._without("limiter", told)
            return None
        limit, contract = told.limit, self.meter.contracted_w
        text = "no limit" if limit.unlimited else f"{limit.threshold_normal} {limit.unit}"
        above = (
            contract is not None
            and limit.unit in ("W", "VA")
            and not limit.unlimited
            and Decimal(limit.threshold_normal) > contract
        )
        expected = None if contract is None else f"at most {contract} W"
        why = "above the contract: set it by an order" if above else ""
        self.note("limiter", Verdict.NOTED, expected, text, why)
        return None

    def _without(self, what: str, told: Outcome) -> None:
        """A meter need not have one; but one that has must let it be read."""
        if told.refusal is not None and told.refusal.code in _OBJECT_UNDEFINED:
            self.note(what, Verdict.NOTED, None, "none", "")
        else:
            why = told.detail or str(told.refusal or told.status)
            self.note(what, Verdict.FAILED, None, None, why)

    async def _energy(self, talk: Talk) -> Failure | None:
        told = await talk.find(read_registers([(3, ENERGY)]))
        if isinstance(told, Failure):
            return told
        quantity = told[0].quantity
        if quantity is None:
            why = f"{ENERGY} gives no value: {told[0].value}"
            self.note("register", Verdict.FAILED, "active energy import", None, why)
            return None
        at = self.clock.now()
        self.register = RegisterRead(quantity.number, quantity.unit, at, "commissioning")
        self.note("register", Verdict.HELD, "active energy import", str(quantity))
        return None


def conclude(tx: Transaction, examined: Examination) -> Meter:
    """Keep the checks and, where all hold, take the step; the meter as it is then.

    Raises `NotTaken` where the meter has moved on meanwhile.
    """
    tx.add_checks(examined.checks)
    meter = known(tx, examined.meter.name)
    if not examined.held:
        return meter
    complete = replace(
        meter,
        identity=meter.identity or examined.learned.identity,
        title=meter.title or examined.learned.title,
    )
    if examined.register is not None:
        tx.note_first_read(meter.name, examined.register)
    return move(tx, complete, Step.COMMISSION, examined.by)


def failures(checks: Iterable[Check]) -> list[Check]:
    """Those that did not hold."""
    return [check for check in checks if check.verdict is Verdict.FAILED]
