"""Changing a meter's keys so that a cut at any point loses neither the old nor the new ones.

The client writes the new keys down before it sends them, and keeps both until an association has
shown which of them the meter has: it tries the new ones, then the old ones.

    nothing pending   remember new ─► transfer under old ─► prove new ─► promote
    pending           prove new ─► promote
                        └ rejected ─► transfer under old ─► prove new ─► promote

`change_keys` is the order of these steps, without I/O: it yields what to do and is sent what came
of it.  Whoever drives it keeps `Remember`, `Promote` and `Forget` durably before the next step.
After a crash it is begun again with what is remembered.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial

from protocols.concentrator.messages import Status
from protocols.dlms.key_wrap import TransferId, changed
from protocols.dlms.keys import Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, Procedure
from protocols.dlms.procedures.security_setup import SECURITY_SETUP, prove_keys, transfer_keys

Begin = Callable[[], Procedure]
"""Begins a procedure, for one session."""


class Generation(enum.Enum):
    """Which of the two sets of keys."""

    CURRENT = "current"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Remember:
    """Write these keys down as pending.  Answered by None."""

    keys: Keys


@dataclass(frozen=True, slots=True)
class Promote:
    """The pending keys are the meter's: they are the current ones now.  Answered by None."""


@dataclass(frozen=True, slots=True)
class Forget:
    """The meter has shown that it kept the current keys.  Answered by None."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Hold a session with these keys, or several where nothing that acts was sent yet: `begin`
    makes what is done in one.  Answered by its Outcome."""

    generation: Generation
    begin: Begin


Step = Remember | Promote | Forget | Talk
KeyChange = Generator[Step, Outcome | None, Outcome]


def change_keys(
    current: Keys, pending: Keys | None, wanted: Keys, setup: LogicalName = SECURITY_SETUP
) -> KeyChange:
    """Bring the meter from the current keys to the wanted ones, or to those that are pending.

    Ends DONE when the new keys are proven, REFUSED when the meter refused them and has the old,
    KEY_REJECTED when it takes neither, and otherwise with what the failing session ended with;
    then the keys stay pending, and the change is begun again later.  Raises ValueError where the
    master key would change, or is not known.
    """
    if current.master is None:
        raise ValueError("without the master key no keys can be transferred")
    new = wanted if pending is None else pending
    moved = changed(current, new)
    if not moved:
        if pending is not None:
            yield Forget()
        return Outcome(Status.DONE, detail="the meter has these keys")
    begin = partial(transfer_keys, current.master, moved, setup)
    return (yield from _change(pending is not None, new, begin, _proves(moved)))


def carry_keys(current: Keys, pending: bool, wanted: Keys, transfer: Begin) -> KeyChange:
    """The same for whoever carries a transfer that another one has wrapped, and so needs no master
    key.  `pending`: the wanted keys are remembered already.  Ends like `change_keys`."""
    if not _proves(changed(current, wanted)):
        return (yield from _talk(Generation.CURRENT, prove_keys))
    return (yield from _change(pending, wanted, transfer, True))


def _change(pending: bool, new: Keys, transfer: Begin, proves: bool) -> KeyChange:
    if not pending:
        yield Remember(new)
    elif proves:
        found = yield from _talk(Generation.PENDING, prove_keys)
        if found.status is Status.DONE:
            yield Promote()
            return found
        if found.status is not Status.KEY_REJECTED:
            return found
    return (yield from _transfer(transfer, proves))


def settle_keys(current: Keys, pending: Keys) -> KeyChange:
    """Find out which keys a meter has that a change was cut at, and let go of the others.

    Nothing is transferred.  Ends as the last session did: DONE when the current keys, afterwards,
    are the meter's, or as far as an association tells.
    """
    if not _proves(changed(current, pending)):
        return Outcome(Status.DONE, detail="an association is made by the same keys")
    found = yield from _talk(Generation.PENDING, prove_keys)
    if found.status is Status.DONE:
        yield Promote()
    if found.status is not Status.KEY_REJECTED:
        return found
    kept = yield from _talk(Generation.CURRENT, prove_keys)
    if kept.status is Status.DONE:
        yield Forget()
    return kept


def _transfer(transfer: Begin, proves: bool) -> KeyChange:
    """Send the pending keys under the current ones, and see whether the meter has them."""
    sent = yield from _talk(Generation.CURRENT, transfer)
    if sent.status is Status.REFUSED:
        # A refusal can be forged where it is no answer inside the association, this proof cannot;
        # and it uses up the counters below, so the transfer cannot arrive any more.
        kept = yield from _talk(Generation.CURRENT, prove_keys)
        if kept.status is Status.DONE:
            yield Forget()
        return sent
    if not proves:
        # No association is made by a broadcast key, so only the meter's word can tell.
        if sent.status is Status.DONE:
            yield Promote()
        return sent
    if sent.status not in (Status.DONE, Status.UNKNOWN):
        return sent
    proven = yield from _talk(Generation.PENDING, prove_keys)
    if proven.status is Status.DONE:
        yield Promote()
        return replace(proven, acted=True)
    if proven.status is Status.KEY_REJECTED and sent.status is Status.DONE:
        detail = "the meter took the new keys and does not know them"
        return Outcome(Status.NOT_APPLIED, acted=True, detail=detail)
    return Outcome(Status.UNKNOWN, acted=True, detail=proven.detail or sent.detail)


def _talk(generation: Generation, begin: Begin) -> Generator[Step, Outcome | None, Outcome]:
    outcome = yield Talk(generation, begin)
    assert outcome is not None, "a session ends with an outcome"
    return outcome


def _proves(moved: dict[TransferId, bytes]) -> bool:
    """Whether an association by the new keys could not have come about by the old ones."""
    return not moved.keys() <= {TransferId.GLOBAL_BROADCAST_ENCRYPTION}
