"""SOAP clients of others load our WSDL unchanged and send an order to `ami serve`; the meter at the
far end of the field shows its limit.

zeep is Python's; PHP's SoapClient is C, from Debian; node's `soap` is JavaScript, from npm.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import zeep
from requests import Session
from zeep.transports import Transport

from headend.domain.order import State
from tests.node_soap import home_of_soap
from tests.prove.stage import COMMERCIAL, staged

METER = "90000003"
LIMIT_W = 4321
CLIENT_TIMEOUT_S = 60.0  # ends a client that hangs; none comes near it
SETTLED_WITHIN_S = 60.0  # an order takes two seconds

pytestmark = [pytest.mark.requires("mosquitto"), pytest.mark.xdist_group("foreign-clients")]

HEADER = {
    "Verb": "create",
    "Noun": "EndDeviceControls",
    "Source": COMMERCIAL,
    "AsyncReplyFlag": True,
    "MessageID": "m-1",
    "CorrelationID": "c-1",
}
REQUEST = {"Option": [{"name": "diaNoLaborable", "value": "permitido"}]}
CONTROL = {
    "EndDeviceControlType": {"ref": "3.31.139.13"},
    "EndDeviceControlAttribute": [
        {"name": "powerLimit", "value": str(LIMIT_W)},
        {"name": "powerLimit.unit", "value": "W"},
    ],
    "EndDevices": [{"Names": [{"name": METER}]}],
}
MESSAGE = {
    "Header": HEADER,
    "Request": REQUEST,
    "Payload": {"EndDeviceControls": [{"EndDeviceControl": [CONTROL]}]},
}

Client = Callable[[str], Awaitable[tuple[str, str]]]
"""Sends `MESSAGE` to the head-end at a WSDL's address; the reply's Result and first code."""


async def _carried_out(directory: Path, client: Client) -> None:
    async with staged(directory, meters=6, concentrators=1, seed=1) as stage:
        answer = await client(f"{stage.serve.url}/EndDeviceControls?wsdl")
        assert answer == ("OK", "0.3")
        await stage.settled(SETTLED_WITHIN_S)
        await stage.serve.stop()
        (record,) = stage.records()
        order = record.order
        assert (order.message_id, order.meter, order.state) == ("m-1", METER, State.DONE)
        assert order.value_read is not None and order.value_read.limit == LIMIT_W
        assert stage.world.meter(METER).limiter.threshold_normal == LIMIT_W
        (reply,) = stage.commercial.replies.values()
        assert reply.header is not None and reply.header.correlation_id == "c-1"
        assert reply.reply is not None and reply.reply.result == "OK"


# --- zeep -----------------------------------------------------------------------------------------


def _zeep(wsdl: str) -> tuple[str, str]:
    session = Session()
    session.trust_env = False
    with session:
        transport = Transport(session=session, timeout=CLIENT_TIMEOUT_S)
        reply: Any = zeep.Client(wsdl, transport=transport).service.CreateEndDeviceControls(
            **MESSAGE
        )
    return reply.Reply.Result, reply.Reply.Error[0].code


@pytest.mark.live
async def test_an_order_by_zeep(tmp_path: Path) -> None:
    await _carried_out(tmp_path, lambda wsdl: asyncio.to_thread(_zeep, wsdl))


# --- other languages ------------------------------------------------------------------------------

PHP = r"""
ini_set('soap.wsdl_cache_enabled', '0');
$client = new SoapClient($argv[1]);
$reply = $client->CreateEndDeviceControls(json_decode($argv[2], true));
echo json_encode([$reply->Reply->Result, $reply->Reply->Error->code]);
"""

NODE = r"""
const soap = require('soap');
const [wsdl, given] = process.argv.slice(-2);
const message = JSON.parse(given);
const [control] = message.Payload.EndDeviceControls[0].EndDeviceControl;
control.EndDeviceControlType = { attributes: control.EndDeviceControlType };  // its way to say so
(async () => {
    const client = await soap.createClientAsync(wsdl);
    const [reply] = await client.CreateEndDeviceControlsAsync(message);
    console.log(JSON.stringify([reply.Reply.Result, [].concat(reply.Reply.Error)[0].code]));
})().catch(error => { console.error(error.body || error); process.exit(1); });
"""


def _program(*command: str, directory: Path | None = None) -> Client:
    async def send(wsdl: str) -> tuple[str, str]:
        process = await asyncio.create_subprocess_exec(
            *(*command, wsdl, json.dumps(MESSAGE)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=directory,
        )
        async with asyncio.timeout(CLIENT_TIMEOUT_S):
            output, errors = await process.communicate()
        assert process.returncode == 0, (output + errors).decode()
        result, code = json.loads(output)
        return result, code

    return send


@pytest.mark.live
@pytest.mark.requires("php-soap")
async def test_an_order_by_php(tmp_path: Path) -> None:
    await _carried_out(tmp_path, _program("php", "-r", PHP, "--"))


@pytest.fixture(scope="session")
def node_soap(request: pytest.FixtureRequest) -> Path:
    return home_of_soap(request)


@pytest.mark.live
@pytest.mark.prove  # npm is no part of `make test`, which must not leave anything out under CI
async def test_an_order_by_node(tmp_path: Path, node_soap: Path) -> None:
    await _carried_out(tmp_path, _program("node", "-e", NODE, "--", directory=node_soap))
