"""UsagePointConfig: service points, their contract, and the meters that hang there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from headend.domain.meter import Meter, Stage
from headend.domain.place import Place, PlaceKind
from headend.domain.usage_point import UsagePoint
from headend.registry.lives import By, NotTaken, install
from protocols.cim.codes import Result
from protocols.cim.records import usage_point_config_auto as up
from tests import databases
from tests.soap.desk import AT
from tests.soap.registry.office import (
    TYPED,
    Office,
    about,
    founded,
    meter_config,
    names,
    point_config,
    told,
)

OK = (Result.OK, ["0.0"])
AT_HOME = up.UsagePointLocation(
    main_address=up.StreetAddress(
        postal_code="8320000",
        street_detail=up.StreetDetail(address_general="Los Leones 220", number="220"),
    )
)


async def test_a_usage_point_is_a_service_point_with_its_supply(at: Office) -> None:
    await at.run(founded)
    record = point_config(
        "SP1", mrid="u-1", rated_power=Decimal("5000.0"), phase_code="AN",
        nominal_service_voltage=Decimal(220), read_cycle="7", usage_point_location=AT_HOME,
    )  # fmt: skip
    assert told(await at.tell("create", record, TYPED)) == OK
    place = await at.run(lambda tx: tx.place("SP1"))
    assert place == Place("SP1", PlaceKind.SERVICE_POINT, "T1", "Los Leones 220")
    point = await at.run(lambda tx: tx.usage_point("SP1"))
    assert point == UsagePoint("SP1", Decimal(5000), "AN")
    (shown,) = await at.all_of("UsagePointConfig")
    assert isinstance(shown, up.UsagePointConfig)
    (seen,) = shown.usage_point
    assert (seen.mrid, seen.rated_power, seen.phase_code) == ("u-1", Decimal(5000), "AN")
    assert seen.read_cycle == "7" and seen.usage_point_location == AT_HOME
    assert [each.names[0].name for each in seen.equipments] == ["T1"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"names": ()}, "5.8 NOMBRE_FALTA"),
    "a code of blanks": ({"names": names("S P")}, "2.12 NOMBRE_NO_ADMITIDO"),
    "a transformer's code": ({"names": names("T2")}, "2.12 NO_ES_PUNTO"),
    "fed by nothing that is known": (
        {"equipments": (up.Equipment(names=names("T9")),)}, "2.29 LUGAR_NO_ADMITIDO"),
    "fed twice": (
        {"equipments": (up.Equipment(names=names("T1")), up.Equipment(names=names("T2")))},
        "2.29 ALIMENTADOR_REPETIDO"),
    "no power": ({"rated_power": Decimal(0)}, "1.8 POTENCIA_INVALIDA"),
    "power beyond all sense": ({"rated_power": Decimal(10) ** 13}, "1.8 POTENCIA_INVALIDA"),
}  # fmt: skip


@databases.on_one
@pytest.mark.parametrize(("fields", "why"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_of_one_point_leaves_the_others(
    at: Office, fields: dict[str, Any], why: str
) -> None:
    await at.run(founded)
    wrong = up.UsagePoint(**{"names": names("SP9"), **fields})
    right = up.UsagePoint(names=names("SP8"))
    alone = await at.tell("create", up.UsagePointConfig(usage_point=(wrong,)))
    assert told(alone) == (Result.FAILED, [why])
    answer = await at.tell("create", up.UsagePointConfig(usage_point=(wrong, right)))
    assert told(answer) == (Result.PARTIAL, ["0.2", why])
    places = await at.run(lambda tx: (tx.place("SP9"), tx.place("SP8")))
    assert places == (None, Place("SP8", PlaceKind.SERVICE_POINT))


async def test_the_meter_there_has_the_contract_of_its_point(at: Office) -> None:
    await at.run(founded)
    meter = Meter("9", contracted_w=Decimal(1), stage=Stage.IN_STOCK)
    await at.run(lambda tx: tx.put_meters([meter]))
    await at.tell("create", point_config("SP1", rated_power=Decimal(3000), phase_code="B"))
    await at.run(lambda tx: install(tx, "9", "SP1", By("crew", AT)))
    hung = await at.meter("9")
    assert hung is not None and (hung.contracted_w, hung.recorded_phase) == (3000, "B")
    change = point_config("SP1", feeder=None, rated_power=Decimal(8000), phase_code="BC")
    assert told(await at.tell("change", change)) == OK
    hung = await at.meter("9")
    assert hung is not None and (hung.contracted_w, hung.recorded_phase) == (8000, "B")
    point = await at.run(lambda tx: tx.usage_point("SP1"))
    assert point is not None and point.phase_code == "BC"


@databases.on_one
async def test_a_create_of_what_is_there_just_so_is_taken_and_another_refused(at: Office) -> None:
    await at.run(founded)
    await at.run(lambda tx: tx.put_places([Place("SP1", PlaceKind.SERVICE_POINT, "T1")]))
    record = point_config("SP1", rated_power=Decimal(3000))
    more = point_config("SP1", rated_power=Decimal(3000), read_cycle="2")
    for one in (record, record, more):
        assert told(await at.tell("create", one)) == OK
    for other in (
        point_config("SP1", rated_power=Decimal(3001)),
        point_config("SP1", feeder="T2", rated_power=Decimal(3000)),
        point_config("SP1", rated_power=Decimal(3000), read_cycle="1"),
    ):
        answer = await at.tell("create", other)
        assert told(answer) == (Result.FAILED, ["2.12 PUNTO_YA_REGISTRADO"])
        assert about(answer) == ["UsagePoint SP1"]


async def test_a_deleted_point_keeps_its_history_and_takes_no_meter(at: Office) -> None:
    await at.run(founded)
    record = point_config("SP1", rated_power=Decimal(3000), read_cycle="1")
    await at.tell("create", record)
    await at.run(lambda tx: tx.put_meters([Meter("9", stage=Stage.IN_STOCK)]))
    await at.run(lambda tx: install(tx, "9", "SP1", By("crew", AT - timedelta(days=1))))
    answer = await at.tell("delete", point_config("SP1"))
    assert told(answer) == (Result.FAILED, ["2.13 PUNTO_OCUPADO"])
    await at.tell("delete", meter_config("9"))
    assert told(await at.tell("delete", point_config("SP1"))) == OK
    assert await at.all_of("UsagePointConfig") == []
    assert len(await at.run(lambda tx: tx.installations_at("SP1"))) == 1
    await at.run(lambda tx: tx.put_meters([Meter("8", stage=Stage.IN_STOCK)]))
    with pytest.raises(NotTaken) as refused:
        await at.run(lambda tx: install(tx, "8", "SP1", By("crew", AT)))
    assert refused.value.code == "point-retired"
    for verb in ("delete", "change"):
        again = await at.tell(verb, point_config("SP1"))
        assert told(again) == (Result.FAILED, ["2.12 PUNTO_RETIRADO"])
    assert told(await at.tell("create", point_config("SP1", read_cycle="2"))) == OK
    (shown,) = await at.all_of("UsagePointConfig")
    assert isinstance(shown, up.UsagePointConfig)
    assert (shown.usage_point[0].read_cycle, shown.usage_point[0].rated_power) == ("2", 3000)


@databases.on_one
async def test_a_change_of_a_point_that_nobody_knows_is_refused(at: Office) -> None:
    for verb in ("change", "delete"):
        answer = await at.tell(verb, point_config("SP7", feeder=None))
        assert told(answer) == (Result.FAILED, ["2.12 PUNTO_DESCONOCIDO"])
