"""The data layer of the AMI/MDM adapter: this head-end's own meters, from its own store.

    Meter        the registry's, by name             UsagePoint   a service point of its places
    Analog       METER.WORD, one for each quantity   AnalogValue  rows of the load profile
                 that the meter is known to measure

Which quantities a meter measures is known from what came of it, so analogs are found by looking at
meters: a page looks at a bounded number of them, and may hold fewer instances than it might.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

from headend.domain.measured import Quantity
from headend.domain.meter import Meter
from headend.domain.place import PlaceKind
from headend.integration.cim.ami_instances import (
    AT_ONCE,
    BY_ORDER,
    LAST,
    ServicePoint,
    all_meters,
    analog_instance,
    analog_key,
    analog_of,
    meter_instance,
    meters_of,
    service_point,
    usage_point_instance,
    value_instance,
)
from headend.integration.cim.filling import Filling, instant_in
from headend.integration.cim.layer import (
    BadPosition,
    Page,
    Selection,
    SourceUnavailable,
    TooMuch,
)
from headend.ports import StoreUnavailable
from headend.store import measured_queries, queries, registry_queries
from headend.store.queries import Connection
from protocols.cim.profile import reading
from protocols.cim.profile.instance import Position
from protocols.cim.profile.model import CimClass, Profile

T = TypeVar("T")

METERS_MAX = 2_000
"""That one page of analogs or service points looks at."""

_TICK = timedelta(microseconds=1)


class Reads(Protocol):
    """Runs a question in a reading transaction, outside the loop where that is allowed."""

    def __call__(self, query: Callable[[Connection], T]) -> Awaitable[T]: ...


class AmiLayer:
    """A `DataLayer`.  `system` is what the head-end is called (Meter.amrSystem)."""

    def __init__(self, read: Reads, system: str) -> None:
        self._read, self._system = read, system
        self._profile: Profile = reading.profile("ami")

    async def page(self, selection: Selection, after: Position | None, limit: int) -> Page:
        """At most `limit` instances behind a position."""

        def work(connection: Connection) -> Page:
            return _Asking(connection, self._profile, self._system, selection, limit).page(after)

        return await self._asked(work)

    async def known(self, cls: CimClass, ids: Collection[str]) -> frozenset[str]:
        """Which of these keys are those of instances of a class or its subclasses."""
        classes = {each.name for each in self._profile.concrete(cls)}

        def work(connection: Connection) -> frozenset[str]:
            found: set[str] = set()
            for id in ids:
                if (
                    ("Meter" in classes and queries.meter(connection, id) is not None)
                    or ("UsagePoint" in classes and service_point(connection, id) is not None)
                    or ("Analog" in classes and analog_of(connection, id) is not None)
                ):
                    found.add(id)
            return frozenset(found)

        return await self._asked(work)

    async def _asked(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._read(work)
        except StoreUnavailable as error:
            raise SourceUnavailable(str(error)) from error


class _Asking:
    """One page of one selection, in one reading transaction."""

    def __init__(
        self,
        connection: Connection,
        profile: Profile,
        system: str,
        selection: Selection,
        limit: int,
    ) -> None:
        self._connection, self._profile, self._system = connection, profile, system
        self._selection, self._via = selection, selection.via
        self._filled = Filling(selection.conditions, limit)

    def page(self, after: Position | None) -> Page:
        """What there is behind a position."""
        of = {
            "Analog": self._analogs,
            "AnalogValue": self._values,
            "Meter": self._meters,
            "UsagePoint": self._usage_points,
        }
        for cls in self._profile.concrete(self._selection.target):
            behind: Sequence[str] | None = None
            if after is not None:
                if cls.name < after[0]:
                    continue
                if cls.name == after[0]:
                    behind = after[1:]
                    if len(behind) != len(self._profile.key(cls)):
                        raise BadPosition("no key of this class")
            of[cls.name](cls, behind)
            if self._filled.ended:
                break
        return self._filled.page()

    def _wanted(self, *names: str) -> str | None:
        """What a condition wants one of these attributes to be, which have the same value."""
        for condition in self._selection.conditions:
            if condition.attribute.name in names:
                return str(condition.value)
        return None

    # Meters.

    def _meters(self, cls: CimClass, behind: Sequence[str] | None) -> None:
        after = "" if behind is None else behind[0]
        for meter in self._candidates(after):
            self._filled.add(
                (cls.name, meter.name), meter_instance(self._connection, cls, meter, self._system)
            )
            if self._filled.full:
                return

    def _candidates(self, after: str) -> Iterator[Meter]:
        """The meters that a selection of meters can be about, behind a name."""
        via = self._via
        if via is not None:
            names = self._meters_at_the_end()
        elif (named := self._wanted("mRID", "name", "serialNumber")) is not None:
            names = [named]
        elif self._wanted("amrSystem") not in (None, self._system):
            names = []
        else:
            yield from all_meters(self._connection, after)
            return
        for name in sorted(set(names)):
            if name > after and (meter := queries.meter(self._connection, name)) is not None:
                yield meter

    def _meters_at_the_end(self) -> list[str]:
        assert self._via is not None
        match self._via.association.name:
            case "EndDevices":
                points = (service_point(self._connection, id) for id in self._via.ids)
                return [it.name for point in points if point for it in point.meters]
            case "PowerSystemResource":
                found = (analog_of(self._connection, id) for id in self._via.ids)
                return [each[0].name for each in found if each is not None]
        return []

    # Service points.

    def _usage_points(self, cls: CimClass, behind: Sequence[str] | None) -> None:
        after = "" if behind is None else behind[0]
        for looked_at, found in enumerate(self._points(after), 1):
            self._filled.add((cls.name, found.place.code), usage_point_instance(cls, found))
            if self._filled.full:
                return
            if looked_at == METERS_MAX:
                self._filled.looked_up_to = (cls.name, found.place.code)
                return

    def _points(self, after: str) -> Iterator[ServicePoint]:
        via = self._via
        if via is not None:
            codes = (registry_queries.hangs_at(self._connection, id) for id in via.ids)
            wanted = sorted({it for it in codes if it is not None and it > after})
        elif (key := self._wanted("mRID")) is not None:
            wanted = [key] if key > after else []
        else:
            while page := registry_queries.places(
                self._connection, kind=PlaceKind.SERVICE_POINT, after=after, limit=AT_ONCE
            ):
                for point in page:
                    yield ServicePoint(point, meters_of(self._connection, point.code))
                after = page[-1].code
            return
        for code in wanted:
            if (found := service_point(self._connection, code)) is not None:
                yield found

    # Analogs.

    def _analogs(self, cls: CimClass, behind: Sequence[str] | None) -> None:
        after_meter, after_word = ("", "")
        if behind is not None:
            after_meter, dot, after_word = behind[0].rpartition(".")
            if not dot:
                raise BadPosition("no key of an analog")
        wanted = [each for each in BY_ORDER if self._may_be(cls, each)]
        if not wanted:
            return
        meters = self._measuring(after_meter, begun=after_word != LAST)
        for looked_at, meter in enumerate(meters, 1):
            known = measured_queries.present(self._connection, meter.name)
            for quantity in wanted:
                if quantity not in known:
                    continue
                if meter.name == after_meter and quantity.word <= after_word:
                    continue
                self._filled.add(
                    (cls.name, analog_key(meter, quantity)), analog_instance(cls, meter, quantity)
                )
            if self._filled.full:
                return
            if looked_at == METERS_MAX:
                # Behind all words of this meter, before those of any other.
                self._filled.looked_up_to = (cls.name, f"{meter.name}.{LAST}")
                return

    def _may_be(self, cls: CimClass, quantity: Quantity) -> bool:
        """Whether the conditions leave a quantity, whoever's it is."""
        known = analog_instance(cls, None, quantity).attributes
        return all(
            known[it.attribute.name] == it.value
            for it in self._selection.conditions
            if it.attribute.name in known and it.attribute.name not in ("mRID", "name")
        )

    def _measuring(self, after: str, *, begun: bool) -> Iterator[Meter]:
        """Meters whose analogs are selected, behind a name; where the page before ended in the
        midst of this meter's analogs (`begun`), with it."""
        names: list[str]
        if self._via is not None:
            names = sorted(set(self._via.ids))
        elif (key := self._wanted("mRID", "name")) is not None:
            names = [key.rpartition(".")[0]]
        else:
            if begun and after and (first := queries.meter(self._connection, after)) is not None:
                yield first
            yield from all_meters(self._connection, after)
            return
        for name in names:
            if name < after or (name == after and not begun):
                continue
            if (meter := queries.meter(self._connection, name)) is not None:
                yield meter

    # Values.

    def _values(self, cls: CimClass, behind: Sequence[str] | None) -> None:
        via = self._via
        if via is None or via.window is None:
            raise TooMuch("a history takes a window")
        for id in sorted(via.ids):
            found = analog_of(self._connection, id)
            if found is None or (behind is not None and id < behind[0]):
                continue
            begin = via.window.start
            if behind is not None and id == behind[0]:
                begin = max(begin, instant_in(behind[1]) + _TICK)
            values = measured_queries.history(
                self._connection,
                found[0].name,
                found[1],
                begin=begin,
                end=via.window.end,
                backwards=False,
                limit=self._filled.left,
            )
            for each in values:
                self._filled.add(*value_instance(cls, id, each))
            if self._filled.full:
                return
