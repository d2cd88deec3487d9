"""`ami shipment`, as people run it; and a meter from its pallet to its first order."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headend.registry.shipment.transport import VARIABLE as TRANSPORT_VARIABLE
from headend.store.envelope import VARIABLE
from headend.store.store import SqlStore
from tests import databases
from tests.demo.commands import running
from tests.registry.pallet import TRANSPORT, as_csv, as_xml, keys, pallet, written
from tools.cli import app


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A database without meters; keys are opened and sealed by the environment's."""
    monkeypatch.setenv(VARIABLE, "ab" * 64)
    monkeypatch.setenv(TRANSPORT_VARIABLE, TRANSPORT.key.hex())
    url = databases.at(tmp_path / "ami.db")
    asyncio.run(SqlStore(url, live=False).close())
    return ["--database", url]


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def told(*arguments: str, code: int = 0) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == code, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


def test_previewed_taken_in_and_shown(where: list[str], tmp_path: Path) -> None:
    file = str(written(tmp_path, as_xml(pallet(3)), "pallet.xml"))
    ran = ami("shipment", "preview", file, *where)
    assert ran.exit_code == 0, ran.stderr
    assert "3 meters: 3 would be entered" in ran.stdout and "keys: 3 new" in ran.stdout
    lines = told("shipment", "preview", file, "--all", *where)["lines"]
    assert [(line["line"], line["fate"]) for line in lines] == [(at, "entered") for at in (2, 3, 4)]
    done = told("shipment", "import", file, *where)
    assert done["again"] is False and done["receipt"]["entered"] == 3
    again = ami("shipment", "import", file, *where)
    assert again.exit_code == 0 and "taken in as shipment 1" in again.stdout
    assert told("shipment", "import", file, *where)["again"] is True
    assert told("shipment", "list", *where) == [done["receipt"]]
    page = ami("shipment", "show", "1", *where).stdout
    assert done["receipt"]["digest"] in page and "3 entered" in page
    names = [meter["name"] for meter in told("meter", "list", "--stage", "in-stock", *where)]
    assert names == ["1000", "1001", "1002"]


def test_what_is_refused_is_told_with_file_line_column_and_what_to_do(
    where: list[str], tmp_path: Path
) -> None:
    lines = pallet(3)
    file = written(tmp_path, as_csv([lines[0], {**lines[1], "title": "1"}, lines[2]]))
    ran = ami("shipment", "import", str(file), *where)
    words = " ".join(ran.stderr.split())
    assert ran.exit_code == 1
    assert f"{file}, line 3, title: refused: '1' is none" in words.replace("\n", "")
    assert "To do: 16 hexadecimal digits" in words and "nothing is taken in" in words
    found = told("shipment", "import", str(file), *where, code=1)
    assert found["tally"]["refused"] == 1 and found["lines"][0]["column"] == "title"
    assert ami("shipment", "preview", str(file), *where).exit_code == 1
    assert told("meter", "list", *where) == []


ONE_REFUSED = [{"meter": "A"}, {"meter": "B"}, {"meter": "B"}]
THREE_TIMES = [{"meter": "B"}, {"meter": "A"}, {"meter": "B"}, {"meter": "B"}]
TALLIES = {
    # how many meters, would be entered, refused
    "a meter twice": (ONE_REFUSED, (3, 2, 1)),
    "a meter three times": (THREE_TIMES, (4, 2, 2)),
    "two flaws of one line": ([{"meter": "A", "phase": "D", "title": "1"}], (1, 0, 1)),
    "shared by two": ([{"meter": "A", **keys("A")}, {"meter": "B", **keys("A")}], (2, 1, 1)),
}


@pytest.mark.parametrize("form", [as_csv, as_xml])
@pytest.mark.parametrize(("lines", "counts"), TALLIES.values(), ids=TALLIES)
def test_each_line_is_counted_once(
    where: list[str], tmp_path: Path, form: Any, lines: Any, counts: tuple[int, int, int]
) -> None:
    meters, entered, refused = counts
    file = str(written(tmp_path, form(lines)))
    found = told("shipment", "preview", file, *where, code=1)["tally"]
    assert (found["meters"], found["entered"], found["refused"]) == counts
    page = ami("shipment", "preview", file, *where).stdout
    noun = "meter" if meters == 1 else "meters"
    assert page.startswith(f"{meters} {noun}: {entered} would be entered")
    verb = "is" if refused == 1 else "are"
    says = " ".join(ami("shipment", "import", file, *where).stderr.split())
    assert f"{refused} of {meters} lines {verb} refused; nothing is taken in" in says


@pytest.mark.parametrize("file", [as_csv([]), as_xml([]), b"meter;model\r\n;\r\n"])
@pytest.mark.parametrize("verb", ["preview", "import"])
def test_a_file_without_meters_is_told_as_that(
    where: list[str], tmp_path: Path, file: bytes, verb: str
) -> None:
    pallet = str(written(tmp_path, file))
    assert told("shipment", verb, pallet, *where, code=1)["error"]["code"] == "empty-shipment"
    assert told("shipment", "list", *where) == []


WRONG = {
    "no file": (("shipment", "import", "nowhere.csv"), "no-file"),
    "no such shipment": (("shipment", "show", "9"), "no-such-shipment"),
    "no transport key": (("shipment", "import", "p.csv", "--transport-key", "none"), "wrong-key"),
}


@pytest.mark.parametrize(("arguments", "code"), WRONG.values(), ids=WRONG)
def test_wrong_usage(
    where: list[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, as_csv(pallet(1)), "p.csv")
    assert told(*arguments, *where, code=2)["error"]["code"] == code


def test_keys_without_an_envelope_are_not_taken(
    where: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    file = str(written(tmp_path, as_csv(pallet(1))))
    ran = ami("shipment", "import", file, *where)
    assert ran.exit_code == 2 and "envelope" in " ".join(ran.stderr.split())


@pytest.mark.live
def test_from_the_pallet_to_the_wall(where: list[str], tmp_path: Path) -> None:
    with running(tmp_path, "meter", "listen", "--tcp", "127.0.0.1:0", "--json") as listening:
        meter = listening.first_word()
        name = meter["meter"]
        line = {
            "meter": name,
            "model": "sim-3p",
            "title": meter["system_title"],
            "address": f"tcp://127.0.0.1:{meter['port']}",
        }
        wrapped = {
            f"key-1-{part}": TRANSPORT.wrapped(bytes.fromhex(meter[f"{part}_key"])).hex()
            for part in ("encryption", "authentication")
        }
        told("shipment", "import", str(written(tmp_path, as_csv([line | wrapped]))), *where)
        places = written(tmp_path, b"kind,code\nservice-point,SP1\n", "places.csv")
        told("place", "import", str(places), *where)
        early = ami("meter", "commission", name, *where)
        assert early.exit_code == 1 and "ami meter install" in " ".join(early.stderr.split())
        assert told("meter", "install", name, "SP1", *where)["stage"] == "installed"
        done = told("meter", "commission", name, *where)
        assert done["held"] and done["stage"] == "linked", done
        assert told("meter", "serve", name, *where)["stage"] == "in-service"
        page = ami("meter", "show", name, *where).stdout
        assert "take-into-service" in page and "logical device name" in page
        assert all(
            key not in page for key in (meter["encryption_key"], wrapped["key-1-encryption"])
        )
    gone = told("meter", "commission", name, *where, code=1)
    assert gone["error"]["code"] == "meter-in-service"


def test_a_shipment_is_taken_by_several_processes(
    where: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.shipment.SPREAD_ABOVE", 0)
    lines = [
        {"meter": f"{at:05}"} | (keys(str(at)) if at % 500 == 0 else {}) for at in range(2_100)
    ]
    file = str(written(tmp_path, as_csv(lines)))
    receipt = told("shipment", "import", file, "--jobs", "2", *where)["receipt"]
    assert (receipt["entered"], receipt["keys_new"]) == (2_100, 5)
