"""A concentrator's WAN modem: from power to a session with the head-end, one step after another.

    power -> boot -> SIM -> registration -> attach -> PDP context (APN) -> TCP and TLS -> on line

A fault names one of these steps and the code with which it fails (`devices.modem_failures`).  One
that begins while the modem is beyond that step throws it back there.  The modem tries again with
growing pauses and gets on with the first try after the fault's end.  Each failed try is a line in
the modem's own fault log, which the concentrator can hand over once it is on line again.

The machine does no waiting: `next_deadline()` says when it wants to be told the time, and
`advance(now)` tells it.  Times are POSIX seconds; inside they are whole milliseconds, so that a
deadline that was reached by adding floats is reached exactly.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import ClassVar, Literal

from devices.modem_failures import FAILURES, Failure, Step
from devices.span import Span
from protocols.concentrator.messages import FaultEntry

# How long a step takes when it succeeds, ms (assumption; 28 s together, about the median repair
# time of good sites).
STEP_MS = {
    Step.BOOT: 8_000,
    Step.SIM: 2_000,
    Step.REGISTRATION: 10_000,
    Step.ATTACH: 3_000,
    Step.PDP: 2_000,
    Step.SESSION: 3_000,
}

LOG_LINES_MAX = 500  # a ring, as in a real modem
PAUSE_FIRST_MS = 10_000  # after a failed try; it doubles (assumption)
PAUSE_MAX_MS = 300_000
PAUSE_SPREAD = 4  # up to a quarter on top, so that the modems of a cell do not call as one
IMPLICIT_DETACH_MS = 58 * 60_000  # T3412, 54 min, and 4 min more (3GPP TS 24.301, from memory)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a modem goes: a step that succeeds, and the pauses after tries that fail."""

    step_ms: Mapping[Step, int] = field(default_factory=lambda: MappingProxyType(STEP_MS))
    pause_first_ms: int = PAUSE_FIRST_MS
    pause_max_ms: int = PAUSE_MAX_MS


class Registry(enum.Enum):
    """What the carrier's registry says of a SIM."""

    ACTIVE = "active"
    BARRED = "barred"


@dataclass(frozen=True, slots=True)
class ModemFault:
    """A failure that holds for a while.  Raises ValueError for a failure that is not known."""

    failure: str  # a key of FAILURES
    span: Span

    def __post_init__(self) -> None:
        if self.failure not in FAILURES:
            raise ValueError(f"no such failure: {self.failure!r}; known: {', '.join(FAILURES)}")


@dataclass(frozen=True, slots=True)
class StepChanged:
    """The modem got on, or was thrown back."""

    at: float
    before: Step
    after: Step


@dataclass(frozen=True, slots=True)
class CarrierView:
    """What a mobile operator's portal shows of one SIM: this, and no more.

    It does not show whether a SIM sits in its modem, whether the modem works, or whether the site
    has power: all of these look alike from outside, as silence since `last_contact`.
    """

    registry: Registry
    registered: bool
    last_pdp_rejection: int | None  # the cause of the newest PDP attempt, if that was rejected
    last_pdp_rejection_at: datetime | None
    last_contact: datetime | None


@dataclass(frozen=True, slots=True)
class _Held:
    """A fault in whole milliseconds."""

    failure: Failure
    start_ms: int
    end_ms: int | None

    def covers(self, moment_ms: int) -> bool:
        return self.start_ms <= moment_ms and (self.end_ms is None or moment_ms < self.end_ms)


class Modem:
    """One modem with its faults and its log; see the module.

    `rng` spreads the pauses between tries and nothing else.
    """

    POWERED: ClassVar[Literal["power", "router"]] = "power"
    """Whose supply it says was lost: the one that it shares with a device, or a router's own."""

    def __init__(self, rng: Random, *, now: float, pace: Pace | None = None) -> None:
        self._rng = rng
        self._pace = pace or Pace()
        self._faults: list[_Held] = []
        self._log: deque[FaultEntry] = deque(maxlen=LOG_LINES_MAX)
        self._now_ms = _milliseconds(now)
        self._step = Step.BOOT
        self._due_ms: int | None = self._now_ms + self._pace.step_ms[Step.BOOT]
        self._failed_tries = 0
        self._power_lost_ms: int | None = None
        # What the network knows of the modem.
        self._registered = False
        self._implicit_detach_ms: int | None = None
        self._contact_ms: int | None = None
        self._rejection: tuple[int, int] | None = None  # PDP cause, when

    @property
    def step(self) -> Step:
        """What the modem is at, as of the last `advance`."""
        return self._step

    @property
    def online(self) -> bool:
        """Whether there is a session with the head-end, as of the last `advance`."""
        return self._step is Step.ONLINE

    @property
    def serves(self) -> bool:
        """Whether the device behind it has a network, as of the last `advance`."""
        return self.online

    def add_fault(self, fault: ModemFault) -> None:
        """Let a fault hold for its span.  It acts from the next `advance` on."""
        start, end = fault.span.start, fault.span.end
        self._faults.append(
            _Held(
                FAILURES[fault.failure],
                self._now_ms if start is None else _milliseconds(start),
                None if end is None else _milliseconds(end),
            )
        )

    def end_faults(self, failure: str, now: float) -> None:
        """End what has no end yet of this kind; the modem finds out by its next try."""
        ends = FAILURES[failure]
        self._faults = [
            replace(held, end_ms=_milliseconds(now))
            if held.failure is ends and held.end_ms is None
            else held
            for held in self._faults
        ]

    def fault_log(self, since: datetime | None = None) -> tuple[FaultEntry, ...]:
        """The log's lines, oldest first, from `since` on."""
        return tuple(entry for entry in self._log if since is None or entry.at >= since)

    def next_deadline(self) -> float | None:
        """When to call `advance` next; None where nothing is to come.  Ask again after a fault."""
        due = [ms for ms in (self._due_ms, self._interruption_ms()) if ms is not None]
        return min(due) / 1000 if due else None

    def advance(self, now: float) -> tuple[StepChanged, ...]:
        """Let time pass until `now`: each step reached or lost meanwhile, in order."""
        until_ms = _milliseconds(now)
        changes: list[StepChanged] = []
        while True:
            interruption_ms = self._interruption_ms()
            due = [ms for ms in (interruption_ms, self._due_ms) if ms is not None]
            if not due or min(due) > until_ms:
                break
            self._now_ms = max(self._now_ms, min(due))
            before = self._step
            if min(due) == interruption_ms:
                self._throw_back()
            else:
                self._try()
            if self._step is not before:
                changes.append(StepChanged(self._now_ms / 1000, before, self._step))
        self._now_ms = max(self._now_ms, until_ms)
        return tuple(changes)

    def seen_by_carrier(self, now: float) -> CarrierView:
        """What the operator's portal shows at `now`; call `advance(now)` before.

        This is what a real portal shows and no more: the SIM's entry in the registry, whether it is
        registered, the cause of the newest PDP attempt if that was rejected, the last contact.  A
        modem that falls silent without a word stays registered until the implicit detach.
        """
        moment_ms = _milliseconds(now)
        barred = any(
            held.failure is FAILURES["sim barred"] and held.covers(moment_ms)
            for held in self._faults
        )
        detach_ms = self._implicit_detach_ms
        contact_ms = moment_ms if self.online else self._contact_ms
        cause, rejected_ms = self._rejection or (None, None)
        return CarrierView(
            registry=Registry.BARRED if barred else Registry.ACTIVE,
            registered=self._registered and (detach_ms is None or moment_ms < detach_ms),
            last_pdp_rejection=cause,
            last_pdp_rejection_at=None if rejected_ms is None else _date(rejected_ms),
            last_contact=None if contact_ms is None else _date(contact_ms),
        )

    def _failure_of(self, step: Step) -> Failure | None:
        """Why the step fails now, if it does: by the fault that was entered first."""
        for held in self._faults:
            if held.failure.step is step and held.covers(self._now_ms):
                return held.failure
        return None

    def _interruption_ms(self) -> int | None:
        """When a fault next holds for a step that the modem has passed."""
        return min(
            (
                max(held.start_ms, self._now_ms)
                for held in self._faults
                if held.failure.step < self._step
                and (held.end_ms is None or held.end_ms > self._now_ms)
            ),
            default=None,
        )

    def _throw_back(self) -> None:
        """Return to the earliest step that a fault now holds for, and fail there at once."""
        if self._step > Step.REGISTRATION:
            self._contact_ms = self._now_ms
        step = next(step for step in Step if self._failure_of(step))
        if self._registered and step <= Step.REGISTRATION:
            failure = self._failure_of(step)
            if failure is not None and failure.silent:
                if self._implicit_detach_ms is None:
                    self._implicit_detach_ms = self._now_ms + IMPLICIT_DETACH_MS
            else:
                self._registered = False
        self._step = step
        self._failed_tries = 0
        self._try()

    def _try(self) -> None:
        """End the present step: on to the next, or a line in the log and a pause."""
        failure = self._failure_of(self._step)
        if self._step is Step.POWER:
            self._try_power(failure)
            return
        self._tell_network(failure)
        if failure is None:
            self._failed_tries = 0
            self._enter(Step(self._step + 1))
            return
        self._write(failure, failure.text)
        pause_ms = self._pace.pause_first_ms << min(self._failed_tries, 10)
        pause_ms = min(pause_ms, self._pace.pause_max_ms)
        self._failed_tries += 1
        self._due_ms = self._now_ms + pause_ms + self._rng.randrange(pause_ms // PAUSE_SPREAD)

    def _tell_network(self, failure: Failure | None) -> None:
        """What the network learns of a try."""
        if self._step < Step.REGISTRATION or (failure is not None and not failure.heard):
            return
        self._contact_ms = self._now_ms
        if self._step is Step.REGISTRATION:
            self._registered = failure is None
            self._implicit_detach_ms = None
        if self._step is Step.PDP:
            self._rejection = None if failure is None else (failure.code, self._now_ms)

    def _try_power(self, failure: Failure | None) -> None:
        """Without supply nothing is written and nothing tried; both wait for its return."""
        if failure is not None:
            if self._power_lost_ms is None:
                self._power_lost_ms = self._now_ms
            ends = [
                held.end_ms
                for held in self._faults
                if held.failure.step is Step.POWER and held.covers(self._now_ms)
            ]
            known = [end for end in ends if end is not None]
            self._due_ms = max(known) if len(known) == len(ends) else None
            return
        assert self._power_lost_ms is not None
        lost = _date(self._power_lost_ms)
        self._power_lost_ms = None
        self._log.append(
            FaultEntry(
                at=_date(self._now_ms),
                component=self.POWERED,
                code=0,
                text=f"supply returned; it was lost at {lost:%Y-%m-%dT%H:%M:%SZ}",
                since=lost,
            )
        )
        self._enter(Step.BOOT)

    def _enter(self, step: Step) -> None:
        self._step = step
        self._due_ms = None if step is Step.ONLINE else self._now_ms + self._pace.step_ms[step]

    def _write(self, failure: Failure, text: str) -> None:
        self._log.append(
            FaultEntry(
                at=_date(self._now_ms), component=failure.component, code=failure.code, text=text
            )
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _milliseconds(time_s: float) -> int:
    return round(time_s * 1000)


def _date(time_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=time_ms)
