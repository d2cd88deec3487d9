"""The key by which new keys of meters are sealed for their concentrator: one for each, 32 octets.

It comes with the device, or from its maker's tool, and lies in the vault as passwords do.
"""

from __future__ import annotations

from headend.ports import Vault
from protocols.concentrator.keys import SEAL_KEY_OCTETS

_OWN = 0  # no client of any meter
CONCENTRATOR_CLIENT = 5
"""The client as which a concentrator speaks with its meters (docs/security.md)."""


async def seal_key_of(vault: Vault, concentrator: str) -> bytes | None:
    """None where nobody has entered one."""
    return await vault.password(_owner(concentrator), _OWN)


async def install_seal_key(vault: Vault, concentrator: str, key: bytes) -> None:
    """Take it in place of the one before.  Raises ValueError for another size."""
    if len(key) != SEAL_KEY_OCTETS:
        raise ValueError(f"a concentrator's key has {SEAL_KEY_OCTETS} octets, not {len(key)}")
    await vault.install_password(_owner(concentrator), _OWN, key)


def _owner(concentrator: str) -> str:
    return f"concentrator {concentrator}"  # with a blank, which no meter's name has
