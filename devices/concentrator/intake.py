"""What a command means, given what the concentrator already knows.  Pure decisions, no doing.

A message may come twice, late, out of order, or after a reboot; the decision is the same whenever
the journal is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.concentrator.flash import Attempt, Key, Stage
from devices.concentrator.journal import Journal
from protocols.concentrator.effect import READY_FOR_RECONNECTION as READY
from protocols.concentrator.messages import ACTING, Action, Execute, Result, Status, Withdraw


@dataclass(frozen=True, slots=True)
class Begin:
    """Store the command, say so, and carry it out."""


@dataclass(frozen=True, slots=True)
class Underway:
    """The command is known and not done yet: say again that it is stored."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Repeat:
    """The attempt has ended: tell its result again."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class EndNow:
    """The attempt ends here, with nothing sent to the meter; remember that."""

    status: Status


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """An earlier attempt of the order carried it out: this one ends with what that one showed."""

    result: Result


@dataclass(frozen=True, slots=True)
class Busy:
    """No room: answer so, and remember nothing."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Withdrawn while it is under way: do not send anything that acts, if that can still be."""

    attempt: Attempt


Decision = Begin | Underway | Repeat | EndNow | DoneBefore | Busy | Stop


def on_execute(
    command: Execute, journal: Journal, *, in_table: bool, expired: bool, room: bool
) -> Decision:
    """What to do with a command.  `room` tells whether the work queue and the memory take more."""
    known = journal.find(Key(command.order, command.attempt))
    if known is not None:
        return Repeat(known) if known.stage is Stage.ENDED else Underway(known)
    if not room:
        return Busy()
    done = done_before(journal, command.order, command.meter, command.action)
    if done is not None:
        return DoneBefore(done)
    if command.attempt < journal.newest(command.order):
        # Overtaken on its way: the head-end gave this attempt up when it sent a later one.
        return EndNow(Status.CANCELLED)
    if not in_table:
        return EndNow(Status.NOT_IN_TABLE)
    if expired:
        return EndNow(Status.STALE)
    return Begin()


def on_withdraw(command: Withdraw, journal: Journal, *, begun: bool, room: bool) -> Decision:
    """What to do with a withdrawal.  `begun` tells whether the attempt's errand is under way."""
    known = journal.find(Key(command.order, command.attempt))
    if known is None:
        if not room:
            return Busy()
        if (done := done_before(journal, command.order, command.meter)) is not None:
            return DoneBefore(done)
        return EndNow(Status.CANCELLED)
    if known.stage is Stage.ENDED:
        return Repeat(known)
    if known.stage is Stage.ACTING:
        return Underway(known)
    return Stop(known) if begun else EndNow(Status.CANCELLED)


def done_before(
    journal: Journal, order: str, meter: str, action: Action | None = None
) -> Result | None:
    """The result of an earlier attempt that carried the order out at this meter.

    It also answers a reading that was sent to find out whether the order was carried out; not one
    of a supply that was left to a hand at the meter, which may have been there since.
    """
    done = journal.done(order)
    armed = done is not None and done.supply is not None and done.supply.control_state == READY
    if armed and action is Action.READ_SUPPLY:
        return None
    return done if done is not None and done.meter == meter and done.action in ACTING else None
