"""Questions about the registry: by name, by mRID, all of it, page after page."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.cim import exchange
from protocols.cim.codes import Result
from protocols.cim.errors import Identifier
from protocols.cim.exchange import GENERIC, Style
from protocols.cim.records import get_end_device_config_auto as gd
from protocols.cim.records import get_master_linkage_config_auto as gl
from protocols.cim.records import get_meter_config_auto as gm
from protocols.cim.records import get_usage_point_config_auto as gu
from protocols.cim.records.parts_auto import EndDeviceGroup
from tests import databases
from tests.soap.registry.office import (
    TYPED,
    Office,
    about,
    founded,
    linkage_config,
    meter_config,
    names,
    point_config,
    told,
    with_page,
)

OK = (Result.OK, ["0.0"])


async def _filled(at: Office) -> None:
    await at.run(founded)
    await at.tell("create", meter_config("1", "2", "3", "4", "5"))
    await at.tell("create", meter_config("6", mrid="six"))
    await at.tell("create", point_config("A", "B", "C"))
    for meter, point in (("1", "A"), ("2", "B")):
        await at.tell("create", linkage_config(meter, point, concentrator="C1"))
    await at.tell("delete", meter_config("2"))


def _names(records: list[Any]) -> list[str]:
    found: list[str] = []
    for record in records:
        for field in ("meter", "end_device", "usage_point"):
            items = getattr(record, field, ())
            if items and type(record).__name__ != "MasterDataLinkageConfig":
                found += [each.names[0].name for each in items]
        if type(record).__name__ == "MasterDataLinkageConfig":
            found.append(
                "+".join(
                    each.names[0].name
                    for each in (*record.usage_point, *record.meter, *record.end_device)
                )
            )
    return found


ALL = {
    "MeterConfig": ["1", "3", "4", "5", "6"],
    "EndDeviceConfig": ["C1", "C2", "1", "3", "4", "5", "6"],
    "UsagePointConfig": ["A", "B", "C"],
    "MasterDataLinkageConfig": ["A+1+C1", "B", "C"],
}


@databases.on_one
@pytest.mark.parametrize("style", [GENERIC, TYPED], ids=["generic", "typed"])
@pytest.mark.parametrize("noun", ALL)
async def test_all_of_it_page_after_page(at: Office, noun: str, style: Style) -> None:
    await _filled(at)
    assert _names(await at.all_of(noun, style)) == ALL[noun]
    with_page(at, 2)
    assert _names(await at.all_of(noun, style)) == ALL[noun]


M, P = gm.Meter, gm.UsagePoint
ASKED: dict[str, tuple[Any, list[str], tuple[Result, list[str]]]] = {
    # name: (question, what is told, result)
    "by name": (gm.GetMeterConfig(meter=(M(names=names("3", "1")),)), ["1", "3"], OK),
    "by mRID": (gm.GetMeterConfig(meter=(M(mrid="six"),)), ["6"], OK),
    "a removed one by its name": (gm.GetMeterConfig(meter=(M(names=names("2")),)), ["2"], OK),
    "by where it hangs": (gm.GetMeterConfig(usage_point=(P(names=names("A")),)), ["1"], OK),
    "one of two": (
        gm.GetMeterConfig(meter=(M(names=names("1", "77")),)), ["1"],
        (Result.PARTIAL, ["0.2", "2.4 MEDIDOR_DESCONOCIDO"])),
    "none": (
        gm.GetMeterConfig(meter=(M(names=names("77")),)), [],
        (Result.FAILED, ["2.4 MEDIDOR_DESCONOCIDO"])),
    "a concentrator": (
        gd.GetEndDeviceConfig(end_device=(gd.EndDevice(names=names("C2", "4")),)), ["C2", "4"], OK),
    "the point of a meter": (
        gu.GetUsagePointConfig(meter=(gu.Meter(names=names("1")),)), ["A"], OK),
    "the point of one in stock": (
        gu.GetUsagePointConfig(meter=(gu.Meter(names=names("3")),)), [], OK),
    "an unknown point": (
        gu.GetUsagePointConfig(usage_point=(gu.UsagePoint(names=names("Z", "T1")),)), [],
        (Result.FAILED, ["2.12 PUNTO_DESCONOCIDO"] * 2)),
    "what a meter is linked to": (
        gl.GetMasterDataLinkageConfig(meter=(gl.Meter(names=names("1")),)), ["A+1+C1"], OK),
    "groups": (
        gm.GetMeterConfig(end_device_group=(EndDeviceGroup(names=names("g")),)), [],
        (Result.FAILED, ["1.8 CONTENIDO_NO_ADMITIDO"])),
}  # fmt: skip


@databases.on_one
@pytest.mark.parametrize(("question", "names_", "result"), ASKED.values(), ids=ASKED)
async def test_a_question(at: Office, question: Any, names_: list[str], result: object) -> None:
    await _filled(at)
    answer = await at.ask(question)
    assert told(answer) == result
    assert _names(list(exchange.content(answer))) == names_


@databases.on_one
async def test_an_empty_registry_answers_with_nothing(at: Office) -> None:
    for noun in ALL:
        assert await at.all_of(noun) == []


@databases.on_one
async def test_a_page_is_of_its_question(at: Office) -> None:
    await _filled(at)
    with_page(at, 2)
    first = await at.ask(gm.GetMeterConfig())
    assert told(first) == (Result.PARTIAL, ["0.1"])
    assert first.reply is not None
    (page,) = first.reply.ids
    for wrong in (Identifier("x", "other", "Pagina"), Identifier(page.value, "name", "Meter")):
        answer = await at.ask(gm.GetMeterConfig(), page=wrong)
        assert told(answer)[1][0].startswith("2.15 ")
    other = await at.ask(gm.GetMeterConfig(meter=(M(names=names("1")),)), page=page)
    assert told(other) == (Result.FAILED, ["2.15 PAGINA_INVALIDA"])
    last = await at.ask(gm.GetMeterConfig(), page=page)
    assert last.reply is not None and told(last) == (Result.PARTIAL, ["0.1"])
    end = await at.ask(gm.GetMeterConfig(), page=last.reply.ids[0])
    assert told(end) == (Result.PARTIAL, ["0.2"])


@databases.on_one
async def test_those_asked_for_in_vain_are_named_on_the_last_page(at: Office) -> None:
    await _filled(at)
    with_page(at, 1)
    question = gm.GetMeterConfig(meter=(M(names=names("1", "77", "3")),))
    first = await at.ask(question)
    assert told(first) == (Result.PARTIAL, ["0.1"]) and first.reply is not None
    last = await at.ask(question, page=first.reply.ids[0])
    assert told(last) == (Result.PARTIAL, ["0.2", "2.4 MEDIDOR_DESCONOCIDO"])
    assert about(last)[1] == "Meter 77"
