"""A shipment is taken in whole or not at all, and a preview says beforehand what an import does."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from headend.app.shipments import Delivery, NotTakenIn, Receipt, preview, read_in, receipt_of, take
from headend.config import Config, KeyStorage
from headend.domain.keys import KeyState
from headend.domain.life_cycle import Step
from headend.domain.meter import Meter, Stage
from headend.domain.shipment import Appraised, Fate
from headend.ports import AlreadyStored, MeterKeys
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction, in_words
from headend.store.vault import KeyVault
from protocols.dlms.keys import Keys
from tests import databases
from tests.registry.pallet import TRANSPORT, Line, as_csv, as_xml, key, keys, pallet, written

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)
ENVELOPE = "ab" * 64


class Noon:
    def now(self) -> datetime:
        return AT


def configuration(folder: Path) -> Config:
    """A new database, with a key that seals keys."""
    folder.mkdir(exist_ok=True)
    (folder / "envelope.key").write_text(ENVELOPE)
    storage = KeyStorage(envelope_file=folder / "envelope.key")
    return Config(database=databases.at(folder / "ami.db"), keys=storage)


@contextmanager
def store_of(config: Config) -> Iterator[SqlStore]:
    store = SqlStore(config.database, live=False)
    try:
        yield store
    finally:
        asyncio.run(store.close())


def words(config: Config, work: Callable[[SqlTransaction], Any]) -> Any:
    with store_of(config) as store:
        return asyncio.run(in_words(store, work))


def read(config: Config, file: Path) -> Any:
    return read_in(file, config, TRANSPORT)


def taken(config: Config, file: Path, **more: Any) -> Receipt:
    with read(config, file) as delivery:
        return take(config, delivery, "os:ana", clock=Noon(), **more)


TABLES = ("meters", "meter_life", "meter_keys", "meter_passwords", "shipments")


def everything(config: Config) -> dict[str, list[Any]]:
    """All rows that a shipment can touch."""

    def query(connection: Connection) -> dict[str, list[Any]]:
        return {
            table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))]
            for table in TABLES
        }

    with store_of(config) as store:
        return store.read(query)


def vaulted(config: Config, meter: str, client: int) -> tuple[MeterKeys | None, bytes | None]:
    with store_of(config) as store:
        vault = KeyVault(store, Envelope.parse(ENVELOPE, "a test"))
        return asyncio.run(vault.keys(meter, client)), asyncio.run(vault.password(meter, client))


@pytest.mark.parametrize(("form", "name"), [(as_csv, "p.csv"), (as_xml, "p.xml")])
def test_meters_their_keys_and_their_lives(form: Any, name: str, tmp_path: Path) -> None:
    config = configuration(tmp_path)
    password = TRANSPORT.wrapped_password(b"12345678").hex()
    lines = [*pallet(3), {"meter": "2000", "password-2": password}]
    receipt = taken(config, written(tmp_path, form(lines), name))
    assert (receipt.number, receipt.file, receipt.who, receipt.taken_at) == (1, name, "os:ana", AT)
    counts = (receipt.meters, receipt.entered, receipt.keys_new, receipt.keys_kept)
    assert counts == (4, 4, 3, 0)
    meter = words(config, lambda tx: tx.meter("1001"))
    title = "46524E0000000001"
    assert meter == Meter("1001", model="sim-3p", title=title, stage=Stage.IN_STOCK)
    (line,) = words(config, lambda tx: tx.life_of("1001"))
    assert (line.step, line.stage, line.why) == (Step.RECEIVE, Stage.IN_STOCK, "shipment 1")
    kept, _ = vaulted(config, "1001", 1)
    assert kept is not None
    assert kept.current.keys == Keys(key("1001/1/encryption"), key("1001/1/authentication"))
    assert vaulted(config, "2000", 2) == (None, b"12345678")
    stored = repr(everything(config))
    assert key("1001/1/encryption").hex() not in stored and "12345678" not in stored


def test_the_same_file_is_taken_once(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    file = written(tmp_path, as_csv(pallet(3)))
    assert receipt_of(config, file) is None
    receipt = taken(config, file)
    before = everything(config)
    assert receipt_of(config, written(tmp_path, as_csv(pallet(3)), "copy.csv")) == receipt
    with pytest.raises(AlreadyStored, match=r"pallet\.csv"):
        taken(config, file)
    assert everything(config) == before


def test_a_correction_changes_what_is_in_stock_and_no_keys(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    taken(config, written(tmp_path, as_csv(pallet(3))))
    lines = [dict(line) for line in pallet(3)]
    lines[1] |= {"contracted_w": "5500", "title": "46524E00000000FF"} | keys("other")
    receipt = taken(config, written(tmp_path, as_csv(lines)))
    counts = (receipt.entered, receipt.changed, receipt.unchanged, receipt.keys_new)
    assert counts == (0, 1, 2, 0) and receipt.keys_kept == 3
    line = words(config, lambda tx: tx.life_of("1001"))[-1]
    assert (line.step, line.why) == (Step.CORRECT, "shipment 2: contracted_w, title")
    kept, _ = vaulted(config, "1001", 1)
    assert kept is not None and kept.current.keys.encryption == key("1001/1/encryption")


def test_a_meter_that_came_back_gets_its_keys_again_and_counters_go_on(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    file = written(tmp_path, as_csv(pallet(2)))
    taken(config, file)
    words(config, lambda tx: tx.start_counter(("1000", 1, 1), 700))
    assert words(config, lambda tx: tx.retire_keys("1000")) == 1
    same = written(tmp_path, as_csv(pallet(3)))  # another file, with the same meters and one more
    assert taken(config, same).keys_new == 2
    rows = words(config, lambda tx: tx.key_rows("1000", 1))
    assert [(row.generation, row.state, row.counted_by) for row in rows] == [
        (1, KeyState.RETIRED, 1),
        (2, KeyState.CURRENT, 1),
    ]
    assert words(config, lambda tx: tx.counters(("1000", 1, 1))) == (700, 0)


# --- what is refused ------------------------------------------------------------------------------

Damage = tuple[Callable[[list[Line]], list[Line]], int, str]
REFUSED: dict[str, Damage] = {
    # what is done to five good lines: the line that is refused, the column it is refused for
    "a meter twice": (lambda lines: [*lines, lines[0]], 7, "meter"),
    "a key twice": (
        lambda lines: [*lines[:4], {**lines[4], **keys("1000")}],
        6,
        "key",
    ),
    "a key of a meter that is here": (
        lambda lines: [*lines[:4], {**lines[4], **keys("old")}],
        6,
        "key-1-encryption",
    ),
    "a meter in service, changed": (
        lambda lines: [{"meter": "old", "model": "generic"}, *lines],
        2,
        "meter",
    ),
    "a title of no kind": (lambda lines: [{**lines[0], "title": "1"}, *lines[1:]], 2, "title"),
}


@pytest.mark.parametrize("form", [as_csv, as_xml])
@pytest.mark.parametrize(("damage", "line", "column"), REFUSED.values(), ids=REFUSED)
def test_one_line_that_is_refused_keeps_all_out(
    damage: Callable[[list[Line]], list[Line]], line: int, column: str, form: Any, tmp_path: Path
) -> None:
    config = configuration(tmp_path)
    taken(config, written(tmp_path, as_csv([{"meter": "old", "model": "sim-3p"} | keys("old")])))
    old = Meter("old", "C-1", commissioned=True, model="sim-3p", stage=Stage.LINKED)
    words(config, lambda tx: tx.put_meters([old]))
    before = everything(config)
    told: list[Appraised] = []
    with read(config, written(tmp_path, form(damage(pallet(5))))) as delivery:
        with pytest.raises(NotTakenIn) as refused:
            take(config, delivery, "os:ana", told.append)
    (bad,) = (each for each in told if each.fate is Fate.REFUSED)
    assert bad.line == line and bad.why and bad.next_step
    assert bad.column == column or form is as_xml
    assert refused.value.tally.refused == 1
    assert everything(config) == before


@pytest.mark.parametrize("form", [as_csv, as_xml])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_is_cut_off_leaves_nothing(form: Any, share: float, tmp_path: Path) -> None:
    config = configuration(tmp_path)
    octets = form(pallet(20))
    octets = octets[: int(len(octets) * share)]
    octets = octets[:-1] if octets.endswith(b"\n") else octets  # not between two lines of CSV
    with read(config, written(tmp_path, octets)) as delivery, pytest.raises(NotTakenIn):
        take(config, delivery, "os:ana")
    assert not any(everything(config).values())


KILLED = """
import sys
from pathlib import Path
from headend.app.shipments import read_in, take
from headend.config import Config, KeyStorage
from tests.registry.pallet import TRANSPORT
file, url, envelope = sys.argv[1:]
config = Config(database=url, keys=KeyStorage(envelope_file=Path(envelope)))
def progress(meters):
    print("in the middle", flush=True)
    sys.stdin.read()
with read_in(Path(file), config, TRANSPORT) as delivery:
    take(config, delivery, "os:ana", progress=progress)
"""


def test_killed_in_the_middle_it_leaves_nothing_and_comes_again(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    everything(config)  # the tables are there
    file = written(tmp_path, as_csv(pallet(1_500)))
    command = [sys.executable, "-c", KILLED, str(file), config.database]
    with subprocess.Popen(
        [*command, str(tmp_path / "envelope.key")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in the middle\n"
        process.send_signal(signal.SIGKILL)
    assert not any(everything(config).values())
    assert taken(config, file).entered == 1_500


# --- a preview is what an import does -------------------------------------------------------------

NAMES = ("1000", "1001", "1002", "1003")
KNOWN = st.sampled_from(
    [
        None,
        Meter("", model="sim-3p", stage=Stage.IN_STOCK),
        Meter("", model="generic", stage=Stage.IN_STOCK),
        Meter("", "C-1", commissioned=True, model="sim-3p", stage=Stage.LINKED),
        Meter("", "C-1", commissioned=True, model="generic", blocked=True),
        Meter("", model="generic", stage=Stage.REMOVED),
    ]
)
LINES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["sim-3p", "generic", "no-such-model"]),
        st.sampled_from(["", "1000", "1001", "x"]),
    ),
    max_size=5,
)


def line(name: str, model: str, whose: str) -> Line:
    return {"meter": name, "model": model} | (keys(whose) if whose else {})


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(known=st.tuples(KNOWN, KNOWN, KNOWN, KNOWN), lines=LINES)
def test_a_preview_is_what_an_import_does(
    known: tuple[Meter | None, ...],
    lines: list[tuple[str, str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("preview")
    config = configuration(folder)
    there = [replace(meter, name=name) for name, meter in zip(NAMES, known, strict=True) if meter]
    words(config, lambda tx: tx.put_meters(there))
    file = written(folder, as_csv([line(*each) for each in lines] or [{"meter": "1"}]))

    def told_by(ask: Callable[[Delivery, Any], Any]) -> tuple[Any, list[Appraised]]:
        told: list[Appraised] = []
        with read(config, file) as delivery:
            try:
                return ask(delivery, told.append), told
            except NotTakenIn as error:
                return error.tally, told

    before = everything(config)
    tally, foreseen = told_by(lambda delivery, told: preview(config, delivery, told))
    assert everything(config) == before
    done, happened = told_by(lambda delivery, told: take(config, delivery, "ana", told))
    assert happened == foreseen
    if tally.refused:
        assert done == tally and everything(config) == before
    else:
        for count in ("meters", "entered", "changed", "unchanged", "keys_new", "keys_kept"):
            assert getattr(done, count) == getattr(tally, count)
        rows = everything(config)
        assert len(rows["meters"]) == len(there) + done.entered
        assert len(rows["meter_keys"]) == done.keys_new
        assert len(rows["meter_life"]) == done.entered + done.changed
