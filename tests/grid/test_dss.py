"""Reading OpenDSS scripts: words, numbers, what is refused, and where it says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from devices.grid.dss import read
from devices.grid.dss.values import Word, words
from devices.grid.errors import BadNetwork, NotConverged
from tests.grid.wheels import dss_cases
from tools.cli import app

NUMBERS = {
    "(8 1000 /)": 0.008,
    "(.5 1000 /)": 0.0005,
    "(0.00625  12  * 1 +)": 1.075,
    "[2 3 ^]": 8.0,
    '"16 sqrt"': 4.0,
    "-.5": -0.5,
    "1e-4": 1e-4,
}


@pytest.mark.parametrize("text, number", NUMBERS.items())
def test_numbers(text: str, number: float) -> None:
    (word,) = words(f"x={text}")
    assert word.number() == pytest.approx(number)


@pytest.mark.parametrize(
    "text",
    [
        "[1 | 2 3 | 4 5 6]",
        "(1 | 2, 3 | 4, 5, 6)",
        '"1 | 2 3 | 4 5 6"',
        "{1 2 4 | 2 3 5 | 4 5 6}",
        "[1 2 4 2 3 5 4 5 6]",
    ],
)
def test_matrices_in_every_bracket(text: str) -> None:
    (word,) = words(f"rmatrix={text}")
    assert word.matrix(3).tolist() == [[1, 2, 4], [2, 3, 5], [4, 5, 6]]


def test_words_with_names_and_without() -> None:
    found = list(words("New Line.a  bus1 = x.1.2, y Length=3 ! bus2=z // more"))
    assert [(word.name, word.text) for word in found] == [
        ("", "New"),
        ("", "Line.a"),
        ("bus1", "x.1.2"),
        ("", "y"),
        ("length", "3"),
    ]


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "net.dss"
    path.write_text(text)
    return path


CIRCUIT = "clear\nnew circuit.x basekv=12.47\n"

REFUSED = {
    # what is wrong: the text of the third line, and what the error says
    "a property that there is not": ("new line.l lenght=3", "net.dss:3: line.l: .*'lenght'"),
    "no number": ("new load.l bus1=sourcebus kw=ten", "net.dss:3: .*'ten' is no number"),
    "a class that there is not": ("new lime.l", "net.dss:3: 'lime' is no class"),
    "an element not modelled": ("new autotrans.a", "net.dss:3: .*not modelled"),
    "a code that there is not": ("new line.l linecode=none", "net.dss:3: .*no linecode 'none'"),
    "an open quote": ("new line.l rmatrix=[1 | 2", "net.dss:3: .*not closed"),
    "a matrix of another size": ("new line.l rmatrix=[1 2 | 3]", "net.dss:3: .*3 x 3"),
    "no command": ("nwe line.l", "net.dss:3: 'nwe' is no command"),
    "a file that there is not": ("redirect other.dss", "net.dss:3: there is no file other.dss"),
    "itself again and again": ("redirect net.dss", "net.dss:3: files redirect"),
    "a load without volts": ("new load.l bus1=sourcebus kv=0", "load.l: kV"),
    "a line from nowhere": ("new line.l bus2=b", "net.dss:3: line.l: a line has two buses"),
    "a bus that is none": ("new line.l bus1=a.x bus2=b", "net.dss:3: .*nodes are numbers"),
    "generators of other models": ("new generator.g bus1=sourcebus model=6", "generator.g: .*6"),
    "a shape's file that there is not": (
        (
            "new loadshape.s npts=3 mult=(file=none.csv)\nnew load.l bus1=sourcebus daily=s\n"
            "solve mode=daily"
        ),
        "net.dss:3: loadshape.s: there is no file none.csv",
    ),
    "a cable without insulation": (
        (
            "new cndata.c k=9 rstrand=1 diastrand=.1 diacable=3 rac=.4 gmrac=.1 diam=1\n"
            "new linespacing.s nconds=1 nphases=1 x=[0] h=[-4]\n"
            "new line.l bus1=sourcebus.1 bus2=b.1 spacing=s cncables=[c]"
        ),
        "cndata.c .* needs InsLayer, DiaIns",
    ),
    "a fault of no resistance": ("new fault.f bus1=sourcebus.1 r=0", "fault.f: .*0 ohms"),
    "a battery's state": ("new storage.s bus1=sourcebus state=full", "storage.s: state=full"),
    "a control of nothing": ("new capcontrol.c", "capcontrol.c: .*names an element"),
    "a clock's control": ("new capcontrol.c type=time", "capcontrol.c: .*type time"),
    "a source whose ratio is none": ("edit vsource.source x1r1=0", "vsource.source: its values"),
    "an infinite length": ("new line.l bus1=sourcebus bus2=b length=1e999", "net.dss:3"),
}


@pytest.mark.parametrize("line, told", REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(BadNetwork, match=told):
        read(script(tmp_path, f"{CIRCUIT}{line}\n")).solve()


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    network = read(
        script(
            tmp_path,
            CIRCUIT + "new energymeter.m element=line.l\nnew line.l bus1=sourcebus bus2=b\n"
            "set casename=a strange=b\nnew load.l bus1=b kv=12.47 rneut=2 %mean=3\n",
        )
    )
    notes = "\n".join(network.notes)
    assert "net.dss:3: energymeter.m" in notes
    assert "net.dss:5: the option 'strange'" in notes


TEXT = st.text(st.sampled_from("abclinew.load=123 |()[]\"'~!/\n*-+,%"), max_size=60)


@settings(max_examples=150)
@given(TEXT, st.integers(0, 40))
def test_any_text_is_read_or_refused_in_words(tmp_path_factory: object, text: str, at: int) -> None:
    whole = f"{CIRCUIT}new line.l bus1=sourcebus bus2=b length=3\nnew load.l bus1=b kv=12.47 kw=9\n"
    path = tmp_path_factory.mktemp("any") / "net.dss"  # type: ignore[attr-defined]
    path.write_text(whole[: len(CIRCUIT) + at] + text + whole[len(CIRCUIT) + at :])
    try:
        solution = read(path).solve()
    except (BadNetwork, NotConverged):
        return
    assert np.isfinite(solution.voltage).all()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 3), st.sampled_from([1, 2, 5]), st.integers(-200, 900), st.floats(0, 400)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_power_balances(tmp_path_factory: object, drawn: list[tuple[int, int, int, float]]) -> None:
    """What the source delivers is what loads take and lines lose."""
    lines = ["new line.l0 bus1=sourcebus bus2=b0 length=1"]
    for at, (phase, model, kw, kvar) in enumerate(drawn):
        lines += [
            f"new line.l{at + 1} bus1=b{at} bus2=b{at + 1} length=.4",
            f"new load.d{at} bus1=b{at + 1}.{phase} phases=1 kv=7.2 kw={kw} kvar={kvar:.3f}",
            f"~ model={model}",
        ]
    path = tmp_path_factory.mktemp("balance") / "net.dss"  # type: ignore[attr-defined]
    path.write_text(CIRCUIT + "\n".join(lines))
    solution = read(path).solve()
    missing = solution.delivered() - solution.drawn() - solution.losses()
    missing -= solution.taken_by_shunts()
    assert abs(missing) < 1.0 + 1e-6 * abs(solution.delivered())


def test_two_buses_by_hand(tmp_path: Path) -> None:
    """One phase, 240 V, one ohm, 4.8 kW: V = 120 + sqrt(120**2 - 4800)."""
    path = script(
        tmp_path,
        "clear\nnew circuit.x basekv=.24 phases=1 r1=0 x1=1e-6 r0=0 x0=1e-6\n"
        "new line.l phases=1 bus1=sourcebus.1 bus2=b.1 rmatrix=[1] xmatrix=[1e-9] cmatrix=[0]\n"
        "new load.l phases=1 bus1=b.1 kv=.24 kw=4.8 kvar=0 vminpu=.5\n",
    )
    solution = read(path).solve()
    v = solution.voltage[solution.circuit.nodes["b", 1]]
    assert abs(v) == pytest.approx(120 + (120**2 - 4800) ** 0.5, abs=1e-4)


def test_a_switch_that_is_open_leaves_what_is_behind_it_dead(tmp_path: Path) -> None:
    path = script(
        tmp_path,
        CIRCUIT + "new line.s bus1=sourcebus bus2=b switch=y\nopen line.s 1\n"
        "new line.l bus1=b bus2=c\nnew load.l bus1=c kv=12.47\n",
    )
    solution = read(path).solve()
    circuit = solution.circuit
    assert {circuit.node_names[node] for node in solution.dead} == {
        f"{bus}.{phase}" for bus in "bc" for phase in (1, 2, 3)
    }
    assert solution.drawn() == 0


def test_more_than_can_be_carried_is_said_with_a_node(tmp_path: Path) -> None:
    path = script(
        tmp_path,
        CIRCUIT + "new line.l bus1=sourcebus bus2=far length=20\n"
        "new load.l bus1=far kv=12.47 kw=90000 vminpu=0 vlowpu=0\n",
    )
    with pytest.raises(NotConverged, match=r"the voltage at (far|sourcebus)\.\d") as caught:
        read(path).solve()
    assert caught.value.iterations > 1


# The command.


def test_the_command_prints_a_table_and_json(tmp_path: Path) -> None:
    path = dss_cases() / "ieee13_dss" / "IEEE13Nodeckt.dss"
    told = CliRunner().invoke(app, ["grid", "solve", "--dss", str(path), "--json"])
    assert told.exit_code == 0
    report = json.loads(told.stdout)
    assert len(report["nodes"]) == 41
    at_671 = {node["phase"]: node for node in report["nodes"] if node["bus"] == "671"}
    # IEEE PES test feeders, 13 nodes: published 0.990, 1.053, 0.978; the script's regulators end a
    # tap lower.
    assert [round(at_671[phase]["pu"], 2) for phase in (1, 2, 3)] == [0.98, 1.04, 0.96]
    assert report["head"]["kw"] == pytest.approx(
        report["load"]["kw"] + report["losses"]["kw"] + report["shunts"]["kw"], abs=1e-3
    )
    assert report["taps"]["transformer.reg1"] == [1.0, 1.05625]
    table = CliRunner().invoke(app, ["grid", "solve", "--dss", str(path)])
    assert table.exit_code == 0
    assert "671" in table.stdout
    assert "losses" in table.stdout


@pytest.mark.parametrize("arguments, code", [([], 2), (["--dss", "nowhere.dss"], 2)])
def test_wrong_usage(arguments: list[str], code: int) -> None:
    assert CliRunner().invoke(app, ["grid", "solve", *arguments]).exit_code == code


def test_a_word_s_flags() -> None:
    assert Word("x", "yes").flag()
    assert not Word("x", "No").flag()
    with pytest.raises(BadNetwork, match="neither yes nor no"):
        Word("x", "maybe").flag()


PROBLEMS = {
    # the script's third line: exit code, and what the error object says
    "a missing file": (
        "redirect gone.dss",
        2,
        {"code": "bad-network", "file": "net.dss", "line": 3},
    ),
    "no property": (
        "new line.l lenght=3",
        2,
        {"code": "bad-network", "file": "net.dss", "line": 3},
    ),
    "not modelled": ("new autotrans.a", 2, {"code": "bad-network", "file": "net.dss", "line": 3}),
    "too much": (
        (
            "new line.l bus1=sourcebus bus2=far length=20\n"
            "new load.l bus1=far kv=12.47 kw=90000 vminpu=0 vlowpu=0"
        ),
        1,
        {"code": "no-solution", "file": None, "line": None},
    ),
}


@pytest.mark.parametrize("line, code, told", PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_is_an_object_with_a_place_and_advice(
    tmp_path: Path, line: str, code: int, told: dict[str, object]
) -> None:
    path = script(tmp_path, f"{CIRCUIT}{line}\n")
    ended = CliRunner().invoke(app, ["grid", "solve", "--dss", str(path), "--json"])
    assert ended.exit_code == code
    answer = json.loads(ended.stdout)
    assert answer["converged"] is False
    assert answer["error"]["next_step"]
    assert {name: answer["error"][name] for name in told} == told
    assert answer["error"]["text"] in " ".join(ended.stderr.split())


def test_what_no_source_feeds_is_named(tmp_path: Path) -> None:
    path = script(tmp_path, CIRCUIT + "new line.l bus1=a bus2=b\nnew load.l bus1=b kv=12.47\n")
    ended = CliRunner().invoke(app, ["grid", "solve", "--dss", str(path), "--json"])
    report = json.loads(ended.stdout)
    assert report["isolated"] == [f"{bus}.{number}" for bus in "ab" for number in (1, 2, 3)]
    assert {node["volts"] for node in report["nodes"] if node["bus"] in "ab"} == {0.0}


def problem(tmp_path: Path, name: str, text: str) -> dict[str, object]:
    path = tmp_path / name
    path.write_text(text)
    told = CliRunner().invoke(app, ["grid", "solve", "--dss", str(path), "--json"])
    assert told.exit_code == 2
    error: dict[str, object] = json.loads(told.stdout)["error"]
    return error


@pytest.mark.parametrize(
    "text, line",
    [("", None), (f"{CIRCUIT}nwe line.l", 3), (f"{CIRCUIT}new line.l bus1=a bus2=b length=0", 3)],
)
def test_a_problem_names_file_and_line_whatever_the_file_is_called(
    tmp_path: Path, text: str, line: int | None
) -> None:
    error = problem(tmp_path, "my net (old): 2.dss", text)
    assert (error["file"], error["line"]) == ("my net (old): 2.dss", line)


def test_loads_that_are_lesser_than_told_are_named(tmp_path: Path) -> None:
    """As in OpenDSS a load far too large for its line is solved: as an impedance.  It says so."""
    text = (
        f"{CIRCUIT}new line.l bus1=sourcebus bus2=b r1=1 x1=2 length=9\n"
        "new load.big bus1=b kv=12.47 kw=99000\nsolve\n"
    )
    told = CliRunner().invoke(
        app, ["grid", "solve", "--dss", str(script(tmp_path, text)), "--json"]
    )
    assert told.exit_code == 0
    (note,) = [each for each in json.loads(told.stdout)["notes"] if "models do not hold" in each]
    assert "load.big at 0.0" in note
