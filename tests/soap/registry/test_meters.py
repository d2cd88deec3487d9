"""MeterConfig and EndDeviceConfig: meters in stock, changed, taken down; what is refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from headend.domain.account import Permission
from headend.domain.life_cycle import Step
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.order import State
from headend.domain.place import Place, PlaceKind
from headend.registry.lives import By, install, link, move
from headend.store.access_queries import audit
from protocols.cim import exchange
from protocols.cim.codes import Result
from protocols.cim.records import end_device_config_auto as dc
from protocols.cim.records import meter_config_auto as mc
from protocols.cim.records.parts_auto import (
    ComFunction,
    ConfigurationEvent,
    ConnectDisconnectFunction,
    ElectronicAddress,
    LifecycleDate,
    Name,
    NameType,
    ProductAssetModel,
    RemoteConnectDisconnectInfo,
    Seal,
    SimpleEndDeviceFunction,
    Status,
)
from tests import databases
from tests.soap.desk import AT
from tests.soap.registry.office import TYPED, Office, about, founded, meter_config, names, told

OK = (Result.OK, ["0.0"])
MODEL = mc.EndDeviceInfo(asset_model=ProductAssetModel(model_number="sim-3p"), phase_count=3)


async def test_a_meter_becomes_known_in_stock_with_what_is_told_of_it(at: Office) -> None:
    await at.run(founded)
    meter = mc.Meter(
        mrid="7c1d", serial_number="S-77", lot_number="L9", end_device_info=MODEL,
        com_function=("way",), configuration_events=ConfigurationEvent(reason="compra 12"),
        lifecycle=LifecycleDate(received_date="2026-07-01"),
        names=(*names("90000001"), Name(name="LGZ0000000000001", name_type=NameType(
            name="LogicalDeviceName")), Name(name="4c475a0000000001", name_type=NameType(
            name="SystemTitle"))),
        seals=(Seal(seal_number="A1"), Seal(seal_number="A2")),
    )  # fmt: skip
    way = ComFunction(mrid="way", amr_address="tcp://10.0.0.5:4059", amr_router="C1")
    answer = await at.tell("create", mc.MeterConfig(com_function=(way,), meter=(meter,)), TYPED)
    assert told(answer) == OK
    assert await at.meter("90000001") == Meter(
        "90000001", "C1", model="sim-3p", address="tcp://10.0.0.5:4059",
        identity="LGZ0000000000001", title="4C475A0000000001", stage=Stage.IN_STOCK,
    )  # fmt: skip
    (line,) = await at.run(lambda tx: tx.life_of("90000001"))
    assert (line.step, line.was, line.stage) == (Step.RECEIVE, None, Stage.IN_STOCK)
    assert (line.who, line.why) == ("COMERCIAL", "compra 12")
    (shown,) = await at.all_of("MeterConfig")
    assert isinstance(shown, mc.MeterConfig)
    (seen,) = shown.meter
    assert (seen.mrid, seen.serial_number, seen.lot_number) == ("7c1d", "S-77", "L9")
    assert seen.end_device_info == MODEL and seen.lifecycle == meter.lifecycle
    assert seen.seals == meter.seals and seen.status == Status(value="in-stock")
    assert shown.com_function[0].amr_router == "C1"


async def test_what_is_done_stands_in_the_audit_log_as_by_rest(at: Office) -> None:
    await at.tell("create", meter_config("1", "2"))
    lines = at.store.read(audit)
    assert sorted((line.actor, line.action, line.subject, line.source) for line in lines) == [
        ("COMERCIAL", Permission.REGISTRY_WRITE, f"meter {name}", "soap") for name in "12"
    ]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    # name: (fields of a Meter, code and key)
    "no name": ({"names": ()}, "5.8 NOMBRE_FALTA"),
    "a name of blanks": ({"names": names("9 1")}, "2.4 NOMBRE_NO_ADMITIDO"),
    "a name too long": ({"names": names("9" * 256)}, "1.8 CAMPO_DEMASIADO_LARGO"),
    "an unknown model": (
        {"end_device_info": mc.EndDeviceInfo(asset_model=ProductAssetModel(model_number="x"))},
        "2.4 MODELO_DESCONOCIDO",
    ),
    "a function that is not there": ({"com_function": ("y",)}, "2.29 FUNCION_NO_RELACIONADA"),
    "an address that is none": ({"com_function": ("bad",)}, "2.4 DIRECCION_INVALIDA"),
    "an unknown concentrator": ({"com_function": ("far",)}, "2.29 CONCENTRADOR_DESCONOCIDO"),
    "two ways": ({"com_function": ("bad", "far")}, "2.29 FUNCION_REPETIDA"),
    "a system title that is none": (
        {"names": (*names("9"), Name(name="xyz", name_type=NameType(name="SystemTitle")))},
        "2.4 TITULO_INVALIDO",
    ),
}
WAYS = (ComFunction(mrid="bad", amr_address="http://x"), ComFunction(mrid="far", amr_router="C9"))


@databases.on_one
@pytest.mark.parametrize(("fields", "why"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_of_one_meter_leaves_the_others(
    at: Office, fields: dict[str, Any], why: str
) -> None:
    wrong = mc.Meter(**{"names": names("9"), **fields})
    alone = await at.tell("create", mc.MeterConfig(com_function=WAYS, meter=(wrong,)))
    assert told(alone) == (Result.FAILED, [why])
    both = mc.MeterConfig(com_function=WAYS, meter=(wrong, mc.Meter(names=names("10"))))
    answer = await at.tell("create", both)
    assert told(answer) == (Result.PARTIAL, ["0.2", why])
    assert await at.meter("9") is None and await at.meter("10") is not None


SECRETS = {
    "a function's password": mc.MeterConfig(
        com_function=(ComFunction(mrid="w", password="x"),), meter=(mc.Meter(names=names("9")),)
    ),
    "an address's password": meter_config("9", electronic_address=ElectronicAddress(password="x")),
    "a switch's password": mc.MeterConfig(
        connect_disconnect_function=(ConnectDisconnectFunction(password="x"),),
        meter=(mc.Meter(names=names("9")),),
    ),
    "an install code": dc.EndDeviceConfig(
        end_device=(dc.EndDevice(names=names("9"), install_code="x"),)
    ),
}


@databases.on_one
@pytest.mark.parametrize("record", SECRETS.values(), ids=SECRETS)
async def test_no_key_travels_by_soap_nor_is_kept_with_its_message(at: Office, record: Any) -> None:
    answer = await at.tell("create", record, message_id="secret")
    assert told(answer) == (Result.FAILED, ["7.7 CLAVE_NO_ADMITIDA"])
    assert await at.meter("9") is None
    assert await at.run(lambda tx: tx.inbound("COMERCIAL", "secret")) is None


@databases.on_one
async def test_a_shipment_may_come_first_if_it_says_the_same(at: Office) -> None:
    stocked = Meter("9", model="sim-3p", title="4C475A0000000001", stage=Stage.IN_STOCK)
    await at.run(lambda tx: tx.put_meters([stocked]))
    same = meter_config("9", end_device_info=MODEL, lot_number="L1")
    assert told(await at.tell("create", same)) == OK
    assert await at.meter("9") == stocked
    assert told(await at.tell("create", same)) == OK
    for other in (
        meter_config("9", lot_number="L2"),
        meter_config("9", end_device_info=mc.EndDeviceInfo(
            asset_model=ProductAssetModel(model_number="generic"))),
    ):  # fmt: skip
        answer = await at.tell("create", other)
        assert told(answer) == (Result.FAILED, ["2.4 MEDIDOR_YA_REGISTRADO"])
        assert about(answer) == ["Meter 9"]


async def test_a_change_tells_over_what_was_told(at: Office) -> None:
    await at.tell("create", meter_config("9", lot_number="L1", end_device_info=MODEL))
    change = meter_config("9", end_device_info=mc.EndDeviceInfo(rated_current=Decimal(60)))
    assert told(await at.tell("change", change)) == OK
    (shown,) = await at.all_of("MeterConfig")
    assert isinstance(shown, mc.MeterConfig)
    (seen,) = shown.meter
    assert seen.lot_number == "L1" and seen.end_device_info == mc.EndDeviceInfo(
        phase_count=3, rated_current=Decimal(60), asset_model=MODEL.asset_model
    )


async def test_a_meter_is_found_by_its_mrid_and_no_two_share_one(at: Office) -> None:
    await at.tell("create", meter_config("9", mrid="abc"))
    by_mrid = mc.MeterConfig(meter=(mc.Meter(mrid="abc", lot_number="L7"),))
    assert told(await at.tell("change", by_mrid)) == OK
    answer = await at.tell("create", meter_config("8", mrid="abc"))
    assert told(answer) == (Result.FAILED, ["2.4 MRID_REPETIDO"])
    assert await at.meter("8") is None
    (shown,) = await at.all_of("MeterConfig")
    assert isinstance(shown, mc.MeterConfig) and shown.meter[0].lot_number == "L7"


def _hung(tx: Any) -> None:
    founded(tx)
    by = By("crew", AT - timedelta(days=3))
    tx.put_meters([Meter("9", stage=Stage.IN_STOCK)])
    tx.put_places([Place("SP1", PlaceKind.SERVICE_POINT, "T1")])
    install(tx, "9", "SP1", by)
    move(tx, tx.meter("9"), Step.COMMISSION, by)
    link(tx, "9", "C1", by)


@databases.on_one
async def test_what_hangs_keeps_what_it_was_commissioned_as(at: Office) -> None:
    await at.run(_hung)
    answer = await at.tell("change", meter_config("9", end_device_info=MODEL, lot_number="L1"))
    assert told(answer) == (Result.FAILED, ["5.2 ETAPA_NO_ADMITE"])
    assert told(await at.tell("change", meter_config("9", lot_number="L1"))) == OK
    meter = await at.meter("9")
    assert meter is not None and meter.model == "generic"


STEPS = {
    # status asked for, one after the other: the answer
    "into service": (["in-service"], OK),
    "blocked and back": (["blocked", "linked"], OK),
    "the same": (["linked"], OK),
    "commissioned": (["commissioned"], (Result.FAILED, ["1.8 ESTADO_NO_ADMITIDO"])),
    "nonsense": (["asleep"], (Result.FAILED, ["1.8 ESTADO_NO_ADMITIDO"])),
    "in stock": (["in-stock"], (Result.FAILED, ["5.2 ETAPA_NO_ADMITE"])),
}


@databases.on_one
@pytest.mark.parametrize(("words", "came"), STEPS.values(), ids=STEPS)
async def test_a_status_asks_for_the_step_that_leads_there(
    at: Office, words: list[str], came: object
) -> None:
    await at.run(_hung)
    for word in words:
        answer = await at.tell("change", meter_config("9", status=Status(value=word, reason="x")))
    assert told(answer) == came
    life = await at.run(lambda tx: tx.life_of("9"))
    assert life[-1].stage == (words[-1] if came == OK else Stage.LINKED)


async def test_a_deleted_meter_is_taken_down_and_stays_in_the_history(at: Office) -> None:
    await at.run(_hung)
    assert told(await at.tell("delete", meter_config("9"), TYPED)) == OK
    meter = await at.meter("9")
    assert meter is not None and meter.stage is Stage.REMOVED and meter.concentrator is None
    (there,) = await at.run(lambda tx: tx.installations_of("9"))
    assert there.until == AT
    assert await at.all_of("MeterConfig") == []
    again = await at.tell("delete", meter_config("9"))
    assert told(again) == (Result.FAILED, ["5.2 ETAPA_NO_ADMITE"])
    created = await at.tell("create", meter_config("9"))
    assert told(created) == (Result.FAILED, ["5.2 MEDIDOR_RETIRADO"])
    back = meter_config("9", status=Status(value="in-stock"))
    assert told(await at.tell("change", back)) == OK


async def test_its_waiting_orders_end_with_it(at: Office) -> None:
    await at.run(_hung)
    await at.tell("change", _limit("9"))
    (order,) = await at.run(lambda tx: tx.open_orders_of_meter("9"))
    assert order.amount == 1500
    await at.tell("delete", meter_config("9"))
    ended = await at.run(lambda tx: tx.order(order.number))
    assert ended is not None and ended.state is State.CANCELLED


def _limit(*meters: str) -> mc.MeterConfig:
    info = RemoteConnectDisconnectInfo(power_limit=Decimal(1500))
    return mc.MeterConfig(
        connect_disconnect_function=(ConnectDisconnectFunction(rcd_info=info),),
        meter=tuple(mc.Meter(names=names(name)) for name in meters),
    )


@databases.on_one
async def test_a_limit_in_a_change_is_an_order(at: Office) -> None:
    await at.run(_hung)
    answer = await at.tell("change", _limit("9", "77"), TYPED)
    assert told(answer)[0] is Result.PARTIAL and told(answer)[1][0] == "0.1"
    for record in (_limit("10"), dc.EndDeviceConfig(
        connect_disconnect_function=_limit().connect_disconnect_function,
        end_device=(dc.EndDevice(names=names("10")),),
    )):  # fmt: skip
        created = await at.tell("create", record)
        assert told(created) == (Result.FAILED, ["1.8 LIMITE_NO_ADMITIDO"])
    assert await at.meter("10") is None


@databases.on_one
async def test_what_is_not_kept_is_named(at: Office) -> None:
    record = mc.MeterConfig(
        simple_end_device_function=(SimpleEndDeviceFunction(mrid="f"),),
        meter=(mc.Meter(names=names("9"), status=Status(value="in-service")),),
    )
    answer = await at.tell("create", record)
    assert answer.reply is not None and answer.reply.result is Result.OK
    (note,) = answer.reply.errors
    assert note.code == "0.0" and (note.details or "").startswith("NO_GUARDADO: ")
    assert (note.details or "").split(": ")[1].split(", ") == ["SimpleEndDeviceFunction", "status"]


@databases.on_one
async def test_concentrators_are_end_devices_of_that_type(at: Office) -> None:
    one = dc.EndDevice(names=names("C7"), type="concentrator", lot_number="L", com_function=("w",))
    way = ComFunction(mrid="w", amr_address="8956010000000000001")
    record = dc.EndDeviceConfig(
        com_function=(way,), end_device=(one, dc.EndDevice(names=names("9")))
    )
    assert told(await at.tell("create", record, TYPED)) == OK
    known = await at.run(lambda tx: tx.concentrator("C7"))
    assert known == Concentrator("C7", "8956010000000000001")
    (shown,) = await at.all_of("EndDeviceConfig")
    assert isinstance(shown, dc.EndDeviceConfig)
    assert [each.names[0].name for each in shown.end_device] == ["C7", "9"]
    assert shown.end_device[0].lot_number == "L"
    assert told(await at.tell("create", record)) == OK
    gone = await at.tell("delete", dc.EndDeviceConfig(end_device=(one,), com_function=(way,)))
    assert told(gone) == (Result.FAILED, ["5.2 CONCENTRADOR_NO_SE_RETIRA"])


@databases.on_one
async def test_a_time_without_its_zone_is_refused(at: Office) -> None:
    octets = exchange.request("create", "MeterConfig", at.stamp(), meter_config(
        "9", status=Status(date_time=AT)))  # fmt: skip
    (element,) = octets.payload.content  # type: ignore[union-attr]
    for each in element.iter("{*}dateTime"):
        each.text = "2026-07-06T14:00:00"
    assert told(await at.post(octets)) == (Result.FAILED, ["1.8 FECHA_SIN_ZONA"])
