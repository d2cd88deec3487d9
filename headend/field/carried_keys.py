"""New keys for meters with which a concentrator speaks: made and kept here, carried by it.

They are in the vault as pending before they leave, and become the current ones, or nobody's, by the
concentrator's word of what an association has shown.  Whatever is lost in between, both sets stay,
and the next attempt, of this order or of another, carries the same new keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from headend.domain.failure import Failure
from headend.domain.order import Kind
from headend.domain.reason import ReasonCode
from headend.field.direct.reporting import report
from headend.field.direct.trace import Trace
from headend.ports import Chance, Clock, Command, Field, Report, Store, Vault
from headend.registry.key_change import fresh_keys
from headend.registry.seal_keys import CONCENTRATOR_CLIENT, seal_key_of
from protocols.concentrator.keys import KeysWanted, KeyWrapped, seal
from protocols.concentrator.messages import Result, Status
from protocols.dlms.key_wrap import changed

SETUP = f"0.0.43.0.{CONCENTRATOR_CLIENT}.255"
"""Its client's security setup: setup and counter share value group E (Blue Book, 6.2)."""
SIZE = 16  # of keys: a transfer of longer ones may be on its way for longer than is allowed for


@dataclass(frozen=True, slots=True)
class CarriedKeys:
    """See the module.  `concentrators` is the way by which commands go."""

    concentrators: Field
    store: Store
    clock: Clock
    chance: Chance
    vault: Vault | None  # None where no keys are kept

    async def change(
        self, command: Command, on_accepted: Callable[[], Awaitable[None]] | None, again: bool
    ) -> Report:
        """Have a change of keys carried out.  Raises KeysUnreadable, KeyShared."""
        wanted = await self._wanted(command)
        if isinstance(wanted, Failure):
            return report(command, wanted, Trace(self.clock), None, self.clock.now())
        command = replace(command, keys=wanted)
        return await self.concentrators.perform(command, on_accepted=on_accepted, again=again)

    async def _wanted(self, command: Command) -> KeysWanted | Failure:
        """The pending keys, new ones where there are none, as the concentrator gets them."""
        vault, meter = self.vault, command.meter
        if vault is None:
            return _lacking("no keys are kept here", "set keys.envelope_file in the configuration")
        key = await seal_key_of(vault, command.concentrator)
        if key is None:
            return _lacking(
                f"nothing can be sealed for {command.concentrator}",
                f"enter its key: ami concentrator add {command.concentrator} --seal-key FILE",
            )
        known = await vault.keys(meter, CONCENTRATOR_CLIENT)
        if known is None or known.current.keys.master is None:
            return _lacking(
                f"the keys of client {CONCENTRATOR_CLIENT}, or its master key, are not known",
                f"enter them: ami meter add {meter} --key"
                f" {CONCENTRATOR_CLIENT}:ENCRYPTION:AUTHENTICATION:MASTER",
            )
        old = known.current.keys
        if len(old.encryption) != SIZE:
            return _lacking("keys of 32 octets", "change them at the concentrator")
        if known.pending is None:
            new = fresh_keys(old, lambda count: self.chance.octets("meter keys", count))
            await vault.remember(meter, CONCENTRATOR_CLIENT, new)
            known = await vault.keys(meter, CONCENTRATOR_CLIENT)
        assert known is not None and known.pending is not None and old.master is not None
        new = known.pending.keys
        sealed = seal(
            key,
            old,
            new,
            concentrator=command.concentrator,
            meter=meter,
            order=str(command.order),
        )
        wrapped = tuple(
            KeyWrapped(name, aes_key_wrap(old.master, each))
            for name, each in changed(old, new).items()
        )
        return KeysWanted(known.pending.counted_by, SETUP, wrapped, sealed)

    async def told(self, concentrator: str, result: Result) -> bool:
        """A concentrator's word of a change, expected or late: keep what was proven, before anybody
        receipts it.  Whose order it is was looked at; another one's word changes nothing."""
        told, vault = result.keys, self.vault
        if told is None or vault is None or not result.order.isdecimal():
            return False
        order = await self.store.run(lambda tx: tx.order(int(result.order)))
        if order is None or order.kind is not Kind.CHANGE_KEYS:
            return False
        if (order.concentrator, order.meter) != (concentrator, result.meter):
            return False
        known = await vault.keys(order.meter, CONCENTRATOR_CLIENT)
        if known is None or known.pending is None:
            return False
        if known.pending.counted_by != told.generation:
            return False  # of a change that was settled before
        if told.proven == "new":
            await vault.promote(order.meter, CONCENTRATOR_CLIENT)
        elif told.proven == "old" and result.status is Status.REFUSED:
            await vault.forget(order.meter, CONCENTRATOR_CLIENT)
        return False


def _lacking(why: str, next_step: str) -> Failure:
    return Failure(ReasonCode.KEYS_OF_CONCENTRATOR, why, next_step)
