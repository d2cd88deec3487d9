"""GetMeterReadings, both styles: values, qualities, pages, and what is wrong of each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headend.ports import StoreUnavailable
from protocols.cim import exchange, meter_readings
from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Property
from protocols.cim.errors import Identifier
from protocols.cim.exchange import GENERIC, Style
from protocols.cim.get import next_page
from protocols.cim.meter_readings import Series
from protocols.cim.records import get_meter_readings_auto as g
from protocols.cim.records.parts_auto import DateTimeInterval, Name
from tests.databases import on_one
from tests.soap.reading.house import (
    BEGIN,
    DAILY,
    END,
    ENERGY,
    REGISTER,
    VOLTAGE,
    House,
    house,
    quarter,
)

SPAN = {"start_time": BEGIN, "end_time": END}
TYPED = Style(typed=True)


def named(*names: str) -> tuple[Name, ...]:
    return tuple(Name(name=name) for name in names)


def question(*meters: str, types: tuple[str, ...] = (ENERGY,), **more: Any) -> g.GetMeterReadings:
    return g.GetMeterReadings(
        end_device=tuple(g.EndDevice(names=named(meter)) for meter in meters),
        reading_type=tuple(g.ReadingType(names=named(code)) for code in types),
        **more,
    )


def series_in(message: Message) -> tuple[Series, ...]:
    return tuple(one for record in exchange.content(message) for one in meter_readings.read(record))


def told(message: Message) -> tuple[Result, list[tuple[str, str, str | None]]]:
    assert message.reply is not None
    return message.reply.result, [
        (e.code, e.key, None if e.id is None else e.id.value) for e in message.reply.errors
    ]


OK = (Result.OK, [("0.0", "", None)])


@pytest.mark.parametrize("style", [GENERIC, TYPED], ids=["generic", "typed"])
async def test_a_day_of_a_meter(style: Style) -> None:
    at = await house()
    answer = await at.ask(question("M1", types=(ENERGY, VOLTAGE)), style, **SPAN)
    assert told(answer) == OK
    assert answer.header is not None and answer.header.correlation_id == "c-1"
    energy, voltage = series_in(answer)
    assert [energy.reading_type, voltage.reading_type] == [ENERGY, VOLTAGE]
    assert [v.at for v in energy.values] == [quarter(n) for n in range(1, 97)]
    assert {v.value for v in energy.values} == {"0.250"}
    assert [v.value for v in voltage.values] == [f"{220 + n / 10:.1f}" for n in range(1, 97)]
    # What validation found, and of what it said nothing; the meter's own doubt about its clock.
    qualities = {n: v.qualities for n, v in enumerate(voltage.values, 1)}
    assert (qualities[1], qualities[20]) == (("2.0.1",), ("2.5.256",))
    assert qualities[5] == ("2.5.258", "1.1.9")
    # The row before the first is of a day that nobody has looked at.
    assert [v.qualities for v in energy.values[:2]] == [(), ("2.0.1",)]
    assert (
        set(energy.values[4].qualities) == {"2.5.258", "1.1.9"} == set(energy.values[5].qualities)
    )


async def test_estimates_stand_in_unless_raw_values_are_wanted() -> None:
    at = await house()
    answer = await at.ask(question("M2"), **SPAN)
    assert told(answer) == OK
    (energy,) = series_in(answer)
    assert {v.value for v in energy.values} == {"0.250"}
    estimated = [n for n, v in enumerate(energy.values, 1) if "2.8.0" in v.qualities]
    assert estimated == [11, 12, 13]
    raw = await at.ask(question("M2"), options=(Property("valores", "crudos"),), **SPAN)
    assert told(raw) == (
        Result.PARTIAL, [("0.2", "", None), ("5.7", "DATOS_INCOMPLETOS", "M2")],
    )  # fmt: skip
    assert len(series_in(raw)[0].values) == 93


async def test_registers_days_and_the_newest() -> None:
    at = await house()
    answer = await at.ask(question("M1", types=(REGISTER, DAILY)), **SPAN)
    day, register = series_in(answer)  # what has a period comes first
    assert [(v.at, v.value) for v in register.values] == [
        (quarter(40), "11.000"),
        (quarter(41) + timedelta(seconds=7), "11.2555"),
        (END, "25.00"),  # the daily profile's row of midnight
    ]
    assert [(v.at, v.value) for v in day.values] == [(END, "24.00")]
    newest = await at.ask(question("M1", types=(REGISTER,)))
    assert [v.value for v in series_in(newest)[0].values] == ["11.2555"]
    everything = await at.ask(question("M1", types=()))
    assert [(s.reading_type, len(s.values)) for s in series_in(everything)] == [(REGISTER, 1)]


ALIASES = {
    "as it is emitted": VOLTAGE,
    "kind 158": VOLTAGE.replace(".54.", ".158."),
    "accumulation 12": "0.2.2.12.0.1.54.0.0.0.0.0.0.0.128.0.29.0",
    "zeros and blanks": " 0.02.2.6.0.1.54.0.0.0.0.0.0.0.128.0.29.0",
}


@on_one
@pytest.mark.parametrize("code", ALIASES.values(), ids=ALIASES)
async def test_the_answer_uses_the_asker_s_spelling(code: str) -> None:
    at = await house()
    (one,) = series_in(await at.ask(question("M1", types=(code,)), **SPAN))
    assert one.reading_type == code.strip().replace(".02.", ".2.")
    assert len(one.values) == 96


WHO = {
    "a usage point": ({"usage_point": ("S1",)}, [("M1", "S1")]),
    "a transformer": ({"end_device_group": ("T1",)}, [("M1", None), ("M2", None)]),
    "a concentrator": ({"end_device_group": ("C1",)}, [("M1", None), ("M2", None)]),
    "a group of usage points": ({"usage_point_group": ("T1",)}, [("M1", None), ("M2", None)]),
    "everybody": ({}, [("M1", None), ("M2", None)]),
}


@pytest.mark.parametrize("case", WHO.values(), ids=WHO)
async def test_whose(case: tuple[dict[str, tuple[str, ...]], list[tuple[str, str | None]]]) -> None:
    wanted, whose = case
    classes = {
        "usage_point": g.UsagePoint,
        "end_device_group": g.EndDeviceGroup,
        "usage_point_group": g.UsagePointGroup,
    }
    at = await house()
    named_ = {key: tuple(classes[key](names=named(n)) for n in of) for key, of in wanted.items()}
    answer = await at.ask(question(**named_), **SPAN)
    found = [
        (s.meter.value if s.meter else "", s.usage_point.value if s.usage_point else None)
        for s in series_in(answer)
    ]
    assert found == whose


WRONG = {
    # question, asked: what the reply says; content or not
    "an unknown meter among known ones": (
        question("M1", "M0"), SPAN,
        (Result.PARTIAL, [("0.2", "", None), ("2.4", "MEDIDOR_DESCONOCIDO", "M0")]),
    ),
    "unknown meters alone": (
        question("M0", "M00"), SPAN,
        (Result.FAILED, [("2.4", "MEDIDOR_DESCONOCIDO", "M0"),
                         ("2.4", "MEDIDOR_DESCONOCIDO", "M00")]),
    ),
    "a usage point nobody knows, and one without meter": (
        question(usage_point=(g.UsagePoint(names=named("S0")), g.UsagePoint(names=named("S9")))),
        SPAN,
        (Result.FAILED, [("2.12", "PUNTO_DE_SUMINISTRO_INVALIDO", "S0"),
                         ("2.12", "PUNTO_DE_SUMINISTRO_INVALIDO", "S9")]),
    ),
    "a group nobody knows": (
        question(end_device_group=(g.EndDeviceGroup(names=named("T0")),)), SPAN,
        (Result.FAILED, [("2.4", "GRUPO_DESCONOCIDO", "T0")]),
    ),
    "a meter without data": (
        question("M3"), SPAN, (Result.FAILED, [("5.6", "TIPO_DE_LECTURA_SIN_DATOS", "M3")]),
    ),
    "a meter without data, whatever is asked for": (
        question("M3", types=()), SPAN, (Result.FAILED, [("5.7", "SIN_DATOS", "M3")]),
    ),
    "no reading type": (
        question("M1", types=("coffee",)), SPAN,
        (Result.FAILED, [("2.6", "TIPO_DE_LECTURA_INVALIDO", None)]),
    ),
    "none of ours": (
        question("M1", types=("1" + ENERGY,)), SPAN,
        (Result.FAILED, [("2.10", "TIPO_DE_LECTURA_NO_ADMITIDO", None)]),
    ),
    "intervals without a span": (
        question("M1"), {}, (Result.FAILED, [("1.6", "PERIODO_FALTA", None)]),
    ),
    "an end without a start": (
        question("M1", types=(REGISTER,)), {"end_time": END},
        (Result.FAILED, [("1.6", "PERIODO_FALTA", None)]),
    ),
    "a span that ends before it begins": (
        question("M1"), {"start_time": END, "end_time": BEGIN},
        (Result.FAILED, [("1.8", "PERIODO_INVALIDO", None)]),
    ),
    "two spans": (
        question("M1", time_schedule=(g.TimeSchedule(
            schedule_interval=DateTimeInterval(start=BEGIN)),)), SPAN,
        (Result.FAILED, [("1.8", "PERIODO_EN_CONFLICTO", None)]),
    ),
    "a span in the future": (
        question("M1"), {"start_time": END + timedelta(days=2)},
        (Result.FAILED, [("1.8", "PERIODO_INVALIDO", None)]),
    ),
    "a time of another age": (
        question("M1"), {"start_time": BEGIN.replace(year=1970)},
        (Result.FAILED, [("1.8", "FECHA_FUERA_DE_RANGO", None)]),
    ),
    "too long a span": (
        question("M1"), {"start_time": BEGIN.replace(year=2020)},
        (Result.FAILED, [("3.1", "DEMASIADOS_DATOS", None)]),
    ),
    "what would widen or narrow the answer": (
        question("M1", transformer_tank=(g.TransformerTank(names=named("T1")),)), SPAN,
        (Result.FAILED, [("1.8", "CONTENIDO_NO_ADMITIDO", None)]),
    ),
    "another compression": (
        question("M1"), SPAN | {"options": (Property("compresion", "zip"),)},
        (Result.FAILED, [("1.8", "COMPRESION_NO_ADMITIDA", None)]),
    ),
    "other values than raw and validated ones": (
        question("M1"), SPAN | {"options": (Property("valores", "bonitos"),)},
        (Result.FAILED, [("1.8", "VALORES_NO_ADMITIDOS", None)]),
    ),
    "a page of nothing": (
        question("M1"), SPAN | {"ids": (Identifier("x", "other", "Pagina"),)},
        (Result.FAILED, [("2.15", "PAGINA_INVALIDA", None)]),
    ),
    "an ID that is no page": (
        question("M1"), SPAN | {"ids": (Identifier("M1", "name", "Meter"),)},
        (Result.FAILED, [("2.15", "PAGINA_INVALIDA", None)]),
    ),
}  # fmt: skip


@on_one
@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
async def test_what_is_wrong(case: tuple[g.GetMeterReadings, dict[str, Any], Any]) -> None:
    asked, request, said = case
    at = await house()
    answer = await at.ask(asked, **request)
    assert told(answer) == said
    assert bool(exchange.content(answer)) == (said[0] is not Result.FAILED)


async def all_pages(at: House, asked: g.GetMeterReadings, **request: Any) -> list[Message]:
    pages = [await at.ask(asked, **request)]
    while (page := next_page(pages[-1])) is not None:
        pages.append(await at.ask(asked, **request | {"ids": (page,)}))
        assert len(pages) < 1000
    return pages


def joined(pages: list[Message]) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for page in pages:
        for one in series_in(page):
            assert one.meter is not None
            found.setdefault((one.meter.value, one.reading_type), []).extend(one.values)
    return found


@pytest.mark.parametrize("room", [1, 96, 193, 9600])
async def test_pages_hold_what_one_answer_would(room: int) -> None:
    at = await house()
    asked = question("M1", "M0", "M2", "M3", types=(ENERGY, VOLTAGE))
    request = SPAN | {"options": (Property("valores", "crudos"),)}
    if room == 1:
        request["start_time"] = quarter(90)
    whole = await at.ask(asked, **request)
    at.desk.values_max = room
    pages = await all_pages(at, asked, **request)
    assert joined(pages) == joined([whole])
    codes = [[error.code for error in page.reply.errors if error.code[0] == "0"]
             for page in pages if page.reply]  # fmt: skip
    assert codes == [["0.1"]] * (len(pages) - 1) + [["0.2"]]
    errors = [e for p in pages if p.reply for e in p.reply.errors if e.code[0] != "0"]
    assert whole.reply is not None
    assert errors == [e for e in whole.reply.errors if e.code[0] != "0"]


@pytest.mark.parametrize("everybody", [True, False])
async def test_a_long_span_goes_by_stretches(everybody: bool) -> None:
    at = await house()
    names = () if everybody else ("M1", "M2")
    asked = question(*names, types=() if everybody else (ENERGY,))
    request: dict[str, Any] = {"start_time": BEGIN - timedelta(days=70), "end_time": END}
    whole = joined([await at.ask(asked, **request)])
    at.desk.values_max = 40
    assert joined(await all_pages(at, asked, **request)) == whole
    assert len(whole["M1", ENERGY]) == len(whole["M2", ENERGY]) == 96


@on_one
async def test_a_page_of_another_question() -> None:
    at = await house()
    at.desk.values_max = 10
    page = next_page(await at.ask(question("M1"), **SPAN))
    assert page is not None
    answer = await at.ask(question("M2"), **SPAN, ids=(page,))
    assert told(answer) == (Result.FAILED, [("2.15", "PAGINA_INVALIDA", None)])


@on_one
@pytest.mark.parametrize("style", [GENERIC, TYPED], ids=["generic", "typed"])
async def test_compressed(style: Style) -> None:
    at = await house()
    plain = await at.ask(question("M1"), style, **SPAN)
    packed = await at.ask(question("M1"), style, **SPAN, options=(Property("Compresion", "gzip"),))
    assert joined([packed]) == joined([plain])  # `receive` has opened it


@on_one
async def test_the_store_is_away() -> None:
    at = await house()

    async def away(query: Any) -> Any:
        raise StoreUnavailable("gone")

    at.desk.read = away
    answer = await at.ask(question("M1"), **SPAN)
    assert told(answer) == (Result.FAILED, [("5.1", "ALMACEN_NO_DISPONIBLE", None)])
