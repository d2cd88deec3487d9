"""MasterDataLinkageConfig: meters hung, exchanged, linked, taken down by the registry's steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from headend.domain.life_cycle import Step
from headend.domain.meter import Meter, Stage
from headend.domain.place import Place, PlaceKind
from headend.ports import Transaction
from headend.registry.lives import By, install, link, move
from protocols.cim import codec, exchange
from protocols.cim.codes import Result
from protocols.cim.envelope import Payload
from protocols.cim.records import master_linkage_config_auto as ml
from protocols.cim.records.parts_auto import ConfigurationEvent, TransformerTank
from tests import databases
from tests.soap.desk import AT
from tests.soap.registry.office import TYPED, Office, founded, linkage_config, names, told

OK = (Result.OK, ["0.0"])
YESTERDAY = AT - timedelta(days=1)


def _grid(tx: Transaction) -> None:
    """M1 in stock, M2 and M3 hang at P2 and P3; P1 is free; M2 is behind C1."""
    founded(tx)
    by = By("crew", AT - timedelta(days=30))
    tx.put_meters(Meter(f"M{n}", stage=Stage.IN_STOCK) for n in (1, 2, 3))
    points = [Place("P1", PlaceKind.SERVICE_POINT)]
    points += [Place(f"P{n}", PlaceKind.SERVICE_POINT, "T1") for n in (2, 3)]
    tx.put_places(points)
    for n in (2, 3):
        install(tx, f"M{n}", f"P{n}", by)
    link(tx, "M2", "C1", by)


def effective(at: datetime | None, reason: str = "") -> ConfigurationEvent:
    return ConfigurationEvent(effective_date_time=at, reason=reason or None)


async def test_all_that_one_message_names_is_linked(at: Office) -> None:
    await at.run(_grid)
    record = linkage_config(
        "M1", "P1", concentrator="C2", transformer="T2", customer="K-77",
        event=effective(YESTERDAY, "alta 5"),
    )  # fmt: skip
    assert told(await at.tell("create", record, TYPED)) == OK
    meter, place = await at.meter("M1"), await at.run(lambda tx: tx.place("P1"))
    assert meter is not None and (meter.stage, meter.concentrator) == (Stage.INSTALLED, "C2")
    assert place is not None and place.parent == "T2"
    (there,) = await at.run(lambda tx: tx.installations_at("P1"))
    assert (there.meter, there.since) == ("M1", YESTERDAY)
    life = await at.run(lambda tx: tx.life_of("M1"))
    assert [(line.step, line.who, line.why) for line in life] == [
        (Step.INSTALL, "COMERCIAL", "alta 5"), (Step.LINK, "COMERCIAL", "alta 5")
    ]  # fmt: skip
    shown = [each for each in await at.all_of("MasterDataLinkageConfig")
             if isinstance(each, ml.MasterDataLinkageConfig) and each.customer]  # fmt: skip
    assert shown == [linkage_config(
        "M1", "P1", concentrator="C2", transformer="T2", customer="K-77",
        event=effective(YESTERDAY))]  # fmt: skip
    assert told(await at.tell("create", record)) == OK
    assert len(await at.run(lambda tx: tx.life_of("M1"))) == 2


DONE: dict[str, tuple[str, Any, dict[str, tuple[Stage, str | None, str | None]]]] = {
    # name: (verb, record, of meters: stage, concentrator, where it hangs)
    "exchange": ("change", linkage_config("M1", "P2"), {
        "M1": (Stage.INSTALLED, None, "P2"), "M2": (Stage.REMOVED, None, None)}),
    "exchange and link": ("change", linkage_config("M1", "P2", concentrator="C1"), {
        "M1": (Stage.INSTALLED, "C1", "P2"), "M2": (Stage.REMOVED, None, None)}),
    "remove": ("delete", linkage_config("M2", "P2"), {"M2": (Stage.REMOVED, None, None)}),
    "remove with its link": ("delete", linkage_config("M2", "P2", concentrator="C1"), {
        "M2": (Stage.REMOVED, None, None)}),
    "link": ("create", linkage_config("M3", concentrator="C1"), {
        "M3": (Stage.INSTALLED, "C1", "P3")}),
    "link elsewhere": ("change", linkage_config("M2", concentrator="C2"), {
        "M2": (Stage.INSTALLED, "C2", "P2")}),
    "unlink": ("delete", linkage_config("M2", concentrator="C1"), {
        "M2": (Stage.INSTALLED, None, "P2")}),
    "as it is": ("create", linkage_config("M2", "P2", concentrator="C1", transformer="T1"), {
        "M2": (Stage.INSTALLED, "C1", "P2")}),
    "a meter as EndDevice": ("create", ml.MasterDataLinkageConfig(
        end_device=(ml.EndDevice(names=names("M3")), ml.EndDevice(names=names("C2")))), {
        "M3": (Stage.INSTALLED, "C2", "P3")}),
}  # fmt: skip


@databases.on_one
@pytest.mark.parametrize(("verb", "record", "after"), DONE.values(), ids=DONE)
async def test_a_step(at: Office, verb: str, record: Any, after: dict[str, object]) -> None:
    await at.run(_grid)
    assert told(await at.tell(verb, record)) == OK

    def look(tx: Transaction) -> dict[str, object]:
        found: dict[str, object] = {}
        for name in after:
            meter = tx.meter(name)
            assert meter is not None
            open_ = [i.service_point for i in tx.installations_of(name) if i.until is None]
            found[name] = meter.stage, meter.concentrator, next(iter(open_), None)
        return found

    assert await at.run(look) == after


REFUSED: dict[str, tuple[str, Any, str]] = {
    # name: (verb, record, code and key)
    "nobody knows the meter": ("create", linkage_config("M9", "P1"), "2.4 MEDIDOR_DESCONOCIDO"),
    "nobody knows the point": ("create", linkage_config("M1", "P9"), "2.12 PUNTO_DESCONOCIDO"),
    "a transformer as point": ("create", linkage_config("M1", "T1"), "2.12 PUNTO_DESCONOCIDO"),
    "nobody knows the concentrator": (
        "create", linkage_config("M3", concentrator="C9"), "2.29 EQUIPO_DESCONOCIDO"),
    "another hangs there": ("create", linkage_config("M1", "P2"), "2.13 PUNTO_OCUPADO"),
    "it hangs elsewhere": ("create", linkage_config("M2", "P1"), "5.2 ETAPA_NO_ADMITE"),
    "an exchange for one that hangs": (
        "change", linkage_config("M3", "P2"), "5.2 ETAPA_NO_ADMITE"),
    "one in stock is linked": (
        "create", linkage_config("M1", concentrator="C1"), "5.2 ETAPA_NO_ADMITE"),
    "another's": ("create", linkage_config("M2", concentrator="C2"), "2.29 YA_VINCULADO"),
    "another transformer's": (
        "create", linkage_config(None, "P2", transformer="T2"), "2.29 YA_VINCULADO"),
    "a region as transformer": (
        "create", linkage_config(None, "P2", transformer="R1"), "2.29 TRANSFORMADOR_DESCONOCIDO"),
    "taken down where it is not": (
        "delete", linkage_config("M3", "P2"), "2.13 MEDIDOR_EN_OTRO_PUNTO"),
    "unlinked from another": (
        "delete", linkage_config("M2", concentrator="C2"), "2.29 SIN_VINCULO"),
    "a customer that was never": (
        "delete", linkage_config(None, "P2", customer="K"), "2.29 SIN_VINCULO"),
    "before it came there": (
        "delete", linkage_config("M2", "P2", event=effective(AT - timedelta(days=31))),
        "1.8 FECHA_NO_ADMITIDA"),
    "still to come": (
        "create", linkage_config("M1", "P1", event=effective(AT + timedelta(days=1))),
        "1.8 FECHA_FUTURA"),
    "a meter alone": ("create", linkage_config("M1"), "5.8 VINCULO_INCOMPLETO"),
    "a customer's meter": (
        "create", linkage_config("M1", customer="K"), "2.29 VINCULO_SIN_PUNTO"),
    "two meters at one point": ("create", ml.MasterDataLinkageConfig(
        meter=tuple(ml.Meter(names=names(n)) for n in ("M1", "M3")),
        usage_point=(ml.UsagePoint(names=names("P1")),)), "2.29 VINCULO_AMBIGUO"),
    "a module": ("create", ml.MasterDataLinkageConfig(
        meter=(ml.Meter(names=names("M1")),),
        com_module=(ml.ComModule(names=names("X")),)), "1.8 CONTENIDO_NO_ADMITIDO"),
}  # fmt: skip


@databases.on_one
@pytest.mark.parametrize(("verb", "record", "why"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_leaves_nothing(at: Office, verb: str, record: Any, why: str) -> None:
    await at.run(_grid)
    before = await at.run(_everything)
    assert told(await at.tell(verb, record)) == (Result.FAILED, [why])
    assert await at.run(_everything) == before


async def test_an_element_is_done_in_full_or_not_at_all(at: Office) -> None:
    await at.run(_grid)
    half = linkage_config("M2", "P1", transformer="T2", customer="K-1")
    other = linkage_config("M1", "P1")
    message = await _both(at, half, other)
    assert told(message) == (Result.PARTIAL, ["0.2", "5.2 ETAPA_NO_ADMITE"])
    place = await at.run(lambda tx: tx.place("P1"))
    assert place == Place("P1", PlaceKind.SERVICE_POINT)
    (there,) = await at.run(lambda tx: tx.installations_at("P1"))
    assert there.meter == "M1"


async def _both(at: Office, *records: ml.MasterDataLinkageConfig) -> Any:
    message = exchange.request("create", "MasterDataLinkageConfig", at.stamp(), records[0])
    payload = Payload(content=tuple(map(codec.element, records)))
    return await at.post(replace(message, payload=payload))


def _everything(tx: Transaction) -> object:
    meters = [f"M{n}" for n in (1, 2, 3)]
    points = [f"P{n}" for n in (1, 2, 3)]
    return (
        [(tx.meter(n), tx.life_of(n), tx.installations_of(n)) for n in meters],
        [(tx.place(code), tx.usage_point(code)) for code in points],
    )


@databases.on_one
async def test_several_points_of_one_transformer(at: Office) -> None:
    await at.run(_grid)
    record = ml.MasterDataLinkageConfig(
        transformer_tank=(TransformerTank(names=names("T2")),),
        usage_point=tuple(ml.UsagePoint(names=names(f"P{n}")) for n in (1, 2, 3)),
    )
    assert told(await at.tell("change", record)) == OK
    parents = await at.run(
        lambda tx: [place.parent for n in (1, 2, 3) if (place := tx.place(f"P{n}"))]
    )
    assert parents == ["T2"] * 3


@databases.on_one
async def test_a_commissioned_meter_that_is_exchanged_leaves_its_readings(at: Office) -> None:
    await at.run(_grid)
    await at.run(lambda tx: move(tx, tx.meter("M2"), Step.COMMISSION, By("x", AT)))  # type: ignore[arg-type]
    assert told(await at.tell("change", linkage_config("M1", "P2"))) == OK
    hung = await at.run(lambda tx: tx.installations_at("P2"))
    assert [(each.meter, each.until) for each in hung] == [("M2", AT), ("M1", None)]
