"""Meter models: those that come along, inheritance, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.meter_type import MeterType
from devices.meter.objects import table
from headend.models import BadModel, Framing, Shelf
from headend.models.schema import Engine
from protocols.dlms.codes import Conformance

OURS = Shelf()


@pytest.mark.parametrize("name", OURS.names())
def test_what_comes_along_can_be_read(name: str) -> None:
    model = OURS.get(name)
    assert (model.name, model.about != "") == (name, True)
    assert model.reads_as in model.association and model.acts_as in model.association


@pytest.mark.parametrize(("name", "phases"), [("sim-1p", 1), ("sim-3p", 3)])
def test_the_simulated_models_know_the_simulated_meter(name: str, phases: int) -> None:
    model, objects = OURS.get(name), table(MeterType(phases=phases))
    known = {(each.class_id, str(each.name)) for each in objects.values()}
    named = {(each.class_id, each.name) for each in model.objects.values()}
    assert named - known <= {(7, "1.0.99.2.0.255"), (7, "0.0.99.98.0.255")}
    for client in STANDARD_CLIENTS:
        association = model.association[client.name]
        assert (association.client, association.authentication) == (client.sap, client.mechanism)
        assert association.ciphers is client.ciphers


def shelf(tmp_path: Path, **files: str) -> Shelf:
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return Shelf(tmp_path)


def test_a_table_is_joined_key_by_key_and_all_else_replaces(tmp_path: Path) -> None:
    found = shelf(
        tmp_path,
        maker='extends = "generic"\nabout = "Maker"\nengine = "gurux"\n'
        '[framings]\ntcp = ["hdlc"]\n[association.management]\nclient = 7\n',
        m1='extends = "maker"\nabout = "M1"\nconformance = ["get"]\n[hdlc]\nphysical = 17\n',
    ).get("m1")
    assert (found.about, found.engine, found.hdlc.physical) == ("M1", Engine.GURUX, 17)
    assert found.framings.tcp == (Framing.HDLC,)
    assert found.framings.serial == OURS.get("generic").framings.serial
    management = found.association["management"]
    assert (management.client, management.counter) == (7, "0.0.43.1.0.255")
    assert found.wanted is Conformance.GET
    assert set(found.association) == set(OURS.get("generic").association)


def test_a_model_of_the_utility_goes_before_ours(tmp_path: Path) -> None:
    found = shelf(tmp_path, **{"sim-1p": 'extends = "generic"\nabout = "our own"\n'})
    assert found.get("sim-3p").objects.keys() != OURS.get("sim-3p").objects.keys()
    assert found.names() == OURS.names()


MISTAKES = {
    # name: (text of m.toml, what is told)
    "unknown key": ('extends = "generic"\nspeed = 9600\n', "unknown field `speed`"),
    "unknown key below": (
        'extends = "generic"\n[association.reader]\nclinet = 2\n',
        "association.reader: Object contains unknown field `clinet`",
    ),
    "unknown quirk": ('extends = "generic"\n[quirks]\nslow = true\n', "`slow` - at `$.quirks`"),
    "client too high": (
        'extends = "generic"\n[association.reader]\nclient = 70000\n',
        "association.reader: Expected `int` <= 65535 - at `$.client`",
    ),
    "no such mechanism": (
        'extends = "generic"\n[association.reader]\nmechanism = "md4"\n',
        "'md4' is no mechanism; known: none, low",
    ),
    "a mechanism in capitals": (
        'extends = "generic"\n[association.reader]\nmechanism = "LOW"\n',
        "'LOW' is no mechanism",
    ),
    "no such service": ('extends = "generic"\nconformance = ["fly"]\n', "'fly' is no conformance"),
    "no such framing": (
        'extends = "generic"\n[framings]\ntcp = ["token-ring"]\n',
        "$.framings.tcp[0]",
    ),
    "HDLC in datagrams": ('extends = "generic"\n[framings]\nudp = ["hdlc"]\n', "wrapper"),
    "no framing": ('extends = "generic"\n[framings]\nserial = []\n', "takes one framing"),
    "no logical name": (
        'extends = "generic"\n[objects.clock]\nname = "0.0.1"\n',
        "objects.clock: not a logical name: '0.0.1'",
    ),
    "a role that is none": (
        'extends = "generic"\nreads_as = "nobody"\n',
        "no association 'nobody'",
    ),
    "a public client with keys": (
        'extends = "generic"\n[association.public]\nmechanism = "high-gmac"\n',
        "neither proves nor ciphers",
    ),
    "a short challenge": (
        'extends = "generic"\n[association.management]\nchallenge_octets = 7\n',
        "challenge_octets: high-gmac takes 8 to 64",
    ),
    "nothing at all": ("", "missing required field `about`"),
    "no TOML": ("about =", "m.toml: Invalid value"),
    "no such parent": (
        'extends = "nobody"\nabout = ""\n',
        "there is no meter model 'nobody'. Known",
    ),
    "a parent that is no name": ("extends = 3\n", "extends: expected the name of a model"),
    "its own parent": ('extends = "m"\n', "m extends m"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_file_and_key(name: str, tmp_path: Path) -> None:
    text, told = MISTAKES[name]
    with pytest.raises(BadModel) as error:
        shelf(tmp_path, m=text).get("m")
    assert told in str(error.value) and "m.toml" in str(error.value)


def test_a_mistake_in_a_parent_names_the_parent_s_file(tmp_path: Path) -> None:
    found = shelf(
        tmp_path, p='extends = "generic"\npdu_octets = 1\n', m='extends = "p"\nabout = "M"\n'
    )
    with pytest.raises(BadModel, match=r"p\.toml: Expected `int` >= 12 - at `\$.pdu_octets`"):
        found.get("m")


@pytest.mark.parametrize("name", ["nobody", "../generic", "", "generic.toml"])
def test_a_model_that_is_not_there(name: str) -> None:
    with pytest.raises(BadModel, match="Known: generic"):
        OURS.get(name)
