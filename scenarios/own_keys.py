"""The test keys of the meters that a story's head-end speaks with by itself: those behind a
gateway, and those with a line of their own.

    for meter, keys in own_keys(scenario, seed): ...

The keys of all others are their concentrator's affair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from devices.meter.foreign import MAKER
from devices.meter.identity import MANAGEMENT_CLIENT, MANUFACTURER, Identity
from headend.ports import Vault
from protocols.dlms.keys import Keys
from scenarios.field import registry_of
from scenarios.schema import Scenario


def own_keys(scenario: Scenario, seed: int) -> Iterator[tuple[str, Keys]]:
    """Each such meter, and its management client's keys with the master key that changes them."""
    foreign = {each.name for each in scenario.meter if each.foreign}
    for meter in registry_of(scenario).meters:
        if meter.address is not None:
            maker = MAKER if meter.name in foreign else MANUFACTURER
            identity = Identity(seed, int(meter.name), maker)
            keys = identity.keys(MANAGEMENT_CLIENT)
            yield meter.name, replace(keys, master=identity.master_key(MANAGEMENT_CLIENT))


async def enter_keys(vault: Vault, scenario: Scenario, seed: int) -> None:
    """Into a vault that may have them, or newer ones, from an earlier start."""
    for meter, keys in own_keys(scenario, seed):
        if await vault.keys(meter, MANAGEMENT_CLIENT) is None:
            await vault.install(meter, MANAGEMENT_CLIENT, keys)
