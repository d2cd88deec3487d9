"""How the division is organised: region, zone, area, substation, circuit, as SIAD tells it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from headend.domain.feeder import KeptInstance

REGION, ZONE, AREA = "GeographicalRegion", "CFE_Zone", "CFE_DistributionArea"
SUBSTATION, CIRCUIT = "Substation", "CFE_Circuit"
LEVELS: Final = (REGION, ZONE, AREA, SUBSTATION, CIRCUIT)
_PARENTS: Final = {
    ZONE: (("Region", REGION),),
    AREA: (("Zone", ZONE),),
    SUBSTATION: (("Area", AREA), ("Region", ZONE)),
    CIRCUIT: (("NormalEnergizingSubstation", SUBSTATION),),
}
"""Who is above: the first of these associations that leads to somebody."""

REQUESTS: Final = (
    "CFE_NewServiceRequest", "CFE_InstallationChangeRequest", "CFE_LoadChangeRequest",
    "CFE_ProvisionalServiceRequest",
)  # fmt: skip

Place = tuple[str, str]
"""A class and a key."""


def place_of(it: KeptInstance) -> Place:
    return it.cls, it.key


@dataclass(frozen=True, slots=True)
class Organisation:
    """The tree; `below` are in order of their names."""

    known: dict[Place, KeptInstance] = field(default_factory=dict)
    below: dict[Place, list[KeptInstance]] = field(default_factory=dict)
    roots: list[KeptInstance] = field(default_factory=list)

    def above(self, it: KeptInstance) -> KeptInstance | None:
        """Whose part it is."""
        for association, cls in _PARENTS.get(it.cls, ()):
            found = self.known.get((cls, it.references.get(association, "")))
            if found is not None:
                return found
        return None

    def path(self, it: KeptInstance) -> list[KeptInstance]:
        """From the root down to it."""
        found = [it]
        while (upper := self.above(found[0])) is not None:
            found.insert(0, upper)
        return found

    def within(self, it: KeptInstance, cls: str) -> KeptInstance | None:
        """Who of a class is above it, or it itself."""
        here: KeptInstance | None = it
        while here is not None and here.cls != cls:
            here = self.above(here)
        return here

    def circuits(self, place: Place | None = None) -> list[KeptInstance]:
        """The circuits of a place, of all where none is named."""
        return self.places(CIRCUIT, within=place)

    def places(self, *classes: str, within: Place | None = None) -> list[KeptInstance]:
        """Those of some classes, in the order of the tree; of a place, where one is named."""
        tops = self.roots
        if within is not None:
            tops = [self.known[within]] if within in self.known else []
        return [each for top in tops for each in self._down(top) if each.cls in classes]

    def kilovolts(self, circuit: KeptInstance) -> float | None:
        """Nominal, between phases."""
        substation = self.within(circuit, SUBSTATION)
        text = None if substation is None else substation.attributes.get("nominalVoltage")
        return None if text is None else float(text)

    def volts(self, circuit: KeptInstance) -> float | None:
        """The same in volts."""
        kilovolts = self.kilovolts(circuit)
        return None if kilovolts is None else kilovolts * 1000

    def _down(self, it: KeptInstance) -> Iterator[KeptInstance]:
        yield it
        for each in self.below.get(place_of(it), ()):
            yield from self._down(each)


def organised(instances: Iterable[KeptInstance]) -> Organisation:
    """The tree of these."""
    made = Organisation({place_of(it): it for it in instances if it.cls in LEVELS})
    below: defaultdict[Place, list[KeptInstance]] = defaultdict(list)
    for each in sorted(made.known.values(), key=lambda it: (LEVELS.index(it.cls), it.name)):
        upper = made.above(each)
        if upper is None:
            made.roots.append(each)
        else:
            below[place_of(upper)].append(each)
    made.below.update(below)
    return made
