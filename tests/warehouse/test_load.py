"""The load: everything is carried over or refused, once, and nobody sees a half of it."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, delete, select, text, update

from headend.app.retaining import Retaining
from headend.clock import WallClock
from headend.config import Config
from headend.domain.reading import Reading
from headend.domain.restoration import Restoration, Standing
from headend.store import collected_schema, queries, schema, warehouse_queries
from headend.store.collected_queries import interval_days
from headend.store.retention_holds import Needs
from headend.store.transaction import SqlTransaction
from headend.warehouse import manifest as manifests
from headend.warehouse.load import LoadRefused, sweep
from headend.warehouse.manifest import MANIFEST, NoWarehouse
from headend.warehouse.place import PART, Place, PlaceUnavailable
from headend.warehouse.tables import NOWHERE
from headend.warehouse.verify import verify
from tests import databases
from tests.store.test_ledger import collect
from tests.warehouse.utility import ENERGY, FIRST, NOW, ORDERS, SECOND, VOLTAGE, Utility, at

# What the utility holds, counted by hand: (table, day): rows.  Each row of a profile has an energy,
# and every second one a voltage.
COUNTS: dict[tuple[str, date], int] = {
    ("readings", FIRST): (96 + 48 + 96) * 3 // 2,
    ("readings", SECOND): (96 + 48 + 96) * 3 // 2,
    ("validated", FIRST): (96 + 48) * 3 // 2 + 1,
    ("registers", FIRST): 2,
    ("events", FIRST): 3,
    ("incidents", FIRST): 1,
    ("incidents", SECOND): 1,
    ("orders", FIRST): len(ORDERS),
    ("sessions", FIRST): 3,
    ("completeness", FIRST): 4,
    ("completeness", SECOND): 4,
    ("completeness", date(2026, 7, 8)): 4,
    ("meters", date(2026, 7, 8)): 4,
}


def test_every_row_of_the_source_is_here(utility: Utility) -> None:
    done = utility.load()
    found = {(each.table, each.day): each.loaded for each in done.loads if each.source}
    assert found == COUNTS
    assert done.refused == 0 and all(each.reconciled for each in done.loads)
    assert verify(utility.place, done.manifest).wrong == []


def test_values_are_those_of_the_store(utility: Utility) -> None:
    """By another way than the load's: the store's own words, added up here."""
    utility.load()
    pages = utility.store.read(interval_days)
    wanted = sorted(
        (page.meter, row.at, name, cell)
        for page in pages
        for row in page.rows
        for name, cell in zip((ENERGY, VOLTAGE), row.cells[1:], strict=True)
        if cell is not None
    )
    query = "SELECT meter, epoch(interval_end)::BIGINT, channel, raw FROM {} ORDER BY ALL"
    assert utility.by_path("readings", query) == wanted
    scaled = utility.ask("SELECT DISTINCT value, unit FROM readings WHERE scaler = -1")
    assert scaled == [(230.0, "V")]
    told = utility.ask("SELECT number, kind, state, took_s FROM orders ORDER BY number")
    orders = utility.store.read(lambda connection: queries.orders(connection))
    assert told == [
        (each.number, each.kind, each.state,
         None if each.ended_at is None else (each.ended_at - each.accepted_at).total_seconds())
        for each in sorted(orders, key=lambda order: order.number)
    ]  # fmt: skip


def test_rows_lie_by_day_and_zone(utility: Utility) -> None:
    utility.load()
    query = "SELECT DISTINCT day, zone, meter FROM {} WHERE day = '2026-07-06' ORDER BY meter"
    found = utility.by_path("readings", query)
    assert [row[1:] for row in found] == [("Z1", "M1"), ("Z1", "M2"), ("Z 2", "M3")]
    assert utility.ask("SELECT meter FROM completeness WHERE zone IS NULL") == [("M4",)] * 3
    # Two of three lost their supply in one zone: the incident is that zone's.
    assert utility.ask("SELECT zone FROM incidents WHERE number = 1") == [("Z1",)]
    assert any(NOWHERE in part.path for part in utility.manifest.parts)


@databases.on_one
def test_validated_values_stand_apart_from_raw_ones(utility: Utility) -> None:
    utility.load()
    query = (
        "SELECT meter, origin, method, findings, raw, unit FROM validated"
        " WHERE findings <> '' OR origin = 'estimated' ORDER BY origin"
    )
    assert utility.ask(query) == [
        ("M2", "estimated", "linear", "", 49, "Wh"),
        ("M2", "measured", None, "spike", 7, "Wh"),
    ]
    assert utility.ask("SELECT count(*) FROM readings WHERE meter = 'M2' AND quality & 1 = 1")
    assert utility.ask("SELECT DISTINCT meter FROM validated ORDER BY 1") == [("M1",), ("M2",)]


@databases.on_one
def test_a_second_load_changes_nothing(utility: Utility) -> None:
    first = utility.load()
    octets = {name: utility.place.read(name) for name in utility.place.names("")}
    again = utility.load(now=NOW + timedelta(minutes=1))
    whole = utility.load(now=NOW + timedelta(minutes=2), since=date(2026, 1, 1))
    assert again.manifest.version == whole.manifest.version == first.manifest.version
    assert (again.written, again.replaced, whole.written, whole.replaced) == (0, 0, 0, 0)
    assert {name: utility.place.read(name) for name in utility.place.names("")} == octets


def test_a_changed_day_replaces_its_own_files_and_no_others(utility: Utility) -> None:
    before = utility.load().manifest
    utility.run(lambda tx: collect(tx, "M3", SECOND, range(60, 97), after_s=9000))
    utility.run(lambda tx: collect(tx, "M4", SECOND, range(1, 3)))
    after = utility.load(now=NOW + timedelta(hours=1)).manifest
    gone = {(part.table, part.day, part.where) for part in set(before.parts) - set(after.parts)}
    assert gone <= {
        ("readings", SECOND, "Z 2"), ("completeness", SECOND, None),
        ("completeness", SECOND, "Z 2"), ("completeness", date(2026, 7, 8), None),
        ("completeness", date(2026, 7, 8), "Z 2"), ("completeness", date(2026, 7, 8), "Z1"),
    }  # fmt: skip
    count = "SELECT count(*) FROM readings WHERE day = '2026-07-07'"
    # Who began with the state before reads it to its end, and whole.
    assert utility.ask(count, before) == [(COUNTS["readings", SECOND],)]
    assert utility.ask(count, after)[0][0] > COUNTS["readings", SECOND]
    assert verify(utility.place, after).wrong == []
    assert sweep(utility.place, after) == len(set(before.parts) - set(after.parts))
    assert verify(utility.place, after).wrong == []


def test_a_late_order_and_a_late_validation_make_their_days_anew(utility: Utility) -> None:
    utility.load()

    def settle(tx: SqlTransaction) -> None:
        (open_,) = [tx.order(5)]
        assert open_ is not None
        tx._connection.execute(
            update(schema.orders).where(schema.orders.c.number == 5).values(state="done")
        )
        for number in range(3_000):  # so that the first lines are far behind
            tx._connection.execute(
                text('INSERT INTO journal ("order", at, state, cause) SELECT 5, at, state, :c'
                     " FROM journal WHERE line = 1"), {"c": str(number)},
            )  # fmt: skip

    utility.run(settle)
    done = utility.load(now=NOW + timedelta(hours=1))
    assert {each.day for each in done.loads if each.table == "orders"} == {FIRST}
    assert utility.ask("SELECT state FROM orders WHERE number = 5") == [("done",)]


def retaining(utility: Utility) -> Needs:
    """What whoever deletes old rows knows of this data store."""
    config = msgspec.convert({"warehouse": {"place": utility.place.where}}, Config)
    return asyncio.run(Retaining(utility.store, WallClock(), config, live=True)._needs())


def test_what_a_restored_source_numbers_anew_is_carried_over(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of before two readings: their numbers are given out again."""
    monkeypatch.setattr(warehouse_queries, "LINES", 0)  # or it would need a thousand of them
    table = schema.readings
    utility.load()
    reading = Reading("M1", ENERGY, 2, at(FIRST, 3), at(FIRST, 3), "lost", "energy", "1", "Wh")
    utility.run(lambda tx: tx.add_readings([reading, replace(reading, value="2")]))
    utility.load(now=NOW + timedelta(hours=1))

    def restore(tx: SqlTransaction) -> None:
        values = {"meter": "M4", "source": "new", "at": at(SECOND, 3)}
        lost = select(table.c.line).where(table.c.source == "lost").order_by(table.c.line)
        first, last = tx._connection.execute(lost).scalars()
        tx._connection.execute(delete(table).where(table.c.line == last))
        tx._connection.execute(update(table).where(table.c.line == first).values(values))
        tx.add_restoration(Restoration(1, "b", NOW, NOW, "os:ana", Standing.RESTORED, 0, 0))

    needs = retaining(utility)
    assert needs.taken is not None and needs.taken["readings"] == "4"
    utility.run(restore)
    needs = retaining(utility)
    assert needs.taken is not None and "readings" not in needs.taken, "nothing of it may be deleted"
    utility.load(now=NOW + timedelta(hours=2))
    needs = retaining(utility)
    assert needs.taken is not None and needs.taken["readings"] == "3"
    told = utility.ask("SELECT meter FROM registers WHERE day = '2026-07-07'")
    assert told == [("M4",)]
    assert utility.ask("SELECT count(*) FROM registers") == [(COUNTS["registers", FIRST] + 1,)]
    again = utility.load(now=NOW + timedelta(hours=3))
    assert not {"registers", "orders"} & {each.table for each in again.loads}, "once"


def _octets(connection: Connection) -> None:
    connection.execute(
        text("UPDATE interval_days SET rows = :junk WHERE meter = 'M1' AND day = :day"),
        {"junk": b"\x01\x02 no page", "day": FIRST.isoformat() if _lite(connection) else FIRST},
    )


def _lite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _sql(statement: str) -> Callable[[Connection], Any]:
    return lambda connection: connection.execute(text(statement))


BAD: dict[str, tuple[Callable[[Connection], Any], str, int, str]] = {
    # what is wrong: how it came so, the table, rows of the source that are refused, why
    "a page that is none": (_octets, "readings", 1, "cannot be read"),
    "a layout that is gone": (
        lambda connection: connection.execute(delete(collected_schema.layouts)),
        "readings", COUNTS["readings", FIRST], "layout 1 cannot be read",
    ),
    "a layout with too few columns": (
        _sql("UPDATE layouts SET layout = '{\"profile\":\"1.0.99.1.0.255\",\"columns\":[]}'"),
        "readings", COUNTS["readings", FIRST], "3 values for 0 columns",
    ),
    "an unknown state": (
        _sql("UPDATE orders SET state = 'lost' WHERE number = 2"), "orders", 1,
        "state is not known: 'lost'",
    ),
    "an end before the beginning": (
        _sql("UPDATE orders SET ended_at = '2026-01-01T00:00:00.000000Z' WHERE number = 3"),
        "orders", 1, "ended before it was accepted",
    ),
    "an amount that is none": (
        _sql("UPDATE orders SET amount = 'much' WHERE number = 4"), "orders", 1, "amount",
    ),
    "words that are none": (
        _sql("UPDATE events SET sources = 'log' WHERE device = 'M2'"), "events", 1, "sources",
    ),
    "a severity of nobody's": (
        _sql("UPDATE events SET severity = 'grave'"), "events", 3, "severity",
    ),
    "findings that are none": (
        _sql("UPDATE validated_days SET findings = '{' WHERE meter = 'M2'"), "validated", 0,
        "what validation found cannot be read",
    ),
}  # fmt: skip


@databases.on_one
@pytest.mark.parametrize("what", BAD)
def test_bad_rows_stop_nothing_and_do_not_vanish(utility: Utility, what: str) -> None:
    spoil, table, refused, why = BAD[what]
    utility.change(spoil)
    done = utility.load()
    (load,) = [each for each in done.loads if (each.table, each.day) == (table, FIRST)]
    assert load.refused == refused and load.reconciled
    others = [each for each in done.loads if each.table not in (table, "readings", "validated")]
    assert all(each.refused == 0 and each.reconciled for each in others)
    query = "SELECT DISTINCT source, day FROM errors WHERE why LIKE ?"
    with_it = utility.ask(query.replace("?", f"'%{why.replace(chr(39), chr(39) * 2)}%'"))
    assert (table, FIRST) in with_it
    assert verify(utility.place, done.manifest).wrong == []


def test_bad_rows_of_many_tables_at_once(utility: Utility) -> None:
    for what in ("a page that is none", "an unknown state", "words that are none",
                 "findings that are none"):  # fmt: skip
        utility.change(BAD[what][0])
    done = utility.load()
    assert all(each.reconciled for each in done.loads)
    told = utility.ask("SELECT source, sum(rows)::INT FROM errors GROUP BY source ORDER BY source")
    assert told == [("events", 1), ("orders", 1), ("readings", 1), ("validated", 1)]
    assert verify(utility.place, done.manifest).wrong == []


@databases.sqlite_only("the server's own types refuse such times")
def test_a_time_that_is_none_is_refused(utility: Utility) -> None:
    """PostgreSQL lets no such thing in."""
    utility.change(_sql("UPDATE orders SET deadline = 'soon' WHERE number = 1"))
    done = utility.load()
    assert done.refused == 1
    assert utility.ask("SELECT why FROM errors") == [("deadline is no time: 'soon'",)]


@databases.on_one
def test_a_load_that_is_cut_leaves_what_was(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its writes, one after the other."""
    before = utility.load().manifest
    utility.run(lambda tx: collect(tx, "M4", FIRST, range(1, 5)))
    write, cuts = Place.write, 0

    class Cut(Exception):
        pass

    for most in range(50):
        left = [most]

        def cut(place: Place, name: str, octets: bytes, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            write(place, name, octets)

        monkeypatch.setattr(Place, "write", cut)
        try:
            utility.load(now=NOW + timedelta(hours=1))
        except Cut:
            cuts += 1
            assert utility.manifest == before
            assert utility.ask("SELECT count(*) FROM readings WHERE meter = 'M4'") == [(0,)]
        else:
            break
    monkeypatch.undo()
    assert cuts >= 2
    assert utility.ask("SELECT count(*) FROM readings WHERE meter = 'M4'") == [(6,)]
    assert verify(utility.place, utility.manifest).wrong == []
    assert not [name for name in utility.place.names("") if name.endswith(PART)]


@databases.on_one
def test_two_loads_do_not_meet(utility: Utility) -> None:
    utility.load()
    with open(utility.folder / "load.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LoadRefused, match="under way"):
            utility.load()


@databases.on_one
def test_in_a_bucket_the_second_load_is_refused(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buckets have no locks."""
    utility.place.local = False
    (utility.folder / "x").mkdir(parents=True)
    look, seen = manifests.look, []

    def other(place: Place) -> Any:
        found = look(place)
        seen.append(found)
        if len(seen) == 2:  # just before the end of the first, another's is there
            return manifests.Manifest(version=7)
        return found

    monkeypatch.setattr(manifests, "look", other)
    with monkeypatch.context() as patched:
        patched.setattr(Place, "write", _with_folders(Place.write))
        with pytest.raises(LoadRefused, match="ran meanwhile"):
            utility.load()
    assert not (utility.folder / MANIFEST).exists()


def _with_folders(write: Callable[..., None]) -> Callable[..., None]:
    def made(place: Place, name: str, octets: bytes) -> None:
        Path(place.path(name)).parent.mkdir(parents=True, exist_ok=True)
        write(place, name, octets)

    return made


@databases.on_one
def test_verification_finds_what_is_not_as_it_was(utility: Utility) -> None:
    utility.load()
    part = utility.manifest.of("readings", FIRST)[0]
    path = Path(utility.place.path(part.path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    assert "is not the file" in verify(utility.place, utility.manifest).wrong[0]
    path.unlink()
    assert "is missing" in verify(utility.place, utility.manifest).wrong[0]
    path.write_bytes(whole)
    manifest = utility.manifest
    loads = tuple(
        msgspec.structs.replace(each, sums={**each.sums, ENERGY: 1})
        if (each.table, each.day) == ("readings", FIRST)
        else each
        for each in manifest.loads
    )
    forged = msgspec.structs.replace(manifest, loads=loads)
    (told,) = verify(utility.place, forged).wrong
    assert told.startswith(f"readings of {FIRST}, {ENERGY}: the source adds up to 1, here ")
    left_out = msgspec.structs.replace(
        manifest, parts=tuple(each for each in manifest.parts if each != part)
    )
    assert any("the files have" in each for each in verify(utility.place, left_out).wrong)


MANIFESTS = {
    "none": (None, "no data store"),
    "no JSON": (b"{", "cannot be read"),
    "newer tables": (b'{"schema_version": 99}', "version 99"),
}


@pytest.mark.parametrize("what", MANIFESTS)
@databases.on_one
def test_what_is_no_data_store_is_refused(tmp_path: Path, what: str) -> None:
    octets, why = MANIFESTS[what]
    place = Place(str(tmp_path))
    if octets is not None:
        place.write(MANIFEST, octets)
    with pytest.raises(NoWarehouse, match=why):
        manifests.read(place)


@databases.on_one
def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for where in ("nonsense://x", "s3:///x"):
        with pytest.raises(PlaceUnavailable):
            Place(where)
    with pytest.raises(PlaceUnavailable):
        Place(str(tmp_path / "file")).write("a/b", b"")


@databases.on_one
def test_nothing_of_the_source_gives_an_empty_store(tmp_path: Path) -> None:
    utility = Utility(tmp_path)
    try:
        names = ("journal", "attempts", "outbox", "orders", "interval_days", "validated_days",
                 "readings", "events", "incidents", "concentrator_sessions", "installations",
                 "meters")  # fmt: skip

        def empty(connection: Connection) -> None:
            for name in names:
                connection.execute(text(f"DELETE FROM {name}"))

        utility.change(empty)
        done = utility.load()
        assert sum(each.loaded for each in done.loads) == 0
        assert utility.ask("SELECT count(*) FROM readings") == [(0,)]
    finally:
        utility.close()
