"""MasterDataLinkageConfig: what belongs together, by the registry's own steps.

Of one message's element all that it names is linked: a meter with its usage point (installed;
`change` exchanges it for the one that hangs there; `delete` takes it down), meters with their
concentrator (linked, unlinked), usage points with the transformer that feeds them, and with the
commercial system's own objects, whose names are kept.  An element is done in full or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from headend.domain.life_cycle import Step, stage_of
from headend.domain.meter import Meter, Stage
from headend.domain.order import Order
from headend.domain.place import Place, PlaceKind
from headend.domain.usage_point import Told
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.registry import lives
from headend.registry.exchange import exchange
from headend.registry.lives import By
from headend.registry.supply import point_of, put_point
from headend.soap.registry import told as t
from headend.soap.registry.acts import Act, Came
from headend.soap.registry.refusals import refused
from headend.soap.registry.told import Called
from protocols.cim import linkage
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.errors import Identifier
from protocols.cim.linkage import Linkage
from protocols.cim.record import Record
from protocols.cim.records.master_linkage_config_auto import MasterDataLinkageConfig

# Of each field of a `Linkage` whose names are kept with the usage point: its CIM class.
RELATED: Final = {
    "customers": "Customer",
    "accounts": "CustomerAccount",
    "agreements": "CustomerAgreement",
    "service_locations": "ServiceLocation",
    "suppliers": "ServiceSupplier",
    "tariffs": "PricingStructure",
    "places": "UsagePointLocation",
}
_UNTAKEN: Final = {"com_modules": "ComModule", "auxiliary_agreements": "AuxiliaryAgreement"}


@dataclass(frozen=True, slots=True)
class Linkages:
    """What MasterDataLinkageConfig asks of the registry.  `now` is the door's clock."""

    settling: Settling
    now: Callable[[], datetime]

    def acts(self, verb: str, record: Record) -> Iterator[Act]:
        """One for the whole element.  Raises `RequestRefused`."""
        assert isinstance(record, MasterDataLinkageConfig)
        found = linkage.read(record)
        at = _first(found)
        _judge(found, at)

        def do(tx: Transaction, by: By) -> Came:
            return _Linking(tx, verb, found, at, self._timed(found, by, at), self).done()

        yield Act(at, do, found.reason or "")

    def _timed(self, found: Linkage, by: By, at: Identifier) -> By:
        """When it was so, as the message tells.  Raises `RequestRefused` (1.8)."""
        effective = found.effective
        if effective is None:
            return by
        if effective.tzinfo is None:
            raise refused("1.8", "FECHA_SIN_ZONA: effectiveDateTime lleva Z o su desfase", at)
        if effective > self.now():
            raise refused("1.8", "FECHA_FUTURA: effectiveDateTime está por llegar", at)
        return replace(by, at=effective)


def _first(found: Linkage) -> Identifier:
    """The object that errors about a linkage name."""
    for refs, kind in ((found.meters, Told.METER), (found.usage_points, Told.USAGE_POINT)):
        if refs:
            return Identifier(refs[0].value, refs[0].kind, t.OBJECT_TYPES[kind])
    return Identifier("MasterDataLinkageConfig", "other")


def _judge(found: Linkage, at: Identifier) -> None:
    """Raises `RequestRefused` for what a linkage cannot mean here."""
    untaken = [name for field_, name in _UNTAKEN.items() if getattr(found, field_)]
    if untaken:
        raise refused("1.8", f"CONTENIDO_NO_ADMITIDO: {', '.join(untaken)}", at)
    several = {
        "Meter con UsagePoint": len(found.meters) > 1 and found.usage_points,
        "UsagePoint con Meter": len(found.usage_points) > 1 and found.meters,
        "TransformerTank": len(found.transformers) > 1,
        **{name: len(getattr(found, field_)) > 1 for field_, name in RELATED.items()},
    }
    if said := [name for name, wrong in several.items() if wrong]:
        raise refused("2.29", f"VINCULO_AMBIGUO: más de uno, {', '.join(said)}", at)
    of_point = found.transformers or any(getattr(found, field_) for field_ in RELATED)
    if of_point and not found.usage_points:
        raise refused("2.29", "VINCULO_SIN_PUNTO: se espera UsagePoint", at)
    if found.meters and not (found.usage_points or found.devices):
        raise refused("2.29", "VINCULO_INCOMPLETO: se espera UsagePoint o EndDevice", at)
    if found.devices and not (found.meters or len(found.devices) > 1):
        raise refused("2.29", "VINCULO_SIN_MEDIDOR: se espera Meter", at)


@dataclass(slots=True)
class _Linking:
    """One element under way in its transaction."""

    tx: Transaction
    verb: str
    found: Linkage
    at: Identifier
    by: By
    desk: Linkages
    said: list[str] = field(default_factory=list)
    orders: tuple[Order, ...] = ()

    def done(self) -> Came:
        meters, concentrators = self._devices()
        points = [
            t.known_as(self.tx, Told.USAGE_POINT, _called(ref)) for ref in self.found.usage_points
        ]
        for code in points:
            self._supply(code)
        for name in meters:
            if points:
                self._hang(name, points[0])
            for concentrator in concentrators:
                self._link(name, concentrator)
        about = f"meter {meters[0]}" if meters else f"place {points[0]}"
        return Came(about, "; ".join(self.said), self.orders)

    def _devices(self) -> tuple[list[str], list[str]]:
        """Meters and concentrators: an EndDevice is either."""
        tx, concentrators = self.tx, list[str]()
        meters = [t.known_as(tx, Told.METER, _called(ref)) for ref in self.found.meters]
        for ref in self.found.devices:
            name = t.known_as(tx, Told.CONCENTRATOR, _called(ref))
            if tx.concentrator(name) is not None:
                concentrators.append(name)
                continue
            name = t.known_as(tx, Told.METER, _called(ref))
            if tx.meter(name) is None:
                raise refused("2.29", f"EQUIPO_DESCONOCIDO: EndDevice {name[:60]}", self.at)
            meters.append(name)
        if len(concentrators) > 1:
            raise refused("2.29", "VINCULO_AMBIGUO: más de un concentrador", self.at)
        if len(meters) > 1 and self.found.usage_points:
            raise refused("2.29", "VINCULO_AMBIGUO: más de un medidor en un punto", self.at)
        if concentrators and not meters:
            raise refused("2.29", "VINCULO_SIN_MEDIDOR: se espera Meter", self.at)
        return meters, concentrators

    # --- usage points ---

    def _supply(self, code: str) -> None:
        place, point = point_of(self.tx, code)
        if point.retired_at is not None:
            details = "PUNTO_RETIRADO: el punto ya no es de suministro"
            raise refused("2.12", details, self.at)
        parent = self._fed(place)
        related = dict(point.related)
        for name, wanted in self._related():
            there = related.get(name)
            if self.verb == "delete":
                if there != wanted:
                    raise refused("2.29", f"SIN_VINCULO: {name} {wanted[:60]} con {code}", self.at)
                del related[name]
            elif self.verb == "create" and there not in (None, wanted):
                details = f"YA_VINCULADO: {code} con {name} {there}; use change"
                raise refused("2.29", details, self.at)
            else:
                related[name] = wanted
        if (parent, related) != (place.parent, point.related):
            put_point(self.tx, replace(place, parent=parent), replace(point, related=related))
            self.said.append(f"{code} in {parent or 'nothing'}, of {len(related)}")

    def _related(self) -> Iterator[tuple[str, str]]:
        for each, name in RELATED.items():
            for ref in getattr(self.found, each):
                yield name, ref.value

    def _fed(self, place: Place) -> str | None:
        """What the point lies in after the message."""
        for ref in self.found.transformers:
            transformer = self.tx.place(ref.value)
            if transformer is None or transformer.kind is not PlaceKind.TRANSFORMER:
                details = f"TRANSFORMADOR_DESCONOCIDO: {ref.value[:60]}"
                raise refused("2.29", details, self.at)
            there = None if place.parent is None else self.tx.place(place.parent)
            if self.verb == "delete":
                if place.parent != transformer.code:
                    details = f"SIN_VINCULO: {place.code} con {transformer.code}"
                    raise refused("2.29", details, self.at)
                return transformer.parent
            other = there is not None and there.kind is PlaceKind.TRANSFORMER
            if self.verb == "create" and other and there != transformer:
                details = f"YA_VINCULADO: {place.code} con {place.parent}; use change"
                raise refused("2.29", details, self.at)
            return transformer.code
        return place.parent

    # --- meters ---

    def _hang(self, name: str, code: str) -> None:
        lives.known(self.tx, name)
        there = lives.hanging_at(self.tx, code)
        if self.verb == "delete":
            if there is None or there.meter != name:
                details = f"MEDIDOR_EN_OTRO_PUNTO: {name} no está en {code}"
                raise refused("2.13", details, self.at)
            now = self.desk.now()
            gone = lives.remove(self.tx, name, self.by, self.desk.settling, now=now)
            self.orders += gone.orders
            self.said.append(f"removed from {code}")
        elif there is None:
            lives.install(self.tx, name, code, self.by)
            self.said.append(f"installed at {code}")
        elif there.meter != name:
            if self.verb == "create":
                details = f"PUNTO_OCUPADO: {there.meter} está en {code}; use change"
                raise refused("2.13", details, self.at)
            done = exchange(
                self.tx, there.meter, name, self.by, self.desk.settling, now=self.desk.now()
            )
            self.orders += done.orders
            self.said.append(f"at {code} in place of {there.meter}")

    def _link(self, name: str, concentrator: str) -> None:
        meter = lives.known(self.tx, name)
        if self.verb == "delete":
            self._unlink(meter, concentrator)
        elif meter.concentrator != concentrator or stage_of(meter) is Stage.IN_STOCK:
            if self.verb == "create" and meter.concentrator not in (None, concentrator):
                details = f"YA_VINCULADO: {name} con {meter.concentrator}; use change"
                raise refused("2.29", details, self.at)
            lives.link(self.tx, name, concentrator, self.by)
            self.said.append(f"linked to {concentrator}")

    def _unlink(self, meter: Meter, concentrator: str) -> None:
        if meter.concentrator is None and self.found.usage_points:
            return  # it was removed by this very message, and its link with it
        if meter.concentrator != concentrator:
            details = f"SIN_VINCULO: {meter.name} con {concentrator}"
            raise refused("2.29", details, self.at)
        lives.move(self.tx, meter, Step.UNLINK, self.by)
        self.said.append(f"unlinked from {concentrator}")


def _called(ref: MeterRef) -> Called:
    return Called(ref.value, None, by_mrid=ref.kind == "uuid")
