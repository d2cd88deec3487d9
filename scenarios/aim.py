"""Which devices a fault hits, where it names more than one.

A fault of the file becomes one fault for each device that it hits, before anything runs.  A share
is drawn for each device by itself, from the seed, the fault's kind and its time: raising a share
never heals a device, and adding one moves no other's luck.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from devices.chance import octets
from scenarios.cells import cells_of
from scenarios.fault_spec import ALL, FaultSpec, where
from scenarios.parts import BadScenario
from scenarios.schema import Scenario

ONE = 1 << 64


def aimed(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with one fault for each device that is hit.  Raises `BadScenario`."""
    aim = _Aim(scenario, seed)
    hits = [hit for number, spec in enumerate(scenario.fault, 1) for hit in aim.hits(number, spec)]
    return msgspec.structs.replace(scenario, fault=tuple(hits))


def drawn(seed: int, spec: FaultSpec, device: str) -> bool:
    """Whether a share hits this device."""
    if spec.share_of is None:
        return True
    draw = int.from_bytes(octets(seed, "share", spec.kind, spec.at, device, count=8), "big")
    return draw < spec.share_of * ONE


class _Aim:
    """The names of a field, by what a target may say."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._seed = seed
        spread = scenario.field.transformers()
        self._meters_of = {
            each.concentrator: [meter.name for meter in each.meters] for each in spread
        }
        self._cells = cells_of(scenario.field)
        self._meters = {meter.name for each in spread for meter in each.modules}
        self._areas = {area.name: area.concentrators for area in scenario.area}
        for area in scenario.area:
            for name in area.concentrators:
                if name not in self._meters_of:
                    raise BadScenario(f"area {area.name}: there is no concentrator {name!r}")

    def hits(self, number: int, spec: FaultSpec) -> Iterator[FaultSpec]:
        """One fault a device that is hit.  Raises `BadScenario` for a target that there is not."""
        place = where(spec.kind)
        if place == "surroundings":
            yield spec
            return
        for device in self._devices(number, spec, meters=place == "meter"):
            if drawn(self._seed, spec, device):
                yield msgspec.structs.replace(spec, target=device, share_of=None)

    def _devices(self, number: int, spec: FaultSpec, *, meters: bool) -> Sequence[str]:
        target, place = spec.target, where(spec.kind)
        of_link = place == "link"
        if (meters or of_link or place == "router") and target in self._meters:
            return [target]
        if place == "cell" and target in self._cells:
            return self._cells[target]
        if target == ALL:
            concentrators = [*self._meters_of]
        elif target in self._areas:
            concentrators = [*self._areas[target]]
        elif target in self._meters_of:
            concentrators = [target]
        else:
            customers = [name for names in self._meters_of.values() for name in names]
            known = customers if meters else [*self._meters_of]
            known = [*self._cells] if place == "cell" else known
            raise BadScenario(
                f"fault {number}: {spec.kind} hits one of {known[0]} to {known[-1]}, an area or"
                f" all, not {target!r}"
            )
        # A link that is hit by a share is a meter's; without one, a concentrator's whole line is.
        if meters or (of_link and spec.share_of is not None):
            return [name for each in concentrators for name in self._meters_of[each]]
        return concentrators
