"""One view of the exploration: a place of the tree, and what was asked about it."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from headend.domain.feeder import KeptInstance
from headend.ports.adapters import AdapterFailed, Asked
from headend.web.consulta.asking import Conversation, Said
from headend.web.consulta.naming import names_in
from headend.web.consulta.organisation import (
    CIRCUIT,
    LEVELS,
    REQUESTS,
    ZONE,
    Organisation,
    Place,
    organised,
    place_of,
)
from protocols.cim.profile import reading

SIAD: Final = "SIAD"


class Show(enum.StrEnum):
    """What is asked about a place."""

    INFORMATION = "information"
    SERVICES = "services"  # on a zone
    VIP = "vip"  # on a circuit


ONLY_ON: Final = {Show.SERVICES: ZONE, Show.VIP: CIRCUIT}


@dataclass(slots=True)
class View:
    """`missing` is True where the place is not known.  `failed` is why a system gave no answer."""

    organisation: Organisation
    selected: KeptInstance | None
    show: Show = Show.INFORMATION
    missing: bool = False
    found: list[KeptInstance] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    failed: AdapterFailed | None = None
    vip_name: str | None = None
    """What the system of VIP customers calls the circuit."""

    @property
    def path(self) -> list[KeptInstance]:
        return [] if self.selected is None else self.organisation.path(self.selected)

    def open(self, it: KeptInstance) -> bool:
        """Whether what is below is shown."""
        return it in self.path or it in self.organisation.roots

    def below(self, it: KeptInstance) -> Sequence[KeptInstance]:
        return self.organisation.below.get(place_of(it), ())

    @property
    def shows(self) -> list[Show]:
        """What may be asked about the place."""
        cls = None if self.selected is None else self.selected.cls
        return [each for each in Show if ONLY_ON.get(each, cls) == cls]

    @property
    def attributes(self) -> list[tuple[str, str, str]]:
        """Name, value and unit of each that is known, in the profile's order."""
        if self.selected is None:
            return []
        profile = reading.profile(SIAD.lower())
        known = profile.attributes(profile[self.selected.cls])
        said = self.selected.attributes
        return [(name, said[name], known[name].unit) for name in known if name in said]

    @property
    def references(self) -> list[tuple[str, KeptInstance | None, str]]:
        """Association, the place that it leads to, and its key."""
        if self.selected is None:
            return []
        by_key: dict[str, KeptInstance] = {}
        for each in self.organisation.path(self.selected):
            by_key.setdefault(each.key, each)
        return [(name, by_key.get(key), key) for name, key in self.selected.references.items()]

    @property
    def taken_at(self) -> datetime | None:
        """When the database took this from SIAD."""
        return None if self.selected is None else self.selected.taken_at


async def on_line(talk: Conversation, place: Place | None, show: Show) -> View:
    """A view as the adapters answer it now."""
    organisation = Organisation()
    try:
        organisation = await tree(talk)
        view = chosen(organisation, place, show)
        view.said = talk.said
        if view.selected is not None:
            before = len(talk.said)
            await _ask(talk, view)
            view.said = talk.answering(before)
        return view
    except AdapterFailed as error:
        return View(organisation, organisation.known.get(place or ("", "")), show,
                    said=talk.said, failed=error)  # fmt: skip


def chosen(organisation: Organisation, place: Place | None, show: Show) -> View:
    """The place that was asked for; the first region where none was."""
    if place is not None:
        selected = organisation.known.get(place)
        return View(organisation, selected, show, missing=selected is None)
    return View(organisation, next(iter(organisation.roots), None), show)


async def tree(talk: Conversation) -> Organisation:
    """The organisation.  Raises `AdapterFailed`."""
    answers = await asyncio.gather(*(talk.get(SIAD, Asked(cls)) for cls in LEVELS))
    return organised(each for answer in answers for each in answer)


async def _ask(talk: Conversation, view: View) -> None:
    assert view.selected is not None
    cls, key = place_of(view.selected)
    match view.show:
        case Show.INFORMATION:
            found = await talk.get(SIAD, Asked(cls, where={"mRID": key}))
            view.selected = next((it for it in found if it.cls == cls), view.selected)
        case Show.SERVICES:
            view.found = services(await talk.along(SIAD, cls, "ServiceRequests", [key]))
        case Show.VIP:
            view.vip_name = (await names_in(talk, "VIP")).get(key)
            if view.vip_name is not None:
                view.found = await talk.along("VIP", cls, "VIPCustomers", [view.vip_name])


def services(found: Sequence[KeptInstance]) -> list[KeptInstance]:
    """Customers' requests, the newest first."""
    asked = (each for each in found if each.cls in REQUESTS)
    return sorted(asked, key=lambda it: it.attributes["createdDateTime"], reverse=True)
