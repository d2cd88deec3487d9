"""SIADSimoceMapping: looks for feeders that the Unified Repository does not know, and maps them."""

from __future__ import annotations

from typing import Final

import msgspec

from headend.domain.task import Told
from headend.ports import Transaction
from headend.ports.adapters import AdapterFailed, Adapters, Asked
from headend.tasks.kinds import Kind
from headend.tasks.mapping import Named, Rule, mapped, standard_rules
from headend.tasks.work import Failed, Work
from protocols.cim.profile.instance import Instance


class MappingParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`rules` in place of those that come with the product, where any are named."""

    rules: tuple[Rule, ...] = ()


async def look(work: Work, parameters: MappingParameters) -> Told | Failed:
    """Compare both systems' feeders with what is mapped, and map what rules name."""
    await work.step("SIAD", 0, 3)
    siad = [_named(it) async for it in work.adapters.get("SIAD", Asked("CFE_Circuit"))]
    await work.step("SIMOCE", 1, 3)
    simoce = [_named(it) async for it in work.adapters.get("SIMOCE", Asked("Feeder"))]
    if not siad or not simoce:
        empty = "SIMOCE" if siad else "SIAD"
        return Failed("no-feeders", f"{empty} shows no feeder; what was mapped stays", retry=True)
    await work.step("Unified Repository", 2, 3)
    repository = await _repository(work, [each.key for each in siad])
    rules = parameters.rules or standard_rules()
    now = work.clock.now()

    def keep(tx: Transaction) -> Told:
        before = {it.siad for it in tx.feeder_mappings() if it.matched}
        fresh = mapped(siad, simoce, tx.feeder_mappings(), repository, rules, now)
        tx.keep_feeder_mappings(fresh)
        matched = {it.siad for it in fresh if it.matched}
        return {
            "mapped": len(matched),
            "new": len(matched - before),
            "unmatched_siad": sum(it.simoce is None for it in fresh),
            "unmatched_simoce": sum(it.siad is None for it in fresh),
        }

    told = await work.store.run(keep)
    if told["unmatched_siad"] or told["unmatched_simoce"]:
        await work.log("feeders are unmatched: map them by hand, ami feeder map")
    return told


def _named(instance: Instance) -> Named:
    key = str(instance.attributes["mRID"])
    return Named(key, str(instance.attributes.get("name", key)))


async def _repository(work: Work, keys: list[str]) -> dict[str, str]:
    """What the Unified Repository calls SIAD's circuits in SIMOCE; nothing where nobody says where
    it is."""
    found: dict[str, str] = {}
    try:
        elements = await _elements(work.adapters, "SIAD", "CFE_Circuit")
        others = await _elements(work.adapters, "SIMOCE", "Feeder")
    except AdapterFailed as error:
        if error.code != "no-adapter-configured":
            raise
        await work.log("no Unified Repository is configured: rules alone")
        return found
    simoce = {element: name for name, element in others.items()}
    for key in keys:
        element = elements.get(key)
        if element is not None and element in simoce:
            found[key] = simoce[element]
    return found


async def _elements(adapters: Adapters, system: str, cls: str) -> dict[str, str]:
    """The element that each of a system's names is of."""
    where = {"system": system, "className": cls}
    return {
        str(it.attributes["name"]): it.references["Element"]
        async for it in adapters.get("Repository", Asked("CFE_MappedName", where=where))
        if "Element" in it.references
    }


KIND: Final = Kind(
    name="SIADSimoceMapping",
    about="Maps SIAD's circuits to SIMOCE's feeders: by the Unified Repository, then by rules.",
    parameters=MappingParameters,
    work=look,
    standard=lambda settings: settings.mapping_at,
)
