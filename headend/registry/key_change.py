"""Change a meter's keys, durably: the order of steps is `protocols.dlms.key_change`.

What a step wants remembered is on disk before the next one begins, so a head-end that dies at any
point takes the change up again: `change` with a change under way goes on with the pending
keys, whatever new ones it is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import assert_never

from headend.ports import Generation, Vault
from protocols.concentrator.messages import Status
from protocols.dlms.key_change import (
    Forget,
    KeyChange,
    Promote,
    Remember,
    Talk,
    change_keys,
    settle_keys,
)
from protocols.dlms.key_change import Generation as Which
from protocols.dlms.keys import Keys, Secrets
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, Procedure
from protocols.dlms.procedures.security_setup import SECURITY_SETUP

Converse = Callable[[Generation, Procedure], Awaitable[Outcome]]
"""Holds one session with the meter under these keys and their counters.

It need not tell a lost answer from none: what is not known is found out by the next session.
"""


def fresh_keys(current: Keys, secrets: Secrets) -> Keys:
    """New keys for association and ciphering; the broadcast and the master key stay."""
    size = len(current.encryption)
    return Keys(secrets(size), secrets(size), current.broadcast, current.master)


async def change(
    vault: Vault,
    meter: str,
    client: int,
    wanted: Callable[[Keys], Keys],
    converse: Converse,
    setup: LogicalName = SECURITY_SETUP,
) -> Outcome:
    """Bring the meter to new keys, which `wanted` makes of the current ones.

    Ends as `protocols.dlms.key_change.change_keys` does; UNREPRESENTABLE where the current keys, or
    the master key that transfers others, are not known.  Raises KeysUnreadable, KeyShared.
    """
    known = await vault.keys(meter, client)
    if known is None or known.current.keys.master is None:
        return Outcome(Status.UNREPRESENTABLE, detail="no keys, or no master key, are known")
    pending = None if known.pending is None else known.pending.keys
    new = wanted(known.current.keys) if pending is None else pending
    steps = change_keys(known.current.keys, pending, new, setup)
    return await _carry_out(steps, vault, meter, client, converse)


async def settle(vault: Vault, meter: str, client: int, converse: Converse) -> Outcome | None:
    """Where a change was cut, find out which keys the meter has, so that others can talk to it;
    None where none was.  See `protocols.dlms.key_change.settle_keys`."""
    known = await vault.keys(meter, client)
    if known is None or known.pending is None:
        return None
    steps = settle_keys(known.current.keys, known.pending.keys)
    return await _carry_out(steps, vault, meter, client, converse)


async def _carry_out(
    steps: KeyChange, vault: Vault, meter: str, client: int, converse: Converse
) -> Outcome:
    try:
        step = next(steps)
        while True:
            answer: Outcome | None = None
            match step:
                case Remember(keys):
                    await vault.remember(meter, client, keys)
                case Promote():
                    await vault.promote(meter, client)
                case Forget():
                    await vault.forget(meter, client)
                case Talk(which, begin):
                    known = await vault.keys(meter, client)
                    assert known is not None, "keys are replaced, never lost"
                    generation = known.current if which is Which.CURRENT else known.pending
                    assert generation is not None, "remembered before they are used"
                    answer = await converse(generation, begin())
                case _:
                    assert_never(step)
            step = steps.send(answer)
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
