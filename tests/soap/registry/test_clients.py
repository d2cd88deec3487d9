"""Other people's clients, made from our WSDLs unchanged, tell of the registry and ask it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from headend.domain.meter import Stage
from protocols.cim import schema
from tests import databases
from tests.soap.door import open_door
from tests.soap.registry.office import Office, founded

FOLDER = Path(schema.__file__).parent / "wsdl"


def _named(*texts: str) -> dict[str, Any]:
    return {"Names": [{"name": text} for text in texts]}


def _header(verb: str, noun: str) -> dict[str, Any]:
    return {"Verb": verb, "Noun": noun, "Source": "CIS", "MessageID": f"{verb}-{noun}"}


async def _sent(at: Office, service: str, operation: str, **parts: Any) -> Any:
    """What zeep makes, sent, and what it reads of the answer."""
    client = zeep.Client(str(FOLDER / f"{service}.wsdl"))
    made = client.create_message(client.service, operation, **parts)
    answer = await at.server.handle(etree.tostring(made))
    client.transport.session.close()
    return client.service._binding.get(operation).process_reply(etree.fromstring(answer.body))


@databases.on_one
async def test_zeep_makes_a_supply_and_asks_for_it(at: Office) -> None:
    await at.run(founded)
    point = {"mRID": "u-1", "ratedPower": 4400, "phaseCode": "A", "Equipments": [_named("T1")],
             **_named("SP1")}  # fmt: skip
    meter = {"serialNumber": "S-1", "lotNumber": "L-9", **_named("90000001")}
    link = {"Customer": [_named("K-1")], "EndDevice": [_named("C1")],
            "Meter": [_named("90000001")], "UsagePoint": [_named("SP1")]}  # fmt: skip
    for noun, content in (
        ("UsagePointConfig", {"UsagePoint": [point]}),
        ("MeterConfig", {"Meter": [meter]}),
        ("MasterDataLinkageConfig", link),
    ):
        answer = await _sent(
            at, f"Execute{noun}", f"Create{noun}",
            Header=_header("create", noun), Payload={noun: [content]},
        )  # fmt: skip
        assert (answer.Reply.Result, answer.Reply.Error[0].code) == ("OK", "0.0")
    hung = await at.meter("90000001")
    assert hung is not None and (hung.stage, hung.contracted_w) == (Stage.INSTALLED, 4400)
    noun = "MasterDataLinkageConfig"
    answer = await _sent(
        at, f"Get{noun}", f"Get{noun}", Header=_header("get", noun),
        Request={f"Get{noun}": {"Meter": [_named("90000001")]}},
    )  # fmt: skip
    told = answer.Payload[noun]
    assert told.UsagePoint[0].Names[0].name == "SP1"
    assert told.Customer[0].Names[0].name == "K-1"


PHP = r"""
ini_set('soap.wsdl_cache_enabled', '0');
[$base] = [$argv[1]];
function head($verb, $noun) {
    return ['Verb' => $verb, 'Noun' => $noun, 'Source' => 'CIS', 'MessageID' => "$verb-$noun"];
}
$telling = new SoapClient("$base/soap/UsagePointConfig?wsdl");
$told = $telling->CreateUsagePointConfig([
    'Header' => head('create', 'UsagePointConfig'),
    'Payload' => ['UsagePointConfig' => ['UsagePoint' => [
        ['ratedPower' => 3300, 'Equipments' => ['Names' => ['name' => 'T1']],
         'Names' => ['name' => 'SP1']],
        ['Equipments' => ['Names' => ['name' => 'T9']], 'Names' => ['name' => 'SP2']]]]],
]);
$asking = new SoapClient("$base/soap/GetUsagePointConfig?wsdl");
$asked = $asking->GetUsagePointConfig([
    'Header' => head('get', 'UsagePointConfig'), 'Request' => ['GetUsagePointConfig' => []],
]);
echo json_encode([
    $told->Reply->Result, array_map(fn($error) => $error->code, $told->Reply->Error),
    $asked->Reply->Result, $asked->Payload->UsagePointConfig->UsagePoint->ratedPower,
]);
"""


@databases.on_one
@pytest.mark.live
@pytest.mark.requires("php-soap")
async def test_php_tells_of_usage_points_and_asks_for_them(at: Office) -> None:
    await at.run(founded)
    async with open_door(at.server) as base:
        php = await asyncio.create_subprocess_exec(
            "php", "-r", PHP, "--", base,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await php.communicate()
    assert php.returncode == 0, (output + errors).decode()
    assert json.loads(output) == ["PARTIAL", ["0.2", "2.29"], "OK", 3300]
