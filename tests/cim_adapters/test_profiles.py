"""Profiles: what their files may say, that they are one, and what follows from them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import zeep
from lxml import etree

from headend.integration.cim.mapping import ADAPTERS as DATABASES
from headend.integration.cim.mapping import BadMapping, mapping_of, read_mapping
from protocols.cim import envelope, nouns, schema
from protocols.cim.envelope import Kind
from protocols.cim.profile import messages, page, payload, reading, wsdl, xsd
from protocols.cim.profile.instance import Instance, complaints, position
from protocols.cim.profile.merging import Conflict, merge
from protocols.cim.profile.model import Enumeration, Primitive, Profile, UnknownName
from protocols.cim.profile.reading import ADAPTERS, BadProfile, profile
from tests.house.source import ROOT

ALL = [*map(profile, ADAPTERS), reading.utility()]

SMALL = """
name = "Small"
title = "Small"
about = "A thing, and what it has."

[enumerations]
Colour = ["red", "blue"]

[classes.Thing]
about = "A thing."
key = ["mRID"]
attributes.mRID = { type = "String", required = true }
attributes.size = { type = "Float", unit = "m" }
attributes.colour = { type = "Colour" }
associations.Parts = { to = "Part", many = true, inverse = "Whole" }

[classes.Part]
about = "A part of one."
parent = "Thing"
associations.Whole = { to = "Thing", inverse = "Parts" }
"""

THING = 'about = "A thing."'

CONFLICTS = {
    # name: (replaced, by, what is said)
    "another type": ('"Float", unit = "m"', '"Integer", unit = "m"', "Thing.size"),
    "another unit": ('unit = "m"', 'unit = "km"', "Thing.size"),
    "another multiplicity of an attribute": (
        'unit = "m"', 'unit = "m", required = true', "Thing.size"),
    "an attribute that is an association": (
        'attributes.size = { type = "Float", unit = "m" }', 'associations.size = { to = "Part" }',
        "Thing.size"),
    "another target": (
        'to = "Part", many = true, inverse = "Whole"', 'to = "Thing", many = true', "Thing.Parts"),
    "another multiplicity of an association": (
        'Whole = { to = "Thing"', 'Whole = { required = true, to = "Thing"', "Part.Whole"),
    "another inverse": (', inverse = "Whole"', "", "Thing.Parts"),
    "other values": ('"red", "blue"', '"red", "green"', "Colour"),
    "another parent": (
        'parent = "Thing"', 'key = ["id"]\nattributes.id = { type = "String", required = true }',
        "Part has parent"),
    "abstract here, and not there": (THING, f"{THING}\nabstract = true", "Thing has abstract"),
    "of the CIM here, and the utility's own there": (
        THING, f"{THING}\nown = true", "Thing has own"),
    "another key": ('parent = "Thing"', 'parent = "Thing"\nkey = ["mRID"]', "Part has key"),
}  # fmt: skip

WRONG = {
    "no TOML": ("[classes.Thing]", "[classes.Thing"),
    "an unknown word": ('unit = "m"', 'unidad = "m"'),
    "an unknown type": ('type = "Float"', 'type = "Double"'),
    "an unknown class": ('to = "Part"', 'to = "Piece"'),
    "an unknown parent": ('parent = "Thing"', 'parent = "Object"'),
    "its own ancestor": ('about = "A thing."', 'about = "A thing."\nparent = "Part"'),
    "an unknown inverse": ('inverse = "Whole"', 'inverse = "All"'),
    "no key": ('key = ["mRID"]', ""),
    "a key that may be missing": ('type = "String", required = true', 'type = "String"'),
    "a key that is not there": ('key = ["mRID"]', 'key = ["name"]'),
    "a member of its parent once more": (
        "associations.Whole", 'attributes.size = { type = "Float" }\nassociations.Whole'),
    "narrowed by nothing": ("many = true", 'many = true, special = ["weight"]'),
    "a history without a time": ("many = true", 'many = true, history = "size"'),
}  # fmt: skip


def _other(replaced: str, by: str) -> str:
    assert replaced in SMALL
    return SMALL.replace(replaced, by, 1)


def test_the_adapters_are_one_utility() -> None:
    """Each class of each adapter is in the utility's profile, with all of its members."""
    whole = reading.utility()
    for each in map(profile, ADAPTERS):
        for cls in each.classes:
            names = {it.name for it in whole[cls.name].members}
            assert {it.name for it in cls.members} <= names
    assert {it.name for it in whole.enumerations} >= {"PhaseCode", "CFE_VIPKind"}


@pytest.mark.parametrize("replaced, by, said", CONFLICTS.values(), ids=CONFLICTS)
def test_profiles_that_contradict_each_other(replaced: str, by: str, said: str) -> None:
    one, other = reading.read(SMALL), replace(reading.read(_other(replaced, by)), name="Other")
    for pair in ((one, other), (other, one)):
        with pytest.raises(Conflict) as caught:
            merge("Both", "urn:both#", "Both", pair)
        assert any(said in what for what in caught.value.what)


def test_a_member_of_the_class_here_and_of_its_parent_there() -> None:
    colour, whole = 'attributes.colour = { type = "Colour" }\n', "associations.Whole"
    other = _other(colour, "").replace(whole, colour + whole)
    with pytest.raises(Conflict, match=r"Part\.colour is Thing's elsewhere"):
        merge("Both", "urn:both#", "Both", [reading.read(SMALL), reading.read(other)])


def test_profiles_that_say_the_same_or_different_things_are_one() -> None:
    """Explanations, and how an adapter is asked, are its own."""
    more = _other("many = true", 'many = true, special = ["size"], about = "Its parts."')
    more += 'attributes.weight = { type = "Float", unit = "kg" }\n'
    both = merge("Both", "urn:both#", "Both", [reading.read(SMALL), reading.read(more)])
    assert {*both.attributes(both["Part"])} == {"mRID", "size", "colour", "weight"}
    assert both["Thing"].associations[0].special == ()
    assert not any(it.history for cls in reading.utility().classes for it in cls.associations)


@pytest.mark.parametrize("replaced, by", WRONG.values(), ids=WRONG)
def test_files_that_are_no_profiles(replaced: str, by: str) -> None:
    with pytest.raises(BadProfile):
        reading.read(_other(replaced, by))


def test_what_a_profile_tells() -> None:
    small = reading.read(SMALL)
    thing, part = small["Thing"], small["Part"]
    assert small.concrete(thing) == (part, thing) and small.concrete(part) == (part,)
    assert small.key(part) == ("mRID",)
    assert [*small.references(part)] == ["Whole"] and [*small.references(thing)] == []
    assert thing.associations[0].multiplicity == "0..*"
    assert part.associations[0].multiplicity == "0..1"
    with pytest.raises(UnknownName):
        small["Piece"]
    with pytest.raises(KeyError):
        profile("../siad")


def test_what_an_instance_may_be() -> None:
    small = reading.read(SMALL)
    good = Instance(small["Part"], {"mRID": "1", "size": 2.0, "colour": "red"}, {"Whole": "2"})
    assert complaints(small, good) == []
    assert position(small, good) == ("Part", "1")
    for attributes, references, wrong in (
        ({}, {}, ["mRID"]),
        ({"mRID": 1}, {}, ["mRID"]),
        ({"mRID": "1", "size": 2}, {}, ["size"]),
        ({"mRID": "1", "size": float("nan")}, {}, ["size"]),
        ({"mRID": "1", "colour": "green"}, {}, ["colour"]),
        ({"mRID": "1", "weight": 1.0}, {"Parts": "3"}, ["weight", "Parts"]),
    ):
        assert complaints(small, Instance(small["Part"], attributes, references)) == wrong


@pytest.mark.parametrize("each", ALL, ids=lambda it: it.name)
def test_what_is_written_is_valid_and_read_again(each: Profile) -> None:
    """An instance of each class, with all that it may have and with no more than it must."""
    instances = [
        instance
        for cls in each.classes
        if not cls.abstract
        for instance in (_full(each, cls.name), _bare(each, cls.name))
    ]
    assert all(complaints(each, it) == [] for it in instances)
    root = payload.write(each, instances)
    assert xsd.complaints(each, root) == []
    assert [*payload.read(each, etree.fromstring(etree.tostring(root)))] == instances


def _full(each: Profile, name: str) -> Instance:
    values = {
        Primitive.STRING: "Peñasco & <Azul>",
        Primitive.INTEGER: -7,
        Primitive.FLOAT: 1.5e-7,
        Primitive.BOOLEAN: False,
        Primitive.DATE_TIME: datetime(2026, 7, 6, 12, tzinfo=UTC),
    }
    cls = each[name]
    return Instance(
        cls,
        {
            key: it.type.literals[-1] if isinstance(it.type, Enumeration) else values[it.type]
            for key, it in each.attributes(cls).items()
        },
        dict.fromkeys(each.references(cls), "Ñ-1"),
    )


def _bare(each: Profile, name: str) -> Instance:
    full, cls = _full(each, name), each[name]
    return Instance(
        cls,
        {key: full.attributes[key] for key, it in each.attributes(cls).items() if it.required},
        {key: "Ñ-1" for key, it in each.references(cls).items() if it.required},
    )


UNWANTED = {
    "a class that is not there": "<Breaker/>",
    "an abstract class": "<IdentifiedObject><mRID>1</mRID></IdentifiedObject>",
    "an attribute that is not there": "<Substation><mRID>1</mRID><size>3</size></Substation>",
    "no key": "<Substation><name>1</name></Substation>",
    "attributes in another order": "<Substation><name>1</name><mRID>1</mRID></Substation>",
    "an attribute twice": "<Substation><mRID>1</mRID><mRID>1</mRID></Substation>",
    "no number": "<Substation><mRID>1</mRID><nominalVoltage>x</nominalVoltage></Substation>",
    "a reference to nobody": "<Substation><mRID>1</mRID><Region/></Substation>",
}


@pytest.mark.parametrize("content", UNWANTED.values(), ids=UNWANTED)
def test_what_the_schema_refuses(content: str) -> None:
    siad = profile("siad")
    root = etree.fromstring(f'<SIAD xmlns="{siad.namespace}">{content}</SIAD>')
    assert xsd.complaints(siad, root)


@pytest.mark.parametrize("each", ALL, ids=lambda it: it.name)
def test_a_client_is_made_from_the_wsdl(each: Profile, tmp_path: Path) -> None:
    """zeep finds the question in both styles, and the classes to read payloads with."""
    (tmp_path / "Message.xsd").write_bytes(schema.xsd("Message.xsd"))
    (tmp_path / xsd.file_name(each)).write_bytes(xsd.xsd(each))
    (tmp_path / messages.file_name(each)).write_bytes(messages.xsd(each))
    place = tmp_path / "adapter.wsdl"
    place.write_bytes(wsdl.wsdl(each))
    client = zeep.Client(str(place))
    assert {*client.service._operations} == {"Get", messages.query(each)}
    for cls in each.classes:
        client.get_type(f"{{{each.namespace}}}{cls.name}")
    for operation in client.service._operations:
        header = {"Verb": "get", "Noun": "Feeder"}
        body = client.create_message(client.service, operation, Header=header)
        (message,) = body.find("{*}Body")
        schema.check(message)
        read = envelope.read(message)
        assert (read.kind, read.root_name()) == (Kind.REQUEST, message.tag.partition("}")[2])


def test_the_nouns_of_adapters_are_their_profiles() -> None:
    assert nouns.ADAPTERS == tuple(each.name for each in ALL)


def test_schemas_say_what_is_of_the_cim() -> None:
    siad = etree.fromstring(xsd.xsd(profile("siad")))
    refers = {
        it.get("name"): it.get(f"{{{xsd.SAWSDL}}}modelReference")
        for it in siad.iter(f"{{{xsd.XS}}}complexType")
    }
    assert refers["Feeder"] == f"{xsd.CIM}Feeder"
    assert refers["CFE_Circuit"] == f"{xsd.OWN}CFE_Circuit"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_page_in_docs_is_the_profiles(adapter: str) -> None:
    """`python -m tools.adapter_pages` writes them anew."""
    text = (ROOT / "docs" / "adapters" / f"{adapter}.md").read_text(encoding="utf-8")
    assert text == page.page(profile(adapter))


def test_every_class_has_an_explanation() -> None:
    for each in map(profile, ADAPTERS):
        for cls in each.classes:
            assert cls.about.endswith("."), cls.name
            assert all(it.about for it in cls.members), cls.name


MAPPINGS = {
    "a class that is not there": ("[classes.CFE_Circuit]", "[classes.Circuit]"),
    "an abstract class": ("[classes.CFE_Circuit]", "[classes.Customer]"),
    "a member that is not there": ("name = ", "nombre = "),
    "a required member without a column": ('mRID = "circuito"', 'name = "circuito"'),
    "words for what is not there": ("values.kind", "values.trade"),
    "words for no value": ('"hospital"', '"clinic"'),
    "an association that leads nowhere": (', Circuit = "circuito"', ""),
    "an unknown key": ("table = ", "tabla = "),
    "no TOML": ("[classes", "[[classes"),
}


@pytest.mark.parametrize("replaced, by", MAPPINGS.values(), ids=MAPPINGS)
def test_files_that_are_no_mappings(replaced: str, by: str) -> None:
    place = files("headend.integration.cim").joinpath("mappings", "vip.toml")
    text = place.read_text(encoding="utf-8")
    assert replaced in text
    changed = text.replace(replaced, by, 1)
    if by.startswith("name = "):
        changed = re.sub(r', name = "descripcion"', "", changed)
    with pytest.raises(BadMapping):
        read_mapping(profile("vip"), changed)


def test_the_mappings_are_there() -> None:
    for adapter in DATABASES:
        assert mapping_of(adapter).profile is profile(adapter)
    with pytest.raises(KeyError):
        mapping_of("scada")
