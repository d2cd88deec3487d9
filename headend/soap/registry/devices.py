"""MeterConfig and EndDeviceConfig: meters and concentrators made known, changed, taken down.

A meter is received in stock; where it hangs and behind what is MasterDataLinkageConfig's, and a
shipment's or commissioning's what it proves itself by.  Its model, names and way are changed in
stock alone, as by shipments; what the registry does not act upon is changed at any time.  A status
in a `change` asks for the step that leads there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.life_cycle import Step, beneath, stage_of
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.usage_point import Told
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.registry import lives
from headend.registry.lives import By
from headend.registry.receiving import correct, receive
from headend.registry.shipment.delivered import NAME
from headend.soap.registry import told as t
from headend.soap.registry.acts import Act, Came
from headend.soap.registry.device_said import Device, said
from headend.soap.registry.refusals import refused
from protocols.cim.record import Record
from protocols.cim.records.end_device_config_auto import EndDeviceConfig
from protocols.cim.records.meter_config_auto import MeterConfig


@dataclass(frozen=True, slots=True)
class Devices:
    """What MeterConfig and EndDeviceConfig ask of the registry.  `models` are those that the
    head-end can speak with; `now` is the door's clock."""

    settling: Settling
    models: Collection[str]
    now: Callable[[], datetime]

    def acts(self, verb: str, record: Record) -> Iterator[Act]:
        """One for each device of a MeterConfig or EndDeviceConfig.  Raises `RequestRefused`."""
        assert isinstance(record, MeterConfig | EndDeviceConfig)
        items = record.meter if isinstance(record, MeterConfig) else record.end_device
        for item in items:
            device = said(record, item, self.models)
            does = {"create": self._create, "change": self._change, "delete": self._delete}[verb]
            yield Act(device.one.id(device.kind), _bound(does, device), device.why)

    def _create(self, device: Device, tx: Transaction, by: By) -> Came:
        if device.kind is Told.CONCENTRATOR:
            return _put_concentrator(device, tx, by, new=True)
        name, at = device.one.name, device.one.id(device.kind)
        if NAME.fullmatch(name) is None:
            text = "letras, cifras y . _ / - (64 a lo más)"
            raise refused("2.4", f"NOMBRE_NO_ADMITIDO: se admiten {text}", at)
        _check_concentrator(device, tx)
        meter = tx.meter(name)
        before, _ = t.kept(tx, Told.METER, name)
        fields = t.merged(before, device.fields)
        done = "received in stock"
        passed_over = device.passed_over
        if device.status is not None and device.status.value not in (None, "", Stage.IN_STOCK):
            passed_over += ("status",)
        if meter is None:
            receive(tx, Meter(name, **device.own), by)
        else:
            if stage_of(meter) is Stage.REMOVED:
                details = "MEDIDOR_RETIRADO: use change con status in-stock"
                raise refused("5.2", details, at)
            _agrees(device, tx, meter)
            done = "" if fields == before else "told more of"
        t.keep(tx, device.kind, device.one, name, fields, by)
        return Came(f"meter {name}", done, passed_over=passed_over)

    def _change(self, device: Device, tx: Transaction, by: By) -> Came:
        if device.kind is Told.CONCENTRATOR:
            return _put_concentrator(device, tx, by, new=False)
        name = t.known_as(tx, Told.METER, device.one)
        meter = lives.known(tx, name)
        before, _ = t.kept(tx, Told.METER, name)
        _check_concentrator(device, tx)
        after = correct(tx, meter, replace(meter, **device.own), by)
        fields = t.merged(before, device.fields)
        t.keep(tx, Told.METER, device.one, name, fields, by)
        said = ["changed"] if after != meter or fields != before else []
        step = _step(device, after)
        if step is not None:
            assert device.status is not None
            lives.move(tx, after, step, replace(by, why=device.status.reason or by.why))
            said.append(str(step))
        return Came(f"meter {name}", ", ".join(said), passed_over=device.passed_over)

    def _delete(self, device: Device, tx: Transaction, by: By) -> Came:
        name = t.known_as(tx, device.kind, device.one)
        if device.kind is Told.CONCENTRATOR:
            details = "CONCENTRADOR_NO_SE_RETIRA: el registro los conserva"
            raise refused("5.2", details, device.one.id(device.kind))
        gone = lives.remove(tx, name, by, self.settling, now=self.now())
        return Came(f"meter {name}", "removed", gone.orders)


def _bound(
    does: Callable[[Device, Transaction, By], Came], device: Device
) -> Callable[[Transaction, By], Came]:
    return lambda tx, by: does(device, tx, by)


def _agrees(device: Device, tx: Transaction, meter: Meter) -> None:
    """A meter may be known already, by its shipment or as EndDevice, if it is told to be as it is.
    Raises `RequestRefused` (2.4)."""
    before, mrid = t.kept(tx, Told.METER, meter.name)
    same = replace(meter, **device.own) == meter
    other_mrid = mrid is not None and device.one.mrid not in (None, mrid)
    if not same or other_mrid or t.contradicts(before, device.fields):
        details = "MEDIDOR_YA_REGISTRADO: con otros datos; use change"
        raise refused("2.4", details, device.one.id(Told.METER))


def _check_concentrator(device: Device, tx: Transaction) -> None:
    name = device.own.get("concentrator")
    if name is not None and tx.concentrator(name) is None:
        details = f"CONCENTRADOR_DESCONOCIDO: {name}"
        raise refused("2.29", details, device.one.id(device.kind))


def _step(device: Device, meter: Meter) -> Step | None:
    """The step to the stage that a change asks for; None where it stands there already.  Raises
    `RequestRefused` (1.8) where no step of this noun leads there."""
    word = None if device.status is None else device.status.value
    stage = stage_of(meter)
    if not word or word == stage:
        return None
    if word == Stage.BLOCKED:
        return Step.BLOCK
    if stage is Stage.BLOCKED and word == beneath(meter):
        return Step.UNBLOCK
    step = {Stage.IN_SERVICE.value: Step.SERVE, Stage.IN_STOCK.value: Step.RESTOCK}.get(word)
    if step is None:
        details = f"ESTADO_NO_ADMITIDO: {word[:40]!r} no se alcanza con change"
        raise refused("1.8", details, device.one.id(device.kind))
    return step


def _put_concentrator(device: Device, tx: Transaction, by: By, *, new: bool) -> Came:
    name = t.known_as(tx, Told.CONCENTRATOR, device.one)
    at = device.one.id(Told.CONCENTRATOR)
    known = tx.concentrator(name)
    before, _ = t.kept(tx, Told.CONCENTRATOR, name)
    if known is None and not new:
        raise refused("2.29", "CONCENTRADOR_DESCONOCIDO: el registro no lo conoce", at)
    if known is None and NAME.fullmatch(name) is None:
        raise refused("2.29", "NOMBRE_NO_ADMITIDO: letras, cifras y . _ / -", at)
    after = Concentrator(name, device.sim or (None if known is None else known.sim))
    fields = t.merged(before, device.fields)
    if new and known is not None and (after != known or t.contradicts(before, device.fields)):
        details = "CONCENTRADOR_YA_REGISTRADO: con otros datos; use change"
        raise refused("2.29", details, at)
    if after != known:
        tx.put_concentrators([after])
    t.keep(tx, Told.CONCENTRATOR, device.one, name, fields, by)
    said = "" if known == after and fields == before else "entered" if known is None else "changed"
    return Came(f"concentrator {name}", said, passed_over=device.passed_over)
