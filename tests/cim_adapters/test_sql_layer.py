"""The data layer over a database: as a plain reading of the rules has it, on both kinds."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from headend.integration.cim.layer import (
    Condition,
    Selection,
    SourceTooSlow,
    SourceUnavailable,
    Via,
)
from headend.integration.cim.limits import Limits
from headend.integration.cim.mapping import mapping_of, read_mapping
from headend.integration.cim.sql import SqlLayer
from protocols.cim import get
from protocols.cim.envelope import Message
from protocols.cim.profile import lexical, reading
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.model import Profile
from scenarios.utility.naming import System, feeder_key
from scenarios.utility.sheets import sheet
from tests import databases
from tests.cim_adapters.naive import Naive
from tests.cim_adapters.utilities import (
    STAMP,
    UTILITY,
    asked,
    codes,
    filled,
    layer,
    siad_instances,
)

pytest_generate_tests = databases.on_both

SIAD = reading.profile("siad")
PAGES_MAX = 200
T0 = datetime(2026, 7, 6, tzinfo=UTC)
QUARTER = timedelta(minutes=15)

# A history in a database, as a historian over SQL would be: SIMOCE's profile, analogs alone.
HISTORY = read_mapping(
    reading.read(
        """
name = "Historian"
title = "Values"
about = "Analogs and their values."

[classes.Analog]
about = "A quantity."
key = ["mRID"]
attributes.mRID = { type = "String", required = true }
attributes.phase = { type = "String" }

[classes.Analog.associations.AnalogValues]
to = "AnalogValue"
many = true
inverse = "Analog"
history = "timeStamp"

[classes.AnalogValue]
about = "A value."
key = ["Analog", "timeStamp"]
attributes.value = { type = "Float", required = true }
attributes.count = { type = "Integer" }
attributes.timeStamp = { type = "DateTime", required = true }
associations.Analog = { to = "Analog", required = true, inverse = "AnalogValues" }
"""
    ),
    """
[classes.Analog]
table = "puntos"
columns = { mRID = "punto", phase = "fase" }

[classes.AnalogValue]
table = "muestras"
columns = { Analog = "punto", timeStamp = "hora", value = "valor", count = "muestras" }
""",
)  # fmt: skip
POINTS = sheet("puntos", "punto fase", [("F1.IA", "A"), ("F1.IB", "B"), ("F1.IC", "C")])
SAMPLES = sheet(
    "muestras",
    "clave punto hora:time valor:real muestras:integer",
    (
        (f"{point}{place}", point, T0 + place * QUARTER, place + 0.5, place)
        for point in ("F1.IA", "F1.IB")
        for place in range(96)
    ),
)


@pytest.fixture
def siad(tmp_path: Path) -> Iterator[SqlLayer]:
    source = layer("siad", tmp_path)
    yield source
    source.close()


@pytest.fixture
def historian(tmp_path: Path) -> Iterator[SqlLayer]:
    url = filled(tmp_path / "history.db", [POINTS, SAMPLES])
    source = SqlLayer(url, HISTORY, live=False)
    yield source
    source.close()


async def _all_pages(
    message: Message, profile: Profile, source: SqlLayer, size: int
) -> tuple[list[Instance], list[str]]:
    found, told, request = list[Instance](), list[str](), message
    for _ in range(PAGES_MAX):
        reply, some = await asked(request, profile, source, Limits(page=size))
        found += some
        told += codes(reply)
        page = get.next_page(reply)
        if page is None:
            return found, told
        request = get.following(message, page)
    raise AssertionError("its pages do not end")


async def test_siad_shows_what_the_utility_is(siad: SqlLayer) -> None:
    """Class by class, whole and in pages."""
    expected = siad_instances(UTILITY)
    for cls in SIAD.classes:
        wanted = [it for it in expected if cls in SIAD.lineage(it.cls)]
        found, _ = await _all_pages(get.all_instances(cls.name, STAMP), SIAD, siad, 1000)
        assert found == wanted
        found, _ = await _all_pages(get.all_instances(cls.name, STAMP), SIAD, siad, 9)
        assert found == wanted


async def test_every_association_of_every_instance(siad: SqlLayer) -> None:
    """All at once, as the naive reading has it."""
    expected = siad_instances(UTILITY)
    naive = Naive(SIAD, expected)
    shown = 0
    for cls in SIAD.classes:
        keys = tuple(str(it.attributes["mRID"]) for it in expected if cls in SIAD.lineage(it.cls))
        for association in SIAD.associations(cls).values():
            for ids in (keys[:1], keys[1:5], keys):
                selection = Selection(SIAD[association.target], (), Via(cls, association, ids))
                page = await siad.page(selection, None, 10_000)
                assert [*page.instances] == naive.chosen(selection)
                shown += len(page.instances)
    assert shown > 300


async def test_every_attribute_filters(siad: SqlLayer) -> None:
    """By a value that some instances have, and by one that others have."""
    naive, asked_for = Naive(SIAD, siad_instances(UTILITY)), 0
    for cls in SIAD.classes:
        found = naive.chosen(Selection(cls))
        for attribute in SIAD.attributes(cls).values():
            values = dict.fromkeys(
                it.attributes[attribute.name] for it in found if attribute.name in it.attributes
            )
            for value in [*values][:2]:
                selection = Selection(cls, (Condition(attribute, value),))
                page = await siad.page(selection, None, 1000)
                assert [*page.instances] == naive.chosen(selection), selection
                asked_for += 1
    assert asked_for > 100


async def test_which_keys_are_known(siad: SqlLayer) -> None:
    known = await siad.known(SIAD["Feeder"], ["VEN-4010", "VEN", "ven-4010", "", "' OR ''='"])
    assert known == {"VEN-4010"}


HOSTILE = (
    "'; DROP TABLE zonas; --",
    '" OR "1"="1',
    "%",
    "_",
    "\\",
    "Z01' --",
    ":mrid",
    "?",
    "%(mRID)s",
    "{0}",
    "\u202e10Z",
    "😀",
)


async def test_no_value_becomes_sql(siad: SqlLayer) -> None:
    """Such a value is one that nobody has, in every place where a request has values."""
    for value in HOSTILE:
        reply, found = await asked(get.filtered("CFE_Zone", {"mRID": value}, STAMP), SIAD, siad)
        assert (codes(reply), found) == (["OK 0.0"], [])
        message = get.associated("CFE_Zone", "Areas", [value], STAMP)
        reply, found = await asked(message, SIAD, siad)
        assert codes(reply) == ["FAILED 2.15 CLAVE_DESCONOCIDA"]
        page = await siad.page(Selection(SIAD["CFE_Zone"]), ("CFE_Zone", value), 10)
        zones = [it.attributes["mRID"] for it in page.instances]
        assert zones == [it for it in ("Z01", "Z02") if it > value]
    reply, found = await asked(get.all_instances("CFE_Zone", STAMP), SIAD, siad)
    assert len(found) == 2


async def test_a_history_is_a_window(historian: SqlLayer) -> None:
    profile = HISTORY.profile
    for keys in (["F1.IA"], ["F1.IB", "F1.IA"], ["F1.IC"]):
        for first, last in ((0, 4), (90, 200), (-9, 0), (95, 96)):
            start, end = T0 + first * QUARTER, T0 + last * QUARTER
            message = get.associated("Analog", "AnalogValues", keys, STAMP, start=start, end=end)
            for size in (3, 1000):
                found, told = await _all_pages(message, profile, historian, size)
                wanted = [
                    (key, T0 + place * QUARTER, place + 0.5)
                    for key in sorted(keys)
                    if key != "F1.IC"
                    for place in range(max(first, 0), min(last, 96))
                ]
                shown = [
                    (it.references["Analog"], it.attributes["timeStamp"], it.attributes["value"])
                    for it in found
                ]
                assert shown == wanted
                assert told[-1] == ("OK 0.0" if len(wanted) <= size else "PARTIAL 0.2")


async def test_values_by_time_and_number(historian: SqlLayer) -> None:
    profile = HISTORY.profile
    for values, count in (
        ({"timeStamp": "2026-07-06T01:00:00Z"}, 2),
        ({"timeStamp": "2026-07-05T22:00:00.000-03:00"}, 2),
        ({"value": "4.5"}, 2),
        ({"count": "4", "value": "4.5"}, 2),
        ({"count": "5", "value": "4.5"}, 0),
    ):
        message = get.filtered("AnalogValue", values, STAMP)
        reply, found = await asked(message, profile, historian)
        assert (codes(reply), len(found)) == (["OK 0.0"], count)


@databases.sqlite_only("its cells hold what somebody typed, whatever the column's type")
async def test_what_is_not_of_the_profile_is_told(tmp_path: Path) -> None:
    url = filled(tmp_path / "history.db", [POINTS, replace(SAMPLES, rows=())])
    good = "2026-07-06T00:00:00.000000Z"
    rows = [
        ("1", "F1.IA", good, 1.0, 1),
        ("2", "F1.IB", good, "mucho", 1),  # required: the instance is left out
        ("3", "F1.IC", good, 2.0, "varias"),  # not required: the instance stays
        ("4", "F1.ID", "ayer", 3.0, 1),
        ("5", "F1.IE", good, None, 1),
        ("6", "F1.IF", good, 4, 1.5),
        ("7", None, good, 4, 1),  # nobody's, so that it has no key
    ]
    with closing(sqlite3.connect(tmp_path / "history.db")) as database, database:
        database.executemany("INSERT INTO muestras VALUES (?, ?, ?, ?, ?)", rows)
    source = SqlLayer(url, HISTORY, live=False)
    message = get.all_instances("AnalogValue", STAMP)
    for size in (1, 2, 1000):
        found, told = await _all_pages(message, HISTORY.profile, source, size)
        shown = {it.references["Analog"]: it.attributes.get("count") for it in found}
        assert shown == {"F1.IA": 1, "F1.IC": None, "F1.IF": None}
        assert told.count("PARTIAL 5.7 DATO_ILEGIBLE") == 5
    source.close()


@databases.sqlite_only("a server cannot be taken away from under one test")
async def test_a_database_that_is_away_and_comes_back(tmp_path: Path) -> None:
    place = tmp_path / "siad.db"
    source = SqlLayer(f"sqlite:///{place}", mapping_of("siad"), live=False)
    message = get.all_instances("CFE_Zone", STAMP)
    reply, _ = await asked(message, SIAD, source)
    assert codes(reply) == ["FAILED 5.3 FUENTE_CAIDA"]
    place.write_bytes(b"")  # a database, but without the tables
    reply, _ = await asked(message, SIAD, source)
    assert codes(reply) == ["FAILED 5.3 FUENTE_CAIDA"]
    source.close()
    place.unlink()
    filled_layer = layer("siad", tmp_path)
    reply, found = await asked(message, SIAD, source)
    assert (codes(reply), len(found)) == (["OK 0.0"], 2)
    for each in (source, filled_layer):
        each.close()


async def test_a_source_that_cannot_be_reached() -> None:
    nowhere = "sqlite:////nonexistent/siad.db"
    if databases.postgresql():
        nowhere = "postgresql+psycopg://ami@/siad?host=/nonexistent"
    source = SqlLayer(nowhere, mapping_of("siad"), live=False)
    with pytest.raises(SourceUnavailable):
        await source.known(SIAD["CFE_Zone"], ["Z01"])
    source.close()


@pytest.mark.live
async def test_many_who_ask_at_once(tmp_path: Path) -> None:
    """In threads, as the head-end asks; each gets its own answer."""
    layer("siad", tmp_path).close()
    source = SqlLayer(databases.at(tmp_path / "siad.db"), mapping_of("siad"))
    keys = [it.letters for it in UTILITY.substations] * 3
    replies = await asyncio.gather(
        *(asked(get.associated("Substation", "Feeders", [it], STAMP), SIAD, source) for it in keys)
    )
    source.close()
    for key, (reply, found) in zip(keys, replies, strict=True):
        assert codes(reply) == ["OK 0.0"]
        assert {it.references["NormalEnergizingSubstation"] for it in found} == {key}


@databases.sqlite_only("its cells are changed by hand")
async def test_what_xml_cannot_carry(tmp_path: Path) -> None:
    """Is shown as what cannot be shown, and the answer stays a message."""
    source = layer("siad", tmp_path)
    with closing(sqlite3.connect(tmp_path / "siad.db")) as database, database:
        database.execute(
            "UPDATE zonas SET nombre = 'a' || char(1) || 'b', siglas = ?", ("x" * 20_000,)
        )
    reply, found = await asked(get.all_instances("CFE_Zone", STAMP), SIAD, source)
    source.close()
    assert codes(reply) == ["OK 0.0"]
    assert {it.attributes["name"] for it in found} == {"a\ufffdb"}
    assert {len(str(it.attributes["aliasName"])) for it in found} == {lexical.TEXT_MAX}


async def test_nothing_can_be_written(siad: SqlLayer) -> None:
    """The layer's own connection refuses to."""
    await siad.known(SIAD["CFE_Zone"], ["Z01"])

    def write(connection: Connection) -> frozenset[str]:
        connection.execute(text("DELETE FROM zonas"))
        return frozenset()

    with pytest.raises(SourceUnavailable) as caught:
        await siad._read(write)
    assert isinstance(caught.value.__cause__, DBAPIError)
    assert await siad.known(SIAD["CFE_Zone"], ["Z01", "Z02"]) == {"Z01", "Z02"}


@databases.postgresql_only
async def test_a_statement_that_takes_too_long(
    siad: SqlLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends it; the adapter says that the source was slow."""
    monkeypatch.setattr("headend.integration.cim.sql.STATEMENT_S", 0.001)

    def sleep(connection: Connection) -> frozenset[str]:
        connection.execute(text("SELECT pg_sleep(60)"))
        return frozenset()

    with pytest.raises(SourceTooSlow):
        await siad._read(sleep)


async def test_the_repository_leads_from_one_name_to_the_others(tmp_path: Path) -> None:
    """Of each feeder that is mapped, from each of its names; of a new one from none."""
    source = layer("repository", tmp_path)
    profile = reading.profile("repository")
    names = {
        System.SIAD: "CFE_Circuit",
        System.SIMOCE: "Feeder",
        System.SCADA: "Feeder",
        System.VIP: "CFE_Circuit",
    }
    for feeder in UTILITY.feeders[:8]:
        keys = {it: f"{it}:{cls}:{feeder_key(it, feeder)}" for it, cls in names.items()}
        message = get.associated("CFE_MappedName", "Equivalents", [keys[System.SIAD]], STAMP)
        reply, found = await asked(message, profile, source)
        if feeder.new:
            assert codes(reply) == ["FAILED 2.15 CLAVE_DESCONOCIDA"]
            continue
        others = {it.attributes["mRID"] for it in found}
        assert others == {key for it, key in keys.items() if it is not System.SIAD}
        message = get.associated(
            "CFE_MappedName", "Equivalents", [keys[System.VIP]], STAMP, special="SIMOCE"
        )
        reply, found = await asked(message, profile, source)
        assert [it.attributes["name"] for it in found] == [feeder_key(System.SIMOCE, feeder)]
        # Each is the other's equivalent, and so in the answer to both.
        both = [keys[System.SIAD], keys[System.VIP]]
        reply, found = await asked(
            get.associated("CFE_MappedName", "Equivalents", both, STAMP), profile, source
        )
        assert {it.attributes["mRID"] for it in found} == {*keys.values()}
    source.close()


async def test_the_vip_customers_of_a_circuit(tmp_path: Path) -> None:
    source = layer("vip", tmp_path)
    profile = reading.profile("vip")
    for feeder in UTILITY.feeders:
        key = feeder_key(System.VIP, feeder)
        message = get.associated("CFE_Circuit", "VIPCustomers", [key], STAMP)
        reply, found = await asked(message, profile, source)
        wanted = [
            (it.name, str(it.kind), it.demand_kw, it.current)
            for it in UTILITY.vip
            if it.feeder == feeder
        ]
        shown = [
            tuple(it.attributes[name] for name in ("name", "kind", "energyDemand", "vip"))
            for it in found
        ]
        assert (codes(reply), shown) == (["OK 0.0"], wanted)
    source.close()
