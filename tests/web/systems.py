"""The utility's other systems, asked in this process: each message goes through its octets, the
adapter and back.  SIAD, VIP and the repository are databases; what SIMOCE and SCADA measured is
written down by the test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from headend.app.associations import question_of
from headend.integration.cim.adapter import Adapter
from headend.integration.cim.asking import following, instances_in, read, written
from headend.integration.cim.layer import Page, Selection
from headend.ports.adapters import AdapterFailed, Asked, Heard
from protocols.cim.bus import letter as letters
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.profile import reading
from protocols.cim.profile.instance import Instance, Position, position
from protocols.cim.profile.model import Profile
from scenarios.utility.measuring import QUANTITIES, Quantity
from scenarios.utility.model import Feeder, Utility
from scenarios.utility.naming import System, feeder_key
from tests.cim_adapters.doors import adapter
from tests.cim_adapters.naive import Naive
from tests.cim_adapters.utilities import STAMP, UTILITY, layer

Curve = Callable[[Feeder, Quantity, int], float | None]
"""What is measured of a feeder in the period that ends at a POSIX second; None: nothing good."""


class Measured(Naive):
    """The same over thousands of values: what an association leads to is found by its inverse."""

    def __init__(self, profile: Profile, instances: Iterable[Instance]) -> None:
        super().__init__(profile, instances)
        self._behind: defaultdict[tuple[str, str], list[tuple[Position, Instance]]]
        self._behind = defaultdict(list)
        for it in self._all:
            for name, key in it.references.items():
                self._behind[name, key].append((position(profile, it), it))

    async def page(self, selection: Selection, after: Position | None, limit: int) -> Page:
        via = selection.via
        if via is None:
            return await super().page(selection, after, limit)
        window = via.window
        left = [
            (place, it)
            for key in sorted(via.ids)
            for place, it in self._behind[via.association.inverse, key]
            if (after is None or place > after)
            and (window is None or window.start <= it.attributes["timeStamp"] < window.end)  # type: ignore[operator]
        ]
        left.sort(key=lambda pair: pair[0])
        further = left[limit - 1][0] if len(left) > limit else None
        return Page(tuple(it for _, it in left[:limit]), further)


@dataclass
class InProcess:
    """See `ports.adapters.Adapters`.  `away` are systems that do not answer; `asked` counts."""

    adapters: Mapping[str, Adapter]
    away: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def get(
        self, system: str, asked: Asked, heard: Heard | None = None
    ) -> AsyncIterator[Instance]:
        self.asked.append((system, asked.cls))
        if system in self.away:
            raise AdapterFailed("adapter-away", f"{system} does not answer")
        question: Message | None = question_of(asked, STAMP)
        while question is not None:
            sent = written(question)
            octets = await self.adapters[system](letters.read(sent), "TABLERO")
            if heard is not None:
                heard(sent, octets)
            reply = read(octets)
            failed = reply.reply is None or reply.reply.result is Result.FAILED
            assert not failed, f"{system} refuses {asked}"
            for each in instances_in(reply):
                yield each
            question = following(question, reply, lambda: STAMP)


def systems(
    folder: Path,
    *,
    simoce: Curve = lambda feeder, quantity, at: None,
    scada: Curve = lambda feeder, quantity, at: None,
    seconds: range = range(0),
    now: datetime = datetime(2026, 7, 6, tzinfo=UTC),
    utility: Utility = UTILITY,
) -> InProcess:
    """All of them.  SIMOCE has values of the periods that end at `seconds`."""
    made = {
        reading.profile(name).name: adapter(reading.profile(name), layer(name, folder, utility))
        for name in ("siad", "vip", "repository")
    }
    measured = {
        System.SIMOCE: (simoce, seconds),
        System.SCADA: (scada, range(int(now.timestamp()), int(now.timestamp()) + 1)),
    }
    for system, (curve, at) in measured.items():
        profile = reading.profile(system.lower())
        found = _measured(system, utility, curve, at)
        made[system.value] = adapter(profile, Measured(profile, found))
    return InProcess(made)


def _measured(system: System, utility: Utility, curve: Curve, at: range) -> Iterator[Instance]:
    profile = reading.profile(system.lower())
    for feeder in utility.feeders:
        key = feeder_key(system, feeder)
        yield Instance(profile["Feeder"], {"mRID": key, "name": key})
        for quantity in QUANTITIES:
            analog = f"{key}.{quantity.measurement}.{quantity.phases}"
            kilo = quantity.unit.startswith("k")
            yield Instance(
                profile["Analog"],
                {
                    "mRID": analog,
                    "name": quantity.measurement,
                    "measurementType": quantity.measurement,
                    "phases": quantity.phases,
                    "unitMultiplier": "k" if kilo else "none",
                    "unitSymbol": quantity.unit.removeprefix("k"),
                },
                {"PowerSystemResource": key},
            )
            for second in at:
                value = curve(feeder, quantity, second)
                said: dict[str, str | float | datetime] = {
                    "timeStamp": datetime.fromtimestamp(second, UTC),
                    "quality": "bad" if value is None else "good",
                }
                if value is not None:
                    said["value"] = value
                yield Instance(profile["AnalogValue"], said, {"Analog": analog})
