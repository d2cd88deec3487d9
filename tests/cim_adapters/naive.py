"""A data layer over a list: what the rules say, with nothing clever about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from headend.integration.cim.layer import Page, Selection, Via
from protocols.cim.profile.instance import Instance, Position, position
from protocols.cim.profile.model import CimClass, Profile


class Naive:
    """Holds instances; keys are compared as text."""

    def __init__(self, profile: Profile, instances: Iterable[Instance]) -> None:
        self._profile = profile
        self._all = sorted(instances, key=lambda it: position(profile, it))

    def _of(self, cls: CimClass) -> list[Instance]:
        return [it for it in self._all if cls in self._profile.lineage(it.cls)]

    def _key(self, instance: Instance) -> str:
        return position(self._profile, instance)[1]

    def chosen(self, selection: Selection) -> list[Instance]:
        """All that is selected, in order."""
        found = self._of(selection.target)
        for condition in selection.conditions:
            name, value = condition.attribute.name, condition.value
            found = [it for it in found if it.attributes.get(name) == value]
        via = selection.via
        if via is not None:
            found = [it for it in found if self._is_at_the_end(it, via)]
        return found

    def _is_at_the_end(self, instance: Instance, via: Via) -> bool:
        association = via.association
        sources = [it for it in self._of(via.source) if self._key(it) in via.ids]
        back = instance.references.get(association.inverse)
        there = [it.references.get(association.name) for it in sources]
        if back not in via.ids and (association.many or self._key(instance) not in there):
            return False
        if via.window is None:
            return True
        at = instance.attributes[association.history]
        return via.window.start <= at < via.window.end  # type: ignore[operator]

    async def page(self, selection: Selection, after: Position | None, limit: int) -> Page:
        places = [(position(self._profile, it), it) for it in self.chosen(selection)]
        left = [(place, it) for place, it in places if after is None or place > after]
        further = left[limit - 1][0] if len(left) > limit else None
        return Page(tuple(it for _, it in left[:limit]), further)

    async def known(self, cls: CimClass, ids: Collection[str]) -> frozenset[str]:
        return frozenset(self._key(it) for it in self._of(cls)) & frozenset(ids)
