"""The tables of what meters told: each value once, corrected when it changes, never doubled."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from headend.domain.event import Severity, Source, Subject
from headend.domain.owed import OwedKind
from headend.integration.legacy import collected_tables as tables
from headend.integration.legacy.delivering import Delivering
from headend.integration.legacy.gathering import Gathered
from headend.store.engine import open_reader, open_writer
from headend.store.owed_schema import owed
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.legacy import commerce
from tests.legacy.commerce import BEGIN, DAY, ENERGY, NOON, PROFILE, Commerce, Row, collect

VOLTAGE = "1.0.32.7.0.255"


@pytest.fixture
def utility(tmp_path: Path) -> Iterator[Commerce]:
    made = Commerce(tmp_path)
    made.fill()
    yield made
    made.close()


def day(meter: str = "M1", places: range = range(1, 5), **changes: int) -> commerce.Work:
    return lambda tx: collect(tx, meter, DAY, places, **changes)


def curve(utility: Commerce, canal: str = ENERGY, meter: str = "M1") -> dict[int, Row]:
    """By place in the day."""
    found = utility.ask(
        f"SELECT * FROM curva_carga WHERE medidor = '{meter}' AND canal = '{canal}'"
    )
    return {(round(_at(row["fin_intervalo"])) - BEGIN) // 900: row for row in found}


def _at(value: datetime | str) -> float:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.timestamp()


def told(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


STATES = ("valor_crudo", "valor_validado", "validacion", "version")


def test_a_curve_as_it_comes_and_is_looked_at(utility: Commerce) -> None:
    utility.run(day())
    utility.fill()
    rows = curve(utility)
    assert {place: told(row, *STATES) for place, row in rows.items()} == {
        place: (str(place), None, "SIN_VALIDAR", 1) for place in (1, 2, 3, 4)
    }
    assert told(rows[1], "unidad", "perfil", "calidad") == ("Wh", PROFILE, None)
    assert {place: row["valor_crudo"] for place, row in curve(utility, VOLTAGE).items()} == {
        1: "230.0", 3: "230.0"
    }  # fmt: skip
    utility.run(lambda tx: tx.put_validated_day(commerce.looked(estimate=6, spike=2)))
    utility.fill()
    rows = curve(utility)
    assert told(rows[1], *STATES) == ("1", "1", "VALIDADO", 2)
    assert told(rows[2], *STATES, "hallazgos") == ("2", "2", "SOSPECHOSO", 2, "PICO")
    assert told(rows[6], *STATES, "metodo", "unidad", "recibida_en") == (
        None, "4711", "ESTIMADO", 1, "LINEAL", "Wh", None
    )  # fmt: skip


def test_a_late_row_takes_the_place_of_an_estimate(utility: Commerce) -> None:
    utility.run(day(), lambda tx: tx.put_validated_day(commerce.looked(estimate=6)))
    utility.fill()
    utility.run(day(places=range(6, 7), after_s=60 * 86_400))
    utility.fill()
    late = curve(utility)[6]
    assert told(late, *STATES) == ("6", None, "SIN_VALIDAR", 2)
    assert curve(utility)[1]["version"] == 1, "what did not change is not touched"


def test_an_estimate_that_is_taken_back_stands_no_more(utility: Commerce) -> None:
    utility.run(day(), lambda tx: tx.put_validated_day(commerce.looked(estimate=6)))
    utility.fill()
    utility.run(lambda tx: tx.put_validated_day(commerce.looked()))
    utility.fill()
    gone = curve(utility)[6]
    assert (bool(gone["vigente"]), gone["version"], gone["valor_validado"]) == (False, 2, "4711")
    utility.run(lambda tx: tx.put_validated_day(commerce.looked(estimate=6)))
    utility.fill()
    assert told(curve(utility)[6], "vigente", "version") in ((1, 3), (True, 3))


def test_an_estimate_of_a_day_without_rows(utility: Commerce) -> None:
    utility.run(
        day("M2"), lambda tx: tx.put_validated_day(commerce.looked(estimate=6))
    )  # another meter's layout tells the unit
    utility.fill()
    assert {p: told(r, *STATES, "unidad") for p, r in curve(utility).items()} == {
        6: (None, "4711", "ESTIMADO", 1, "Wh")
    }


def test_readings(utility: Commerce) -> None:
    utility.run(lambda tx: tx.add_readings([commerce.reading(), commerce.reading("M2", "7.0")]))
    utility.fill()
    utility.run(lambda tx: tx.add_readings([commerce.reading(source="order 2", quality=())]))
    utility.fill()
    rows = utility.ask("SELECT * FROM lecturas ORDER BY lectura_id")
    names = ("clase", "medidor", "registro", "valor", "unidad", "calidad", "origen", "version")
    assert [told(row, *names) for row in rows] == [
        ("REGISTRO", "M1", ENERGY, "1234.5", "Wh", "late", "order 1", 1),
        ("REGISTRO", "M2", ENERGY, "7.0", "Wh", "late", "order 1", 1),
        ("REGISTRO", "M1", ENERGY, "1234.5", "Wh", None, "order 2", 1),
    ]


def test_events_and_alarms(utility: Commerce) -> None:
    mild = commerce.event(name="power-up", severity=Severity.INFO, code=2, at=NOON)
    utility.run(
        lambda tx: tx.add_incident(commerce.incident()),
        lambda tx: tx.add_event(commerce.event(incident=1)),
        lambda tx: tx.add_event(mild),
        lambda tx: tx.acknowledge(commerce.seen(Subject.EVENT, 1)),
    )
    utility.fill()
    names = ("numero_evento", "evento", "descripcion", "severidad", "fuentes", "incidente")
    events = utility.ask("SELECT * FROM eventos ORDER BY 1")
    assert [told(row, *names) for row in events] == [
        (1, "power-down", events[0]["descripcion"], "CRITICA", "REGISTRO", 1),
        (2, "power-up", events[1]["descripcion"], "INFORMATIVA", "REGISTRO", None),
    ]
    assert events[0]["descripcion"] != events[0]["evento"]
    names = ("clase", "numero", "tipo", "medidores", "reconocida_por", "nota", "version")
    assert [told(row, *names) for row in utility.ask("SELECT * FROM alarmas ORDER BY 1")] == [
        ("EVENTO", 1, "power-down", None, "ana", "se revisa", 1),
        ("INCIDENTE", 1, "CORTE", 3, None, None, 1),
    ]
    ended = commerce.incident(number=1, ended_at=NOON + timedelta(hours=1), without=0)
    both = replace(commerce.event(incident=1), sources=(Source.LOG, Source.PUSH), number=1)
    utility.run(
        lambda tx: tx.save_incident(ended),
        lambda tx: tx.save_event(both),
        lambda tx: tx.acknowledge(commerce.seen(Subject.INCIDENT, 1)),
        lambda tx: tx.drop_event(2),
    )
    utility.fill()
    events = utility.ask("SELECT * FROM eventos ORDER BY 1")
    assert [(row["fuentes"], bool(row["vigente"]), row["version"]) for row in events] == [
        ("REGISTRO,ENVIO", True, 2), ("REGISTRO", False, 2)
    ]  # fmt: skip
    names = ("numero", "sin_reponer", "reconocida_por", "version")
    assert [told(row, *names) for row in utility.ask("SELECT * FROM alarmas ORDER BY clase")] == [
        (1, None, "ana", 1),
        (1, 0, "ana", 2),
    ]


def test_what_waits_is_one_line_a_thing_however_long(utility: Commerce) -> None:
    """While the legacy database is away a page changes all day."""
    for place in range(1, 40):
        utility.run(day(places=range(place, place + 1)))
    assert backlog(utility) == {OwedKind.PAGE: 1}
    assert utility.fill() == 1
    assert len(curve(utility)) == 39
    assert {row["version"] for row in curve(utility).values()} == {1}


def test_many_at_once_go_in_batches(utility: Commerce) -> None:
    utility.run(
        lambda tx: tx.add_readings(
            commerce.reading(f"M{number}", str(number)) for number in range(1200)
        )
    )
    assert utility.fill() == 3
    assert len(utility.ask("SELECT 1 FROM lecturas")) == 1200


def test_a_legacy_database_that_is_new_gets_everything(utility: Commerce, tmp_path: Path) -> None:
    busy(utility)
    utility.fill()
    (tmp_path / "other").mkdir()
    utility.url, before = databases.at(tmp_path / "other" / "legacy.db"), utility.contents()
    utility.start_again()
    utility.fill()
    assert unversioned(utility.contents()) == unversioned(before)


def test_left_out_for_a_while(utility: Commerce) -> None:
    busy(utility)
    utility.fill()
    utility.delivering.enabled = False
    commerce.wait(utility.delivering.run())
    utility.run(day("M9"), lambda tx: tx.add_readings([commerce.reading("M9")]))
    assert backlog(utility) == {}
    utility.start_again()
    utility.fill()
    assert len(curve(utility, meter="M9")) == 4
    assert {row["version"] for row in curve(utility).values()} == {1}


def test_a_page_that_cannot_be_read_stops_nothing(utility: Commerce) -> None:
    utility.run(day("M1"), day("M2"))
    writer = open_writer(utility.head_end)
    with writer.begin() as connection:
        connection.execute(
            text("UPDATE interval_days SET rows = :bad WHERE meter = 'M1'"), {"bad": b"\x00"}
        )
    writer.dispose()
    utility.fill()
    assert (len(curve(utility)), len(curve(utility, meter="M2"))) == (0, 4)
    (trouble,) = asked(utility, f"SELECT trouble FROM {owed.name}")
    assert "rror" in trouble["trouble"]


# --- killed anywhere -----------------------------------------------------------------------------

WORKS: tuple[commerce.Work, ...] = (
    day(),
    day(places=range(5, 9)),
    day("M2", after_s=2 * 86_400),
    lambda tx: tx.put_validated_day(commerce.looked(estimate=9, spike=2)),
    lambda tx: tx.put_validated_day(commerce.looked()),
    lambda tx: tx.add_readings([commerce.reading()]),
    lambda tx: tx.add_readings([commerce.reading("M2"), commerce.reading("M2", "2")]),
    lambda tx: tx.add_event(commerce.event(at=NOON + timedelta(seconds=count(tx)))),
    lambda tx: tx.save_event(commerce.event(incident=1, number=1)),
    lambda tx: tx.drop_event(1),
    lambda tx: tx.add_incident(commerce.incident()),
    lambda tx: tx.save_incident(commerce.incident(number=1, without=1)),
    lambda tx: tx.acknowledge(commerce.seen(Subject.EVENT, 1)),
)
CUTS = ("before", "within", "unsettled", "none")
"""Where a delivery ends: before it began; with its transaction undone; after its commit, before
anybody knew; not at all."""


class Killed(BaseException):
    """As by a signal."""


def count(tx: SqlTransaction) -> int:
    found: int = tx.connection.execute(text("SELECT count(*) FROM events")).scalar_one()
    return found


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(st.tuples(st.sampled_from(range(len(WORKS))), st.sampled_from(CUTS)), max_size=9)
)
def test_killed_after_any_transaction_nothing_is_lost_or_doubled(
    steps: list[tuple[int, str]], utility: Commerce
) -> None:
    utility.clear()
    utility.fill()
    for number, cut in steps:
        utility.run(WORKS[number])
        if cut != "before":
            deliver_until(utility, cut)
    utility.fill()
    assert backlog(utility) == {}
    found = utility.contents()
    assert_equal_to_store(utility, found)
    assert all(row["version"] <= len(steps) for rows in found.values() for row in rows)
    utility.fill()
    assert utility.contents() == found


def deliver_until(utility: Commerce, cut: str) -> None:
    if cut == "none":
        commerce.wait(utility.delivering.deliver())
        return
    how = {"within": _Undone, "unsettled": _Unsettled}[cut]
    with pytest.raises(Killed):
        commerce.wait(how(utility.store, utility.legacy, utility.clock, commerce.ZONE).deliver())


class _Undone(Delivering):
    def _written(self, there: Connection, now: datetime) -> Any:
        super()._written(there, now)
        raise Killed


class _Unsettled(Delivering):
    async def _settle(self, gathered: Gathered) -> None:
        raise Killed


# --- beside the head-end's own tables ------------------------------------------------------------


def busy(utility: Commerce) -> None:
    for work in WORKS[:8]:
        utility.run(work)


def test_the_content_is_the_stores_by_another_query(utility: Commerce) -> None:
    busy(utility)
    utility.fill()
    found = utility.contents()
    assert {name: len(rows) > 0 for name, rows in found.items()} == dict.fromkeys(found, True)
    assert_equal_to_store(utility, found)


def assert_equal_to_store(utility: Commerce, found: dict[str, list[Row]]) -> None:
    """By SQL and MessagePack alone: nothing of what delivers is asked."""
    stand = {name: [row for row in rows if row["vigente"]] for name, rows in found.items()}
    stored: Counter[tuple[str, int, str]] = Counter()
    for page in asked(utility, "SELECT meter, rows FROM interval_days"):
        for at, _, _, quality, cells in msgspec.msgpack.decode(zlib.decompress(page["rows"])):
            if not quality & 2:
                stored[page["meter"], at, str(cells[1])] += 1
    mine = Counter(
        (row["medidor"], round(_at(row["fin_intervalo"])), row["valor_crudo"])
        for row in stand["curva_carga"]
        if row["canal"] == ENERGY and row["valor_crudo"] is not None
    )
    assert mine == stored and set(stored.values()) <= {1}
    estimates = {
        (day_["meter"], each["at"], str(each["value"]))
        for day_ in asked(utility, "SELECT meter, estimates FROM validated_days")
        for each in json.loads(day_["estimates"])
    }
    here = {(meter, at) for meter, at, _ in stored}
    assert {each for each in estimates if each[:2] not in here} == {
        (row["medidor"], round(_at(row["fin_intervalo"])), row["valor_validado"])
        for row in stand["curva_carga"]
        if row["validacion"] == "ESTIMADO"
    }
    for table, names, theirs in (
        ("lecturas", "lectura_id, medidor, valor", "line, meter, value FROM readings"),
        (
            "eventos",
            "numero_evento, dispositivo, incidente",
            "number, device, incident FROM events",
        ),
        ("alarmas", "numero, sin_reponer, lugar", "number, without, place FROM incidents"),
    ):
        left = [
            tuple(str(row[name]) for name in names.split(", "))
            for row in stand[table]
            if row.get("clase") != "EVENTO"
        ]
        right = [tuple(map(str, row.values())) for row in asked(utility, f"SELECT {theirs}")]
        assert sorted(left) == sorted(right)
    known = {row["number"] for row in asked(utility, "SELECT number FROM events")}
    acknowledged = {
        (row["subject"], row["number"])
        for row in asked(utility, "SELECT subject, number FROM acknowledgements")
        if row["number"] in known
    }
    assert {
        ("event", row["numero"]) for row in stand["alarmas"]
        if row["clase"] == "EVENTO" and row["reconocida_por"]
    } == acknowledged  # fmt: skip


def asked(utility: Commerce, query: str) -> list[Row]:
    """The head-end's own database."""
    engine = open_reader(utility.head_end)
    with engine.begin() as connection:
        found = [dict(row) for row in connection.execute(text(query)).mappings()]
    engine.dispose()
    return found


def backlog(utility: Commerce) -> dict[str, int]:
    found = asked(utility, f"SELECT kind, count(*) AS many FROM {owed.name} GROUP BY kind")
    return {row["kind"]: row["many"] for row in found}


def unversioned(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {
        name: [{k: v for k, v in row.items() if k not in tables.OWN} for row in rows
               if row["vigente"]]
        for name, rows in found.items()
    }  # fmt: skip
