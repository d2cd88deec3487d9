"""Each rule of the three kinds of get, one row with its code.

The codes are of IEC 61968-9 Annex B; the kinds are those that the utility's adapters answer
(All Instances, Filter, Association), as published for them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from headend.integration.cim import limits
from headend.integration.cim.answering import answer, pages
from headend.integration.cim.layer import (
    Page,
    Selection,
    SourceTooSlow,
    SourceUnavailable,
    TooMuch,
)
from headend.integration.cim.limits import Limits
from headend.integration.cim.refusals import Refusal
from protocols.cim import get
from protocols.cim.codes import REASONS
from protocols.cim.envelope import Header, Message, Property, Request
from protocols.cim.errors import Identifier
from protocols.cim.profile import reading
from protocols.cim.profile.instance import Instance, Position
from protocols.cim.profile.model import CimClass, Profile
from tests.cim_adapters.naive import Naive
from tests.cim_adapters.utilities import STAMP, UTILITY, asked, codes, siad_instances
from tests.house.source import ROOT

SIAD, SIMOCE, SCADA, AMI = map(reading.profile, ("siad", "simoce", "scada", "ami"))
T0 = datetime(2026, 7, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _measured(profile: Profile) -> list[Instance]:
    """A feeder with a substation, two analogs and six hourly values of each; a meter."""
    feeder = {"PowerSystemResource": "F1"}
    found = [
        Instance(profile["Meter"], {"mRID": "M1"}),
        *(
            Instance(
                profile["Analog"],
                {"mRID": f"F1.I{phase}", "measurementType": "LineCurrent", "phases": phase},
                feeder,
            )
            for phase in "AB"
        ),
        *(
            Instance(
                profile["AnalogValue"],
                {"value": 100.0 + hour, "timeStamp": T0 + hour * HOUR, "quality": "good"},
                {"Analog": f"F1.I{phase}"},
            )
            for phase in "AB"
            for hour in range(6)
        ),
    ]
    if "Feeder" in profile:
        found += [
            Instance(profile["Substation"], {"mRID": "S1"}),
            Instance(profile["Feeder"], {"mRID": "F1"}, {"NormalEnergizingSubstation": "S1"}),
        ]
    if "UsagePoint" in profile:
        found.append(Instance(profile["UsagePoint"], {"mRID": "P1"}))
    return found


SOURCES = {
    "SIAD": Naive(SIAD, siad_instances(UTILITY)),
    **{it.name: Naive(it, _measured(it)) for it in (SIMOCE, SCADA, AMI)},
}


def _all(cls: str) -> Message:
    return get.all_instances(cls, STAMP)


def _filter(cls: str, **values: str) -> Message:
    return get.filtered(cls, values, STAMP)


def _by(
    cls: str,
    association: str,
    *keys: str,
    special: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Message:
    return get.associated(cls, association, keys, STAMP, special=special, start=start, end=end)


def _history(start: datetime | None, end: datetime | None) -> Message:
    return _by("Analog", "AnalogValues", "F1.IA", start=start, end=end)


def _verb(verb: str) -> Message:
    message = _all("CFE_Zone")
    assert message.header is not None
    return replace(message, header=replace(message.header, verb=verb))


def _options(cls: str, *options: Property, marker: str = "") -> Message:
    message = _all(cls)
    assert message.header is not None
    properties = (Property(marker),) if marker else ()
    return replace(
        message,
        header=replace(message.header, properties=properties),
        request=Request(options=options),
    )


def _page(value: str, object_type: str | None = get.PAGE, times: int = 1) -> Message:
    ids = (Identifier(value, "other", object_type),) * times
    return replace(_all("CFE_Zone"), request=Request(ids=ids))


GOOD = {
    # name: (profile, request, how many instances come)
    "all instances of a class": (SIAD, _all("Substation"), 8),
    "all instances, those of subclasses too": (SIAD, _all("Feeder"), 32),
    "all instances of an abstract class": (SIAD, _all("CFE_ServiceRequest"), 80),
    "all instances, and there are none": (SIMOCE, _all("CFE_PowerQualityEvent"), 0),
    "a noun with blanks around it": (SIAD, _all(" CFE_Zone "), 2),
    "a property that means nothing here": (
        SIAD,
        replace(
            _all("CFE_Zone"),
            header=Header(verb="get", noun="CFE_Zone", properties=(Property("idioma", "es"),)),
        ),
        2,
    ),
    "filter by text": (SIAD, _filter("CFE_Zone", mRID="Z02"), 1),
    "filter by text with an accent": (SIAD, _filter("CFE_Zone", name="Zona Riberas"), 1),
    "filter that nothing passes": (SIAD, _filter("CFE_Zone", name="zona riberas"), 0),
    "filter by a number": (SIAD, _filter("CFE_Circuit", customerCount="24"), 32),
    "filter by a number written otherwise": (SIAD, _filter("Substation", nominalVoltage="1.38e1"),
        sum(it.kilovolts == 13.8 for it in UTILITY.substations)),
    "filter by a boolean": (SIAD, _filter("CFE_Circuit", inService="0"),
        sum(it.new for it in UTILITY.feeders)),
    "filter by an enumeration": (SIAD, _filter("CFE_ServiceRequest", status="rejected"),
        sum(it.status == "X" for it in UTILITY.requests)),
    "filter by a time in another zone": (
        SIMOCE, _filter("AnalogValue", timeStamp="2026-07-05T21:00:00-03:00"), 2),
    "filter by several attributes": (
        SIAD, _filter("CFE_Circuit", customerCount="24", mRID="VEN-4010"), 1),
    "filter by attributes that contradict": (
        SIAD, _options("CFE_Zone", Property("mRID", "Z01"), Property("mRID", "Z02")), 0),
    "filter by an inherited attribute": (SIAD, _filter("CFE_Circuit", name="Ventanas 4010"), 1),
    "filter of an abstract class": (SIAD, _filter("CFE_ServiceRequest", customerName="?"), 0),
    "association to many": (SIAD, _by("Substation", "Feeders", "VEN"), 4),
    "association to one": (SIAD, _by("Feeder", "NormalEnergizingSubstation", "VEN-4010"), 1),
    "association, inherited": (SIAD, _by("CFE_Zone", "Substations", "Z01"), 4),
    "association to an abstract class": (SIAD, _by("CFE_Zone", "ServiceRequests", "Z01"),
        sum(it.zone.number == 1 for it in UTILITY.requests)),
    "association of several instances": (SIAD, _by("Substation", "Feeders", "VEN", "ENC"), 8),
    "association of the same instance twice": (SIAD, _by("Substation", "Feeders", "VEN", "VEN"), 4),
    "association that leads to nobody": (SCADA, _by("Meter", "Measurements", "M1"), 0),
    "association with an accent and capitals": (
        SIAD, _options("Substation", Property("Feeders", "VEN"), marker="Asociación"), 4),
    "association with special attributes": (
        SCADA, _by("Feeder", "Measurements", "F1", special="measurementType=LineCurrent"), 2),
    "association with several special attributes": (
        SCADA, _by("Feeder", "Measurements", "F1", special="measurementType=LineCurrent; phases=B"),
        1),
    "association with an empty value": (SCADA, _by("Feeder", "Measurements", "F1", special=" "), 2),
    "present values need no window": (SCADA, _by("Analog", "AnalogValues", "F1.IA"), 6),
    "history in a window": (SIMOCE, _history(T0, T0 + 3 * HOUR), 3),
    "history, its end left out": (SIMOCE, _history(T0 + HOUR, T0 + 2 * HOUR), 1),
    "history of several instances": (
        SIMOCE, _by("Analog", "AnalogValues", "F1.IA", "F1.IB", start=T0, end=T0 + HOUR), 2),
    "history with nothing in it": (SIMOCE, _history(T0 - HOUR, T0), 0),
    "history as long as may be": (SIMOCE, _history(T0, T0 + limits.LIMITS.window), 6),
}  # fmt: skip


def _with_content(name: str) -> Message:
    """All instances, and an element of another namespace that narrows them in its sender's eyes."""
    content = etree.Element(f"{{http://iec.ch/TC57/2011/{name}#}}{name}")
    return replace(_all("CFE_Zone"), request=Request(content=(content,)))


REFUSED = {
    # name: (profile, request, result, code and key)
    "a class of another adapter": (SIAD, _all("Analog"), "2.5 CLASE_DESCONOCIDA"),
    "a class by the wrong case": (SIAD, _all("cfe_zone"), "2.5 CLASE_DESCONOCIDA"),
    "a verb that changes": (SIAD, _verb("change"), "2.9 VERBO_NO_ADMITIDO"),
    "a verb that answers": (SIAD, _verb("reply"), "2.9 VERBO_NO_ADMITIDO"),
    "a noun's question inside": (
        SIAD, _with_content("GetMeterReadings"), "1.8 CONTENIDO_NO_ADMITIDO"),
    "an attribute that is not there": (
        SIAD, _filter("CFE_Zone", color="azul"), "1.8 ATRIBUTO_DESCONOCIDO"),
    "an attribute of a subclass": (
        SIAD, _filter("Feeder", length="3"), "1.8 ATRIBUTO_DESCONOCIDO"),
    "an association as a filter": (
        SIAD, _filter("CFE_Circuit", NormalEnergizingSubstation="VEN"), "1.8 ATRIBUTO_DESCONOCIDO"),
    "an association without its property": (
        SIAD, _filter("Substation", Feeders="VEN"), "1.8 ATRIBUTO_DESCONOCIDO"),
    "a filter without a value": (
        SIAD, _options("CFE_Zone", Property("name")), "1.6 VALOR_FALTA"),
    "no number": (SIAD, _filter("CFE_Circuit", length="largo"), "1.8 VALOR_INVALIDO"),
    "no number at all": (SIAD, _filter("CFE_Circuit", length="NaN"), "1.8 VALOR_INVALIDO"),
    "a number without end": (SIAD, _filter("CFE_Circuit", length="1e999"), "1.8 VALOR_INVALIDO"),
    "no whole number": (SIAD, _filter("CFE_Circuit", customerCount="2.0"), "1.8 VALOR_INVALIDO"),
    "a number beyond 64 bits": (
        SIAD, _filter("CFE_Circuit", customerCount="9223372036854775808"), "1.8 VALOR_INVALIDO"),
    "digits of another script": (
        SIAD, _filter("CFE_Circuit", customerCount="२४"), "1.8 VALOR_INVALIDO"),
    "no boolean": (SIAD, _filter("CFE_Circuit", inService="S"), "1.8 VALOR_INVALIDO"),
    "no value of an enumeration": (
        SIAD, _filter("CFE_ServiceRequest", status="T"), "1.8 VALOR_INVALIDO"),
    "an empty value where there is none": (
        SIAD, _filter("CFE_Circuit", customerCount=""), "1.8 VALOR_INVALIDO"),
    "no time": (SIMOCE, _filter("AnalogValue", timeStamp="ayer"), "1.8 VALOR_INVALIDO"),
    "a time without a zone": (
        SIMOCE, _filter("AnalogValue", timeStamp="2026-07-06T00:00:00"), "1.8 VALOR_INVALIDO"),
    "a time outside the calendar": (
        SIMOCE, _filter("AnalogValue", timeStamp="0001-01-01T00:00:00+14:00"),
        "1.8 VALOR_INVALIDO"),
    "a text that is too long": (SIAD, _filter("CFE_Zone", name="x" * 1025), "1.8 VALOR_INVALIDO"),
    "too many options": (
        SIAD, _options("CFE_Zone", *[Property("mRID", "Z01")] * 51), "3.1 DEMASIADAS_OPCIONES"),
    "a filter with a window": (
        SIMOCE, replace(_all("AnalogValue"), request=Request(start_time=T0)),
        "1.8 PLAZO_NO_ADMITIDO"),
    "an association that is not there": (
        SIAD, _by("Substation", "Breakers", "VEN"), "2.29 ASOCIACION_DESCONOCIDA"),
    "an attribute as an association": (
        SIAD, _by("Substation", "name", "VEN"), "2.29 ASOCIACION_DESCONOCIDA"),
    "an association of a class without a key of its own": (
        SIMOCE, _by("AnalogValue", "Analog", "F1.IA"), "2.29 ASOCIACION_DESCONOCIDA"),
    "an association that is not named": (
        SIAD, _options("Substation", marker="asociacion"), "1.6 ASOCIACION_FALTA"),
    "two associations": (
        SIAD,
        _options("Substation", Property("Feeders", "VEN"), Property("Area", "VEN"),
            marker="asociacion"),
        "1.8 ASOCIACION_DOBLE"),
    "an association of nobody": (
        SIAD, _options("Substation", Property("Feeders"), marker="asociacion"), "1.6 VALOR_FALTA"),
    "a key that is too long": (
        SIAD, _by("Substation", "Feeders", "x" * 1025), "1.8 VALOR_INVALIDO"),
    "a key that nobody has": (SIAD, _by("Substation", "Feeders", "ZZZ"), "2.15 CLAVE_DESCONOCIDA"),
    "a key of another class": (SIAD, _by("Substation", "Feeders", "Z01"), "2.15 CLAVE_DESCONOCIDA"),
    "a meter that nobody has": (AMI, _by("Meter", "Measurements", "9"), "2.4 MEDIDOR_DESCONOCIDO"),
    "a usage point that nobody has": (
        AMI, _by("UsagePoint", "EndDevices", "9"), "2.12 PUNTO_DESCONOCIDO"),
    "a special attribute that is none": (
        SCADA, _by("Feeder", "Measurements", "F1", special="name=x"), "1.8 ESPECIAL_NO_ADMITIDO"),
    "a special attribute without a name, of several": (
        SCADA, _by("Feeder", "Measurements", "F1", special="A"), "1.8 ESPECIAL_NO_ADMITIDO"),
    "a special attribute where there are none": (
        SIAD, _by("Substation", "Feeders", "VEN", special="name=x"), "1.8 ESPECIAL_NO_ADMITIDO"),
    "a special attribute with a wrong value": (
        SCADA, _by("Feeder", "Measurements", "F1", special="phases=Z"), "1.8 VALOR_INVALIDO"),
    "a history without a window": (SIMOCE, _history(None, None), "1.6 PLAZO_FALTA"),
    "a history without its end": (SIMOCE, _history(T0, None), "1.6 PLAZO_FALTA"),
    "a history without its beginning": (SIMOCE, _history(None, T0), "1.6 PLAZO_FALTA"),
    "a window of nothing": (SIMOCE, _history(T0, T0), "1.8 PLAZO_INVALIDO"),
    "a window that ends first": (SIMOCE, _history(T0 + HOUR, T0), "1.8 PLAZO_INVALIDO"),
    "a window that is too long": (
        SIMOCE, _history(T0, T0 + limits.LIMITS.window + timedelta(seconds=1)),
        "3.1 PLAZO_DEMASIADO_LARGO"),
    "a window where there is no history": (
        SCADA, _by("Analog", "AnalogValues", "F1.IA", start=T0, end=T0 + HOUR),
        "1.8 PLAZO_NO_ADMITIDO"),
    "a page that is none": (SIAD, _page("inicio"), "2.15 PAGINA_INVALIDA"),
    "a page of another question": (
        SIAD, _page("WyIwMDAwMDAwMDAwMDAwMDAwIiwiQ0ZFX1pvbmUiLCJaMDEiXQ=="),
        "2.15 PAGINA_INVALIDA"),
    "two pages at once": (SIAD, _page("x", times=2), "2.15 PAGINA_INVALIDA"),
    "an ID that is no page": (SIAD, _page("Z01", None), "2.15 PAGINA_INVALIDA"),
}  # fmt: skip


@pytest.mark.parametrize("profile, message, count", GOOD.values(), ids=GOOD)
async def test_what_is_answered(profile: Profile, message: Message, count: int) -> None:
    reply, found = await asked(message, profile, SOURCES[profile.name])
    assert codes(reply) == ["OK 0.0"]
    assert len(found) == count
    assert reply.header is not None and message.header is not None
    assert (reply.header.verb, reply.header.noun) == ("reply", message.header.noun.strip())


@pytest.mark.parametrize("profile, message, why", REFUSED.values(), ids=REFUSED)
async def test_what_is_refused(profile: Profile, message: Message, why: str) -> None:
    reply, found = await asked(message, profile, SOURCES[profile.name])
    assert codes(reply) == [f"FAILED {why}"]
    assert found == [] and reply.payload is None
    assert reply.reply is not None
    (error,) = reply.reply.errors
    assert error.reason == REASONS[error.code]


async def test_a_window_without_a_zone() -> None:
    """The envelope lets it pass; whose midnight it is nobody knows."""
    naive = datetime(2026, 7, 6)
    message = _history(T0, T0 + HOUR)
    assert message.request is not None
    message = replace(message, request=replace(message.request, start_time=naive))
    reply = await answer(message, SIMOCE, SOURCES["SIMOCE"], STAMP)
    assert codes(reply) == ["FAILED 1.8 PLAZO_INVALIDO"]


async def test_known_and_unknown_keys_together() -> None:
    message = _by("Substation", "Feeders", "VEN", "ZZZ", "ENC")
    reply, found = await asked(message, SIAD, SOURCES["SIAD"])
    assert codes(reply) == ["PARTIAL 0.2", "PARTIAL 2.15 CLAVE_DESCONOCIDA"]
    assert len(found) == 8
    assert reply.reply is not None
    assert reply.reply.errors[1].id == Identifier("ZZZ", "name", "Substation")


class _Troubled:
    """A system that has this trouble whenever it is asked."""

    def __init__(self, trouble: Exception | None) -> None:
        self._trouble = trouble

    async def page(self, selection: Selection, after: Position | None, limit: int) -> Page:
        if self._trouble is not None:
            raise self._trouble
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits for so long")

    async def known(self, cls: CimClass, ids: Collection[str]) -> frozenset[str]:
        return frozenset(ids)


TROUBLES = {
    "it is down": (SourceUnavailable("down"), "5.3 FUENTE_CAIDA"),
    "it says that it takes too long": (SourceTooSlow("slow"), "4.1 FUENTE_LENTA"),
    "it never answers": (None, "4.1 FUENTE_LENTA"),
    "it gives no more than so much": (TooMuch("many"), "3.1 DEMASIADOS_DATOS"),
}


@pytest.mark.parametrize("trouble, why", TROUBLES.values(), ids=TROUBLES)
async def test_a_system_in_trouble(trouble: Exception | None, why: str) -> None:
    for message in (_all("CFE_Zone"), _by("Substation", "Feeders", "VEN")):
        reply, _ = await asked(message, SIAD, _Troubled(trouble))
        assert codes(reply) == [f"FAILED {why}"]


def test_each_refusal_has_a_row() -> None:
    """And each code is one of the standard's."""
    shown = [why for *_, why in (*REFUSED.values(), *TROUBLES.values())]
    keys = {why.split()[1] for why in shown}
    elsewhere = {"DATO_ILEGIBLE"}  # of single data: with the layer that finds them
    assert keys | elsewhere == {it.name for it in Refusal}
    assert all(it.code in REASONS for it in Refusal)


def test_the_page_lists_each_refusal() -> None:
    text = (ROOT / "docs" / "cim-adapters.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d\.\d+) \| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted((it.code, it.name) for it in Refusal)


async def test_pages_are_the_whole() -> None:
    """Whatever their size: OK where one is enough, else 0.1 up to the last, which is 0.2."""
    message = _all("CFE_ServiceRequest")
    whole = [it for it in siad_instances(UTILITY) if "Request" in it.cls.name]
    for size in (1, 7, 79, 80, 81):
        request, found, told = message, list[Instance](), list[str]()
        for _ in whole:
            reply, some = await asked(request, SIAD, SOURCES["SIAD"], Limits(page=size))
            assert len(some) <= size
            found += some
            told += codes(reply)
            page = get.next_page(reply)
            if page is None:
                break
            request = get.following(message, page)
        assert found == whole
        several = ["PARTIAL 0.1"] * ((len(whole) - 1) // size) + ["PARTIAL 0.2"]
        assert told == (["OK 0.0"] if size >= len(whole) else several)


async def test_all_pages_in_a_row() -> None:
    replies = pages(_all("Feeder"), SIAD, SOURCES["SIAD"], STAMP, Limits(page=10))
    told = [[*map(str, codes(reply))] async for reply in replies]
    assert told == [["PARTIAL 0.1"]] * 3 + [["PARTIAL 0.2"]]


async def test_a_page_with_unknown_keys_goes_on() -> None:
    """The page's mark is that of the question as it was asked, unknown keys and all."""
    message = _by("Substation", "Feeders", "VEN", "ZZZ")
    first, some = await asked(message, SIAD, SOURCES["SIAD"], Limits(page=3))
    page = get.next_page(first)
    assert page is not None and len(some) == 3
    assert codes(first)[0] == "PARTIAL 0.1"
    last, rest = await asked(get.following(message, page), SIAD, SOURCES["SIAD"], Limits(page=3))
    assert codes(last) == ["PARTIAL 0.2", "PARTIAL 2.15 CLAVE_DESCONOCIDA"]
    assert len(rest) == 1
