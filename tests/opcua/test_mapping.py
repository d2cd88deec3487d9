"""Mappings of OPC UA servers: those that there are hold, and what is wrong with one is told."""

from __future__ import annotations

import pytest

from headend.integration.cim.mapping import BadMapping
from headend.integration.cim.opcua_mapping import (
    ADAPTERS,
    Template,
    address_mapping_of,
    read_mapping,
)
from protocols.cim.profile import reading

SIMOCE = reading.profile("simoce")
GOOD = """
namespace = "urn:x"
[classes.Substation]
path = ["*"]
type = "S"
members = { mRID = "{name}" }
[classes.Feeder]
within = ["Substation"]
path = ["*"]
type = "F"
members = { mRID = "{name}", NormalEnergizingSubstation = "{within}" }
[classes.Meter]
within = ["Feeder"]
path = ["*"]
type = "M"
members = { mRID = "{name}", serialNumber = "{Serie}" }
[classes.Analog]
within = ["Feeder"]
path = ["*"]
members = { mRID = "{within}.{name}", PowerSystemResource = "{within}" }
points.IA = { measurementType = "LineCurrent", phases = "A" }
[classes.AnalogValue]
of = ["Analog"]
source = "history"
members = { value = "{value}", timeStamp = "{time}", Analog = "{within}" }
[classes.CFE_PowerQualityEvent]
of = ["Feeder"]
source = "events"
type = "E"
members = { mRID = "{Folio}", kind = "{Tipo}", startDateTime = "{time}" }
"""

WRONG = {
    "no TOML": ("path = [", "namespace = "),
    "an unknown key": ('type = "S"', 'type = "S"\nnode = "i=1"'),
    "an unknown class": ("[classes.Meter]", "[classes.Customer]"),
    "an abstract class": ("[classes.Meter]", "[classes.PowerSystemResource]"),
    "within nothing known": ('within = ["Feeder"]', 'within = ["Bay"]'),
    "an unknown member": ('serialNumber = "{Serie}"', 'number = "{Serie}"'),
    "a required member from nowhere": ('mRID = "{Folio}", ', ""),
    "a required member of some points": (
        'points.IA = { measurementType = "LineCurrent", phases = "A" }',
        'points.IA = { phases = "A" }',
    ),
    "a point's value of another type": ('phases = "A"', 'phases = "R"'),
    "values of values": ('of = ["Feeder"]', 'of = ["AnalogValue"]'),
    "values with a path": ('source = "history"', 'source = "history"\npath = ["*"]'),
    "nodes of something": ('type = "F"', 'type = "F"\nof = ["Substation"]'),
    "events without a type": ('source = "events"\ntype = "E"', 'source = "events"'),
    "another source": ('source = "history"', 'source = "archive"'),
}


def test_those_that_there_are() -> None:
    for adapter in ADAPTERS:
        mapping = address_mapping_of(adapter)
        names = [place.cls.name for place in mapping.nodes]
        # What another class is within comes before it.
        assert names.index("Substation") < names.index("Feeder") < names.index("Analog")
    with pytest.raises(KeyError):
        address_mapping_of("siad")


def test_a_good_one() -> None:
    mapping = read_mapping(SIMOCE, GOOD)
    assert [place.cls.name for place in mapping.nodes] == [
        "Substation", "Feeder", "Meter", "Analog",
    ]  # fmt: skip
    (meter,) = mapping.places(SIMOCE["Meter"])
    assert meter.properties == ("Serie",)
    (event,) = mapping.events
    assert event.properties == ("Folio", "Tipo")


@pytest.mark.parametrize("old, new", WRONG.values(), ids=WRONG)
def test_what_is_wrong(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(BadMapping):
        read_mapping(SIMOCE, GOOD.replace(old, new, 1))


def test_templates() -> None:
    words = {"within": "F1", "name": "IA", "empty": ""}
    table = {
        "{within}.{name}": ("F1.IA", ""),
        "{name}": ("IA", "name"),
        "as it is": ("as it is", ""),
        "{name}!": ("IA!", ""),
        "{unknown}": (None, "unknown"),
        "{empty}": (None, "empty"),
        "{within}{unknown}": (None, ""),
    }
    for text, (filled, alone) in table.items():
        template = Template(text)
        assert (template.filled(words), template.alone) == (filled, alone)
