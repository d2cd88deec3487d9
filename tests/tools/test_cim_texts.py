"""`ami cim` without anybody to ask: codes, examples, WSDLs, validation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zeep
from typer.testing import CliRunner, Result

from protocols.cim import codes as errors
from protocols.cim import examples
from protocols.cim.error_words import SPANISH
from tools.cim.codes import find, rows
from tools.cli import app


def ran(*words: str) -> Result:
    return CliRunner().invoke(app, ["cim", *words])


SAID = {
    # what is said: kind and code of the first, how many
    "2.4": ("error", "2.4", 1),
    " 02.4 ": ("error", "2.4", 1),
    "medidor inválido": ("error", "2.4", 1),
    "invalid meter": ("error", "2.4", 1),
    "3.31.139.13": ("control", "3.31.139.13", 1),
    "03.31.139.13": ("control", "3.31.139.13", 1),
    "limite potencia cambiar": ("control", "3.31.139.13", 1),
    "cover removed": ("event", "3.12.29.212", 1),
    "CUBIERTA": ("event", "3.12.29.212", 1),
    "energy import 15 min": ("reading", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0", 2),
    "tensión fase A": ("reading", "0.2.2.6.0.1.54.0.0.0.0.0.0.0.128.0.29.0", 3),
    "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0": (
        "reading", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0", 1,
    ),
    "3.31.0.99": ("event", "3.31.0.99", 1),  # by its parts
    "0.0.0.12.0.1.158.0.0.0.0.0.0.0.128.0.29.0": (
        "reading", "0.0.0.12.0.1.158.0.0.0.0.0.0.0.128.0.29.0", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "found"), SAID.items(), ids=SAID)
def test_codes_are_found(text: str, found: tuple[str, str, int]) -> None:
    rows_ = find(text)
    assert (rows_[0].kind, rows_[0].code, len(rows_)) == found


def test_every_code_has_both_languages() -> None:
    assert SPANISH.keys() == errors.REASONS.keys()
    every = [*rows()]
    assert all(row.english and row.spanish for row in every)
    for row in every:
        assert row in find(row.code)
    assert len({(row.kind, row.code) for row in every}) == len(every)


def test_codes_for_machines() -> None:
    told = json.loads(ran("codes", "2.4", "--json").stdout)
    assert [(it["kind"], it["code"], it["spanish"]) for it in told] == [
        ("error", "2.4", "Medidor inválido")
    ]
    assert ran("codes", "Kaffee", "--json").exit_code == 1
    kinds = {it["kind"] for it in json.loads(ran("codes", "--json").stdout)}
    assert kinds == {"reading", "control", "event", "error"}
    assert len(json.loads(ran("codes", "--kind", "event", "--json").stdout)) > 10


def test_an_example_is_printed_as_its_file_is() -> None:
    for name in ("EndDeviceControls/create", "adapter-SIAD/reply-ok"):
        (octets,) = (it.octets for it in examples.every() if it.name == name)
        assert ran("examples", name).stdout.encode() == octets
    assert "MeterReadings/get-typed" in ran("examples", "MeterReadings").stdout
    assert len(json.loads(ran("examples", "--json").stdout)) == len(examples.every())


def test_written_wsdls_load_from_where_they_are(tmp_path: Path) -> None:
    """Of nouns and of adapters, with what they refer to beside them."""
    assert ran("wsdl", "--to", str(tmp_path)).exit_code == 0
    for place in ("wsdl/GetMeterReadings.wsdl", "adapters/SIAD.wsdl"):
        zeep.Client(str(tmp_path / place))
    listed = {it["file"]: it["operations"] for it in json.loads(ran("wsdl", "--json").stdout)}
    assert listed["adapters/VIP.wsdl"] == ["Get", "GetVIP"]
    there = {str(it.relative_to(tmp_path)) for it in tmp_path.rglob("*") if it.is_file()}
    assert there == listed.keys()
    assert "GetMeterReadings" in ran("wsdl").stdout


def test_files_are_validated(tmp_path: Path) -> None:
    order = next(it.octets for it in examples.every() if it.name == "EndDeviceControls/create")
    good, bad, none = (tmp_path / name for name in ("good.xml", "bad.xml", "none.xml"))
    good.write_bytes(order)
    bad.write_bytes(order.replace(b"m:Source", b"m:Sauce"))
    none.write_text("hello")
    assert ran("validate", str(good)).exit_code == 0
    result = ran("validate", str(good), str(bad), str(none))
    assert result.exit_code == 1
    said = result.stdout.splitlines()
    assert said[0] == f"{good}: valid: CreateEndDeviceControls (create EndDeviceControls)"
    assert "line 7, CreateEndDeviceControls/Header/Sauce: 1.8 ESQUEMA" in said[2]
    assert "XML_MAL_FORMADO" in result.stdout
    told = json.loads(ran("validate", str(good), str(bad), "--json").stdout)
    assert [it["valid"] for it in told] == [True, False]
    (error,) = told[1]["errors"]
    assert (error["line"], error["path"]) == (7, "CreateEndDeviceControls/Header/Sauce")
    assert error["next_step"]


def test_extensions_are_errors_where_the_profile_is_strict(tmp_path: Path) -> None:
    order = next(it.octets for it in examples.every() if it.name == "EndDeviceControls/create")
    amount = (
        b"<EndDeviceControlAttribute><name>powerLimit</name><value>3300</value>"
        b"</EndDeviceControlAttribute><EndDevices>"
    )
    file = tmp_path / "extended.xml"
    file.write_bytes(order.replace(b"<EndDevices>", amount, 1))
    assert ran("validate", str(file)).exit_code == 0
    strict = ran("validate", str(file), "--strict")
    assert strict.exit_code == 1 and "EndDeviceControlAttribute" in strict.stdout


def test_a_get_is_held_against_its_adapter(tmp_path: Path) -> None:
    file = tmp_path / "get.xml"
    text = next(it.octets for it in examples.every() if it.name == "adapter-SIAD/filter")
    file.write_bytes(text.replace(b">mRID<", b">size<"))
    assert ran("validate", str(file)).exit_code == 0
    result = ran("validate", str(file), "--adapter", "siad")
    assert result.exit_code == 1 and "ATRIBUTO_DESCONOCIDO" in result.stdout
