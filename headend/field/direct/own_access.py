"""What the head-end's own clients share with a meter: what lies in the vault, and counters."""

from __future__ import annotations

from dataclasses import dataclass

from headend.domain.meter import Meter
from headend.field.direct.access import Access, Credentials, MemoryCounters
from headend.models import Association, Model
from headend.ports import Vault


@dataclass(frozen=True, slots=True)
class OwnAccess:
    """Chooses the association and opens it.  `vault` is None where nothing is kept: then only
    public clients speak."""

    vault: Vault | None
    system_title: bytes

    async def role(self, meter: Meter, model: Model, *, acting: bool) -> str:
        """The association to use: to read the reader's, where we have what it needs."""
        reader = model.association[model.reads_as]
        if acting or not await self._opens(meter, reader):
            return model.acts_as
        return model.reads_as

    async def _opens(self, meter: Meter, association: Association) -> bool:
        shared = (await self.to(meter, association)).credentials
        return not (
            (association.takes_password and shared.password is None)
            or (association.ciphers and shared.keys is None)
            or (association.signs and shared.pairs is None)
        )

    async def to(self, meter: Meter, association: Association) -> Access:
        """The way in, as far as it is known; opening it says what is missing.

        Raises KeysUnreadable.
        """
        if self.vault is None:
            return Access()
        password = known = pairs = None
        if association.takes_password:
            password = await self.vault.password(meter.name, association.client)
        if association.ciphers:
            known = await self.vault.keys(meter.name, association.client)
        if association.signs:
            pairs = await self.vault.key_pairs(meter.name, association.client)
        return Access(
            self.system_title,
            Credentials(
                password=password,
                keys=None if known is None else known.current.keys,
                pairs=pairs,
                meter_title=title_of(meter),
            ),
            MemoryCounters() if known is None else self.vault.counters(known.current),
        )


def title_of(meter: Meter) -> bytes | None:
    """The only system title under which the meter is believed, where the registry names one."""
    return None if meter.title is None else bytes.fromhex(meter.title)
