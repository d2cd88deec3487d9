"""Networks as CIM100: two that others ship, and small ones by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from devices.grid.cim import read
from devices.grid.dss import read as read_dss
from devices.grid.errors import BadNetwork
from tests.grid.wheels import cim_cases, dss_cases
from tools.cli import app

RDF = (
    '<rdf:RDF xmlns:cim="http://iec.ch/TC57/CIM100#"'
    ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF>'
)


def thing(kind: str, id_: str, values: dict[str, object], links: dict[str, str]) -> str:
    told = "".join(f"<cim:{name}>{value}</cim:{name}>" for name, value in values.items())
    told += "".join(f'<cim:{name} rdf:resource="#{to}"/>' for name, to in links.items())
    return (
        f'<cim:{kind} rdf:ID="{id_}">'
        f"<cim:IdentifiedObject.name>{id_}</cim:IdentifiedObject.name>{told}</cim:{kind}>\n"
    )


def two_buses(p: float = 30_000.0, r: float = 0.4) -> str:
    base = {"ConductingEquipment.BaseVoltage": "bv"}
    parts = [
        thing("BaseVoltage", "bv", {"BaseVoltage.nominalVoltage": 400}, {}),
        thing("ConnectivityNode", "here", {}, {}),
        thing("ConnectivityNode", "there", {}, {}),
        thing(
            "EnergySource",
            "s",
            {
                "EnergySource.voltageMagnitude": 400,
                **{f"EnergySource.{name}": 1e-7 for name in ("r", "x", "r0", "x0")},
            },
            base,
        ),
        thing(
            "ACLineSegment",
            "l",
            {
                **{f"ACLineSegment.{name}": r for name in ("r", "r0")},
                **{f"ACLineSegment.{name}": 1e-9 for name in ("x", "x0")},
            },
            base,
        ),
        thing("EnergyConsumer", "c", {"EnergyConsumer.p": p, "EnergyConsumer.q": 0}, base),
    ]
    for number, (equipment, node, at) in enumerate(
        [("s", "here", 1), ("l", "here", 1), ("l", "there", 2), ("c", "there", 1)]
    ):
        links = {"Terminal.ConductingEquipment": equipment, "Terminal.ConnectivityNode": node}
        parts.append(thing("Terminal", f"t{number}", {"ACDCTerminal.sequenceNumber": at}, links))
    return RDF.format("".join(parts))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "net.xml"
    path.write_text(text)
    return path


def test_two_buses_by_hand(tmp_path: Path) -> None:
    """Three phases of 10 kW behind 0.4 ohm: V = V0/2 + sqrt(V0**2/4 - 4000)."""
    solution = read(written(tmp_path, two_buses())).solve()
    v0 = 400 / math.sqrt(3)
    v = abs(solution.voltage[solution.circuit.nodes["there", 2]])
    assert v == pytest.approx(v0 / 2 + math.sqrt(v0**2 / 4 - 4_000), abs=1e-3)


@pytest.mark.parametrize("name, nodes", [("IEEE13.xml", 40), ("IEEE123_PV.xml", 270)])
def test_models_of_others_are_solved_and_balance(name: str, nodes: int) -> None:
    network = read(cim_cases() / name)
    solution = network.solve()
    circuit = network.circuit
    assert len(circuit.nodes) > nodes
    assert not solution.dead
    missing = solution.delivered() - solution.drawn() - solution.losses()
    assert abs(missing - solution.taken_by_shunts()) < 10.0
    for (bus, _), v in zip(circuit.nodes, solution.voltage, strict=True):
        assert 0.9 < abs(v) / circuit.base_kv[bus] / 1000 < 1.1


def test_lines_and_capacitors_are_those_of_the_script() -> None:
    """The same feeder in CIM and in OpenDSS's words: its elements' matrices agree."""
    ours = read(cim_cases() / "IEEE13.xml").circuit.elements
    theirs = read_dss(dss_cases() / "ieee13_dss" / "IEEE13Nodeckt.dss").circuit.elements
    # Of code 601 the CIM file has the couplings of phases A-B and B-C the other way round.
    for name in ("line.632645", "line.684652"):
        y, expected = ours[name].y, theirs[name].y
        order = np.argsort(ours[name].terminals[0]), np.argsort(theirs[name].terminals[0])
        count = len(order[0])
        mine, other = (np.concatenate([each, each + count]) for each in order)
        difference = y[np.ix_(mine, mine)] - expected[np.ix_(other, other)]
        # The CIM file leaves the default capacitances out, and rounds to eight digits.
        assert np.abs(difference).max() < 1e-5 * np.abs(expected).max(), name
    assert ours["capacitor.cap2"].y[0, 0] == pytest.approx(
        theirs["capacitor.cap2"].y[0, 0], rel=1e-6
    )


def test_the_transformer_is_that_of_the_script() -> None:
    ours = read(cim_cases() / "IEEE13.xml").changers["transformer.xfm1"].data
    theirs = read_dss(dss_cases() / "ieee13_dss" / "IEEE13Nodeckt.dss")
    expected = theirs.changers["transformer.xfm1"].data
    assert ours.va == expected.va
    assert ours.reactances_pu == pytest.approx(expected.reactances_pu, rel=1e-6)
    assert [w.r_pu for w in ours.windings] == pytest.approx(
        [w.r_pu for w in expected.windings], rel=1e-6
    )


REFUSED = {
    "no XML": ("<rdf", "net.xml"),
    "no RDF": ("<a/>", "no RDF"),
    "a document type": ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
    "nothing in it": (RDF.format(""), "no EnergySource"),
    "no number": (two_buses().replace(">400<", ">x<", 1), "'x' and no number"),
    "a loose end": (two_buses().replace('"#there"', '"#nowhere"'), "points at nothing"),
    "not modelled": (
        two_buses().replace("</rdf:RDF>", thing("SeriesCompensator", "k", {}, {}) + "</rdf:RDF>"),
        r"SeriesCompensator 'k' \(line \d+\) is not modelled",
    ),
}


@pytest.mark.parametrize("text, told", REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadNetwork, match=told):
        read(written(tmp_path, text))


# What is wrong, and on which line of the file: each object stands on a line of its own.
MISPLACED = {
    "no XML": ("<rdf:RDF\n\n", 3),
    "no RDF": ("<a/>", None),
    "nothing in it": (RDF.format(""), None),
    "no number": (two_buses().replace(">400<", ">x<", 1), 1),
    "not a number": (two_buses().replace(">30000.0<", ">nan<"), 6),
    "nothing told": (two_buses().replace("<cim:ACLineSegment.r>0.4</cim:ACLineSegment.r>", ""), 5),
    "a loose end": (two_buses().replace('"#there"', '"#nowhere"'), 9),
    "a source of no impedance": (two_buses().replace(">1e-07<", ">0<"), 4),
    "a line of no impedance": (two_buses(r=0).replace(">1e-09<", ">0<"), 5),
}


@pytest.mark.parametrize("text, line", MISPLACED.values(), ids=MISPLACED)
def test_a_problem_names_file_and_line(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "a model.xml"
    path.write_text(text)
    told = CliRunner().invoke(app, ["grid", "solve", "--cim", str(path), "--json"])
    assert told.exit_code == 2
    error = json.loads(told.stdout)["error"]
    assert (error["file"], error["line"]) == ("a model.xml", line)


@pytest.mark.parametrize("watts, ends", [(99_000.0, 0), (110_000.0, 1), (600_000.0, 1)])
def test_more_than_the_line_carries_is_no_solution(tmp_path: Path, watts: float, ends: int) -> None:
    """Behind 0.4 ohm at 231 V no phase carries more than 231**2 / 1.6 W: 100 kW in all."""
    path = written(tmp_path, two_buses(watts))
    told = CliRunner().invoke(app, ["grid", "solve", "--cim", str(path), "--json"])
    assert told.exit_code == ends
    if ends:
        error = json.loads(told.stdout)["error"]
        assert error["code"] == "no-solution"
        assert error["node"].startswith("there.")


def test_the_command_takes_it(tmp_path: Path) -> None:
    path = written(tmp_path, two_buses())
    told = CliRunner().invoke(app, ["grid", "solve", "--cim", str(path), "--json"])
    assert told.exit_code == 0
    assert '"bus":"there"' in told.stdout
    both = CliRunner().invoke(app, ["grid", "solve", "--cim", str(path), "--dss", str(path)])
    assert both.exit_code == 2


def test_what_is_not_understood_is_named(tmp_path: Path) -> None:
    strange = thing("MagicBox", "m1", {}, {}) + thing("MagicBox", "m2", {}, {})
    joined = thing("Terminal", "tm", {}, {"Terminal.ConductingEquipment": "m2"})
    harmless = thing("Location", "x", {}, {})
    text = two_buses().replace("</rdf:RDF>", f"{strange}{joined}{harmless}</rdf:RDF>")
    (note,) = read(written(tmp_path, text)).notes
    assert note.startswith("equipment with terminals, not understood and left out: MagicBox 'm1'")
    assert note.endswith("and 1 more")
