"""The invented utility: the same from the same seed, and one for all of its systems."""

from __future__ import annotations

import io
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.meter.identity import Identity
from headend.domain.place import CODE
from headend.registry import places as registry
from scenarios.utility import databases, places, repository, words
from scenarios.utility.making import make
from scenarios.utility.model import Plan, Utility
from scenarios.utility.naming import System, feeder_key, head_meter_key, substation_key
from scenarios.utility.sheets import Sheet

AT = datetime(2026, 7, 6, tzinfo=UTC)
UTILITY = make(7, AT)
LARGE = make(7, AT, Plan(zones=9, areas=3, vip=400, requests=500))
FEEDER_SYSTEMS = (System.SIAD, System.SIMOCE, System.SCADA, System.VIP, System.AMI)


def _octets(utility: Utility, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    files = databases.write(utility, folder)
    assert {*folder.iterdir()} == {*files.values()}  # no journal, nothing beside them
    return {adapter: path.read_bytes() for adapter, path in files.items()}


def test_same_seed_same_octets(tmp_path: Path) -> None:
    one = _octets(UTILITY, tmp_path / "one")
    assert _octets(make(7, AT), tmp_path / "again") == one
    other = _octets(make(8, AT), tmp_path / "other")
    assert all(one[adapter] != other[adapter] for adapter in ("siad", "vip"))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    before = _octets(UTILITY, tmp_path / "one")
    with pytest.raises(FileExistsError):
        databases.write(make(8, AT), tmp_path / "one")
    assert (tmp_path / "one" / "siad.db").read_bytes() == before["siad"]


def test_more_of_a_thing_changes_none_of_the_others() -> None:
    more = make(7, AT, replace(Plan(), vip=100, requests=200))
    assert more.vip[:24] == UTILITY.vip and more.requests[:80] == UTILITY.requests
    assert more.meters == UTILITY.meters


@pytest.mark.parametrize(
    "wrong", [{"zones": 0}, {"feeders": -1}, {"meters": -1}, {"requests": -1}], ids=str
)
def test_a_plan_has_some_of_each(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Plan(**wrong)


@pytest.mark.parametrize("utility", [UTILITY, LARGE], ids=["small", "large"])
def test_keys_are_keys(utility: Utility) -> None:
    """In each table of each database; and each feeder has one of its own in each system."""
    sheets: list[Sheet] = [it for make_ in databases.SHEETS.values() for it in make_(utility)]
    for each in sheets:
        assert len({row[0] for row in each.rows}) == len(each.rows), each.name
    for system in FEEDER_SYSTEMS:
        assert len({feeder_key(system, it) for it in utility.feeders}) == len(utility.feeders)


def test_what_one_table_names_is_in_another(tmp_path: Path) -> None:
    """In each database, and between the repository's names and the systems'."""
    files = databases.write(LARGE, tmp_path)
    questions = {
        "siad": (
            "SELECT cve_division FROM zonas EXCEPT SELECT cve_division FROM divisiones",
            "SELECT cve_zona FROM areas EXCEPT SELECT cve_zona FROM zonas",
            "SELECT cve_area FROM subestaciones EXCEPT SELECT cve_area FROM areas",
            "SELECT cve_zona FROM subestaciones EXCEPT SELECT cve_zona FROM zonas",
            "SELECT cve_subestacion FROM circuitos EXCEPT SELECT siglas FROM subestaciones",
            "SELECT cve_zona FROM solicitudes EXCEPT SELECT cve_zona FROM zonas",
        ),
        "vip": ("SELECT circuito FROM clientes_vip EXCEPT SELECT circuito FROM circuitos_vip",),
        "repository": (
            "SELECT sistema FROM clases EXCEPT SELECT sistema FROM sistemas",
            "SELECT clase_sistema FROM nombres EXCEPT SELECT clase_sistema FROM clases",
            "SELECT id_elemento FROM nombres EXCEPT SELECT id_elemento FROM elementos",
        ),
    }  # fmt: skip
    for adapter, each in questions.items():
        with closing(sqlite3.connect(files[adapter])) as database:
            for sql in each:
                assert database.execute(sql).fetchall() == [], sql
    with closing(sqlite3.connect(files["repository"])) as database:
        for adapter, table, system, cls in (
            ("siad", "circuitos", "SIAD", "CFE_Circuit"),
            ("siad", "subestaciones", "SIAD", "Substation"),
            ("vip", "circuitos_vip", "VIP", "CFE_Circuit"),
        ):
            database.execute("ATTACH ? AS theirs", (str(files[adapter]),))
            named = database.execute(
                "SELECT nombre FROM nombres WHERE sistema = ? AND clase_cim = ?", (system, cls)
            ).fetchall()
            theirs = {row[0] for row in database.execute(f"SELECT * FROM theirs.{table}")}
            assert named and {it for (it,) in named} <= theirs
            database.execute("DETACH theirs")


def test_names_differ_so_that_no_rule_maps_them() -> None:
    """No two systems share a feeder's name; and the rule that most names follow fails for some, of
    which some are in the repository, for which alone that is known."""
    for feeder in UTILITY.feeders:
        assert len({feeder_key(it, feeder) for it in FEEDER_SYSTEMS}) == len(FEEDER_SYSTEMS)
    exceptions = [
        it for it in UTILITY.feeders if f"_{it.bay}_" not in feeder_key(System.SIMOCE, it)
    ]
    assert 0 < len(exceptions) < len(UTILITY.feeders) / 2
    mapped = {name for it in repository.elements(UTILITY) for name in it.names}
    assert any(
        (System.SIMOCE, "Feeder", feeder_key(System.SIMOCE, it)) in mapped for it in exceptions
    )
    new = [it for it in UTILITY.feeders if it.new]
    assert new and all(
        (System.SIAD, "CFE_Circuit", feeder_key(System.SIAD, it)) not in mapped for it in new
    )


def test_a_system_has_no_names_for_what_it_does_not_have() -> None:
    feeder = UTILITY.feeders[0]
    with pytest.raises(LookupError):
        substation_key(System.VIP, feeder.substation)
    for system in (System.SIAD, System.VIP):
        with pytest.raises(LookupError):
            head_meter_key(system, feeder)


def test_meters_are_those_of_the_simulated_field() -> None:
    """One index each, head meters first, and the serial number that the index gives."""
    heads = [it.head_meter for it in UTILITY.feeders]
    indices = [*heads, *(it.index for it in UTILITY.meters)]
    assert indices == [*range(indices[0], indices[0] + len(indices))]
    assert all(it.serial == Identity(7, it.index).number for it in UTILITY.meters)


@pytest.mark.parametrize("utility", [UTILITY, LARGE], ids=["small", "large"])
def test_the_registry_takes_its_places(utility: Utility) -> None:
    survey = registry.read(io.BytesIO(places.table(utility).encode()))
    assert survey.flaws == ()
    assert [(it.code, it.kind, it.parent, it.name) for it in survey.places] == [
        (it.code, it.kind, it.parent, it.name) for it in places.places(utility)
    ]
    assert all(CODE.fullmatch(it.code) for it in survey.places)
    above = {it.code: it for it in survey.places}
    for it in survey.places:
        parent = above[it.parent] if it.parent else None
        assert (parent.kind.level + 1 if parent else 0) == it.kind.level


def test_nobody_can_be_called_or_written_to() -> None:
    """Telephones of no country (E.164 has no +000), addresses of no domain (RFC 2606)."""
    phones = [it.phone for it in (*LARGE.vip, *LARGE.requests) if it.phone]
    assert phones and all(re.fullmatch(r"\+000 \d{3} \d{4}", it) for it in phones)
    mails = [it.email for it in LARGE.requests if it.email]
    assert mails and all(it.endswith(".example") for it in mails)
    assert len({*words.SUBSTATIONS}) == len({*words.SUBSTATIONS.values()})
