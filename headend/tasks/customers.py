"""SIADCustomersInfo: the organisation and customers' service requests, from SIAD.

What SIAD shows is kept whole, in place of what it showed before, so that pages need not wait for
the network; and counted by day: customers and transformers of each circuit, requests of each zone
by class and status.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from headend.domain.feeder import CustomerCount, KeptInstance
from headend.domain.task import Told
from headend.ports import Transaction
from headend.ports.adapters import Adapters, Asked
from headend.tasks.kinds import Kind, NoParameters
from headend.tasks.work import Failed, Work
from protocols.cim.profile import lexical, reading
from protocols.cim.profile.instance import Instance

SIAD: Final = "SIAD"
ORGANISATION: Final = (
    "GeographicalRegion", "CFE_Zone", "CFE_DistributionArea", "Substation", "CFE_Circuit",
)  # fmt: skip
REQUESTS: Final = (
    "CFE_NewServiceRequest", "CFE_InstallationChangeRequest", "CFE_LoadChangeRequest",
    "CFE_ProvisionalServiceRequest",
)  # fmt: skip
CIRCUIT_COUNTS: Final = {"customerCount": "customers", "transformerCount": "transformers"}


async def load(work: Work, parameters: NoParameters) -> Told | Failed:
    """Fetch, keep and count."""
    classes = (*ORGANISATION, *REQUESTS)
    found: list[KeptInstance] = []
    for number, cls in enumerate(classes):
        await work.step(cls, number, len(classes))
        found += [kept(SIAD, each, work) for each in await _all(work.adapters, cls)]
    if not any(each.cls == "CFE_Circuit" for each in found):
        # An empty answer would empty the pages: more likely the system behind has a bad day.
        return Failed("no-circuits", "SIAD shows no circuit; what was known stays", retry=True)
    counts = [*counted(found, work.day)]

    def keep(tx: Transaction) -> None:
        tx.keep_instances(SIAD, classes, found)
        tx.put_customer_counts(work.day, counts)

    await work.store.run(keep)
    by_class = Counter(each.cls for each in found)
    return {
        "circuits": by_class["CFE_Circuit"],
        "zones": by_class["CFE_Zone"],
        "requests": sum(by_class[cls] for cls in REQUESTS),
        "customers": sum(each.count for each in counts if each.what == "customers"),
    }


async def _all(adapters: Adapters, cls: str) -> list[Instance]:
    return [each async for each in adapters.get(SIAD, Asked(cls)) if each.cls.name == cls]


def kept(adapter: str, instance: Instance, work: Work) -> KeptInstance:
    """An instance as it is kept: values as text."""
    profile = reading.profile(adapter.lower())
    (key,) = profile.key(instance.cls)
    attributes = {name: lexical.write(value) for name, value in instance.attributes.items()}
    return KeptInstance(
        adapter, instance.cls.name, attributes[key], attributes, dict(instance.references),
        work.clock.now(),
    )  # fmt: skip


def counted(instances: Iterable[KeptInstance], day: date) -> Iterator[CustomerCount]:
    """What is counted of them on a day."""
    requests: Counter[tuple[str, str]] = Counter()
    for each in instances:
        if each.cls == "CFE_Circuit":
            for attribute, what in CIRCUIT_COUNTS.items():
                if attribute in each.attributes:
                    count = int(each.attributes[attribute])
                    yield CustomerCount(day, each.cls, each.key, what, count)
        elif each.cls in REQUESTS:
            what = f"{each.cls}/{each.attributes['status']}"
            requests[each.references["Zone"], what] += 1
    for (zone, what), count in requests.items():
        yield CustomerCount(day, "CFE_Zone", zone, what, count)


KIND: Final = Kind(
    name="SIADCustomersInfo",
    about="Keeps SIAD's organisation and customers' service requests, and counts them by day.",
    parameters=NoParameters,
    work=load,
    standard=lambda settings: settings.customers_at,
)
