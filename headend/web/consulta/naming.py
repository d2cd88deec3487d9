"""What other systems call a circuit of SIAD's: by the Unified Repository, and as was mapped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from headend.domain.feeder import BY_HAND, FeederMapping
from headend.ports.adapters import AdapterFailed, Asked
from headend.web.consulta.asking import REPOSITORY, Conversation

CLASSES = {"SIAD": "CFE_Circuit", "SIMOCE": "Feeder", "SCADA": "Feeder", "VIP": "CFE_Circuit"}


async def names_in(
    talk: Conversation, system: str, mapped: Iterable[FeederMapping] = ()
) -> Mapping[str, str]:
    """Keys in a system by SIAD's.  SIMOCE's that the repository does not have are as they were
    mapped by hand or by rule; one that is left to people has none.  Raises `AdapterFailed`."""
    found: dict[str, str] = {}
    apart: set[str] = set()
    if system == "SIMOCE":
        mapped = [*mapped]
        found = {it.siad: it.simoce for it in mapped if it.siad and it.simoce}
        apart = {it.siad for it in mapped if it.siad and not it.simoce and it.how == BY_HAND}
    try:
        ours, theirs = await asyncio.gather(_elements(talk, "SIAD"), _elements(talk, system))
    except AdapterFailed:
        if found:
            return found
        raise
    by_element = {element: name for name, element in theirs.items()}
    known = {
        key: by_element[it] for key, it in ours.items() if it in by_element and key not in apart
    }
    return {**known, **found}


async def _elements(talk: Conversation, system: str) -> dict[str, str]:
    """The element that each name of a system is of."""
    where = {"system": system, "className": CLASSES[system]}
    names = await talk.get(REPOSITORY, Asked("CFE_MappedName", where=where))
    return {
        it.attributes["name"]: it.references["Element"]
        for it in names
        if "Element" in it.references
    }
