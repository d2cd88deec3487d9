"""CIM100 models against OpenDSS, which solves what was read of them, written as its own script; and
what was read against what an XPath counts and sums in the file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from devices.grid.cim import read
from tests.grid.as_script import script
from tests.grid.test_oracles import PU, open_dss, volts_by_open_dss
from tests.grid.wheels import cim_cases

MODELS = ("IEEE13.xml", "IEEE123_PV.xml")
DEGREES = 1e-4

__all__ = ["open_dss"]


@pytest.mark.parametrize("name", MODELS)
def test_open_dss_solves_it_alike(open_dss: Any, tmp_path: Path, name: str) -> None:
    twin = tmp_path / "twin.dss"
    twin.write_text(script(read(cim_cases() / name)))
    theirs = volts_by_open_dss(open_dss, twin)
    network = read(cim_cases() / name)
    solution = network.solve()
    circuit = network.circuit
    assert set(theirs) == set(circuit.node_names)
    for (bus, number), row in circuit.nodes.items():
        v, other = complex(solution.voltage[row]), theirs[f"{bus}.{number}"]
        assert abs(v - other) / (circuit.base_kv[bus] * 1000) < PU, (bus, number)
        turn = math.degrees(math.atan2((v / other).imag, (v / other).real))
        assert abs(turn) < DEGREES, (bus, number)
    for changer, each in network.changers.items():
        open_dss.Transformers.Name(changer.partition(".")[2])
        for winding, tap in enumerate(each.taps, 1):
            open_dss.Transformers.Wdg(winding)
            assert tap == pytest.approx(open_dss.Transformers.Tap(), abs=1e-12), changer


class Counted:
    """The file itself."""

    def __init__(self, path: Path):
        self._tree = etree.parse(str(path))
        self._names = {
            "cim": "http://iec.ch/TC57/CIM100#",
            "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        }

    def xpath(self, path: str) -> Any:
        return self._tree.xpath(path, namespaces=self._names)

    def total(self, kind: str, name: str) -> float:
        return float(self.xpath(f"sum(/*/cim:{kind}/cim:{name})"))

    def count(self, kind: str) -> int:
        return int(self.xpath(f"count(/*/cim:{kind})"))


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Iterator[tuple[Counted, Any]]:
    path = cim_cases() / request.param
    yield Counted(path), read(path)


def test_nothing_is_left_out(model: tuple[Counted, Any]) -> None:
    counted, network = model
    elements = network.circuit.elements

    def of(kind: str) -> int:
        return sum(name.startswith(f"{kind}.") for name in elements)

    assert of("line") == counted.count("ACLineSegment")
    assert of("capacitor") == counted.count("LinearShuntCompensator")
    closed = "not(cim:Switch.open='true' or cim:Switch.open='True')"
    switches = " or ".join(
        f"self::cim:{kind}" for kind in ("LoadBreakSwitch", "Fuse", "Recloser", "Breaker")
    )
    assert of("switch") == counted.xpath(f"count(/*/*[{switches}][{closed}])")
    tanks = "/*/cim:TransformerTank/cim:TransformerTank.PowerTransformer/@rdf:resource"
    by_ends = counted.xpath(
        f"count(/*/cim:PowerTransformer[not(concat('#', @rdf:ID) = {tanks})]"
        f"[not(@rdf:about = {tanks})])"
    )
    assert len(network.changers) == counted.count("TransformerTank") + by_ends
    assert len(network.regulators) == counted.count("RatioTapChanger")


def test_powers_are_those_of_the_file(model: tuple[Counted, Any]) -> None:
    counted, network = model
    legs = network.circuit.legs
    for part, attribute in (("p", "watts"), ("q", "vars")):
        drawn = sum(getattr(leg, attribute) for leg in legs if leg.load.startswith("energycon"))
        assert drawn == pytest.approx(counted.total("EnergyConsumer", f"EnergyConsumer.{part}"))
        fed = -sum(getattr(leg, attribute) for leg in legs if leg.load.startswith("powerelec"))
        kind = "PowerElectronicsConnection"
        assert fed == pytest.approx(counted.total(kind, f"{kind}.{part}"))


def test_conductors_are_those_of_the_file(model: tuple[Counted, Any]) -> None:
    counted, network = model
    phases = sum(
        len(element.terminals[0])
        for name, element in network.circuit.elements.items()
        if name.startswith("line.")
    )
    told = counted.count("ACLineSegmentPhase")
    of_three = counted.xpath(
        "count(/*/cim:ACLineSegment[not(@rdf:about = /*/cim:ACLineSegmentPhase/"
        "cim:ACLineSegmentPhase.ACLineSegment/@rdf:resource)])"
    )
    assert phases == told + 3 * of_three
