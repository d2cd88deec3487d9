"""Other people's SOAP clients load our WSDL unchanged and send orders with it."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import zeep
from requests import Session
from zeep.transports import Transport

from headend.soap.door.documents import ENDPOINTS
from headend.soap.door.route import client_source
from headend.soap.outbound.callback import CallbackFailed
from headend.soap.outbound.zeep_callback import ANSWER_MAX_BYTES, ClientTls, ZeepCallback
from protocols.cim.control_types import ControlKind
from protocols.cim.end_device_controls import MeterRef
from tests.certificates import Authority
from tests.cim import orders_as_xml as a
from tests.gsoap import client_of
from tests.programs import output_of
from tests.soap.desk import RememberingDesk, server_around
from tests.soap.door import open_door

HEADER = {
    "Verb": "create",
    "Noun": "EndDeviceControls",
    "Source": "COMERCIAL",
    "AsyncReplyFlag": True,
    "MessageID": a.MESSAGE_ID,
    "CorrelationID": a.CORRELATION_ID,
}
CONTROL = {
    "EndDeviceControlType": {"ref": "3.31.139.13"},
    "EndDeviceControlAttribute": [
        {"name": "powerLimit", "value": "1.5"},
        {"name": "powerLimit.unit", "value": "kW"},
    ],
    "EndDevices": [{"Names": [{"name": "90000001"}, {"name": "90000002"}]}],
}


def _loaded(address: str) -> Any:
    session = Session()
    session.trust_env = False
    return zeep.Client(address, transport=Transport(session=session, timeout=20))


@pytest.mark.live
async def test_zeep_sends_typed_orders() -> None:
    desk = RememberingDesk()

    def send(base: str) -> Any:
        client = _loaded(f"{base}/soap/EndDeviceControls?wsdl")
        with client.transport.session:
            return client.service.CreateEndDeviceControls(
                Header=HEADER,
                Payload={"EndDeviceControls": [{"EndDeviceControl": [CONTROL]}]},
            )

    async with open_door(server_around(desk)) as base:
        reply = await asyncio.to_thread(send, base)
    assert reply.Reply.Result == "OK"
    assert reply.Reply.Error[0].code == "0.3"
    assert reply.Reply.ID[0]._value_1 == "t-1"
    assert reply.Header.CorrelationID == a.CORRELATION_ID
    _limit_taken(desk)


@pytest.mark.live
async def test_zeep_sends_the_strict_carrier_and_loads_the_generic_interface() -> None:
    desk = RememberingDesk()

    def send(base: str) -> Any:
        generic = _loaded(f"{base}/soap/generic?wsdl")
        generic.transport.session.close()
        assert {"Request", "Response", "PublishEvent"} <= set(dir(generic.service))
        client = _loaded(f"{base}/soap/MeterConfig?wsdl")
        with client.transport.session:
            return client.service.ChangeMeterConfig(
                Header=HEADER | {"Verb": "change", "Noun": "MeterConfig"},
                Payload={
                    "MeterConfig": [
                        {
                            "ConnectDisconnectFunction": [{"rcdInfo": {"powerLimit": 1500}}],
                            "Meter": [{"Names": [{"name": "90000001"}]}],
                        }
                    ]
                },
            )

    async with open_door(server_around(desk)) as base:
        reply = await asyncio.to_thread(send, base)
    assert reply.Reply.Result == "OK"
    (control,) = desk.taken[0][0].controls
    assert control.amount is not None and control.amount.text == "1500"


@pytest.mark.live
async def test_zeep_reads_a_fault_with_its_detail() -> None:
    def send(base: str) -> Any:
        client = _loaded(f"{base}/soap/EndDeviceControls?wsdl")
        with client.transport.session, pytest.raises(zeep.exceptions.Fault) as caught:
            client.service.CreateEndDeviceControls(
                Header=HEADER,
                Payload={"EndDeviceControls": [{"EndDeviceControl": [CONTROL]}]},
            )
        return caught.value

    async with open_door(server_around(RememberingDesk(fails=RuntimeError("x")))) as base:
        fault = await asyncio.to_thread(send, base)
    assert fault.code == "soap:Server"
    assert fault.detail.xpath("string(//*[local-name()='code'])") == "5.3"


PHP = r"""
ini_set('soap.wsdl_cache_enabled', '0');
$out = [];
foreach (['generic', 'MeterConfig', 'EndDeviceControls'] as $endpoint) {
    $client = new SoapClient("$argv[1]/soap/$endpoint?wsdl", ['trace' => 1]);
    $out['functions'][$endpoint] = count($client->__getFunctions());
}
$name = fn($text) => ['name' => $text];
$reply = $client->CreateEndDeviceControls([
    'Header' => ['Verb' => 'create', 'Noun' => 'EndDeviceControls', 'Source' => 'COMERCIAL',
                 'AsyncReplyFlag' => true, 'MessageID' => $argv[2], 'CorrelationID' => $argv[3]],
    'Payload' => ['EndDeviceControls' => ['EndDeviceControl' => [
        'EndDeviceControlType' => ['ref' => '3.31.139.13'],
        'EndDeviceControlAttribute' => [
            ['name' => 'powerLimit', 'value' => '1.5'],
            ['name' => 'powerLimit.unit', 'value' => 'kW']],
        'EndDevices' => ['Names' => [$name('90000001'), $name('90000002')]]]]],
]);
$out['result'] = $reply->Reply->Result;
$out['code'] = $reply->Reply->Error->code;
$out['transaction'] = $reply->Reply->ID->_;
try {
    $client->DeleteEndDeviceControls(['Header' => ['Verb' => 'delete', 'Noun' => 'Coffee']]);
} catch (SoapFault $fault) {
    $out['fault'] = $fault->getMessage();
}
$out['refused'] = $client->__getLastResponse();
echo json_encode($out);
"""


@pytest.mark.live
@pytest.mark.requires("php-soap")
async def test_php_sends_an_order() -> None:
    desk = RememberingDesk()
    async with open_door(server_around(desk)) as base:
        php = await asyncio.create_subprocess_exec(
            "php", "-r", PHP, "--", base, a.MESSAGE_ID, a.CORRELATION_ID,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await php.communicate()
    assert php.returncode == 0, (output + errors).decode()
    told = json.loads(output)
    assert told["functions"] == {"generic": 3, "MeterConfig": 3, "EndDeviceControls": 5}
    assert (told["result"], told["code"], told["transaction"]) == ("OK", "0.3", "t-1")
    assert "SUSTANTIVO_NO_ADMITIDO" in told["refused"]
    assert "fault" not in told
    _limit_taken(desk)


@pytest.mark.live
@pytest.mark.prove  # another compilation: SIAD's is in `make test`
@pytest.mark.requires("gsoap")
async def test_gsoap_sends_an_order(tmp_path: Path) -> None:
    desk = RememberingDesk()
    program = Path(__file__).parent / "clients" / "order.cpp"
    async with open_door(server_around(desk)) as base:
        address = f"{base}/soap/EndDeviceControls"
        client = await client_of(f"{address}?wsdl", program, tmp_path)
        said = await output_of(str(client), address, a.MESSAGE_ID, a.CORRELATION_ID)
    assert said.split() == ["OK", "0.3", "t-1"]
    _limit_taken(desk)


def _limit_taken(desk: RememberingDesk) -> None:
    ((request, _),) = desk.taken
    (control,) = request.controls
    assert control.kind is ControlKind.SET_LIMIT
    assert control.amount is not None and f"{control.amount.text} {control.amount.unit}" == "1.5 kW"
    assert control.meters == (MeterRef("90000001"), MeterRef("90000002"))
    assert (request.source, request.message_id) == ("COMERCIAL", a.MESSAGE_ID)


# --- the way back --------------------------------------------------------------------------


class Counter:
    """A consumer's HTTP server that says what a test wants, and remembers what it heard."""

    def __init__(self, answer: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.callers: list[str | None] = []  # by certificate
        self._tls = tls

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{port}/callback"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        self.heard.append(head + await reader.readexactly(length))
        certificate = writer.get_extra_info("peercert")
        self.callers.append(client_source({"extensions": {"tls": {"client_cert": certificate}}}))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


def http(status: str, body: bytes = b"", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


@pytest.mark.live
async def test_zeep_posts_under_the_operations_action() -> None:
    callback = ZeepCallback(timeout_s=5)
    consumer = Counter(http("200 OK", b"<answer/>"))
    async with consumer as address:
        answer = await callback.post(address, b"<sent/>", "CreatedEndDeviceEvents")
    callback.close()
    assert answer == b"<answer/>"
    (heard,) = consumer.heard
    assert heard.endswith(b"<sent/>")
    action = b'"http://iec.ch/TC57/2011/EndDeviceEvents/CreatedEndDeviceEvents"'
    assert b"SOAPAction: " + action in heard
    assert b"Content-Type: text/xml; charset=utf-8" in heard


REDIRECT = http("307 Temporary Redirect", extra="Location: http://127.0.0.1:9/elsewhere\r\n")
FAILURES = {
    "a redirect": (REDIRECT, "redirects are not followed"),
    "nothing": (http("202 Accepted"), "empty answer"),
    "too much": (http("200 OK", b"x" * (ANSWER_MAX_BYTES + 1)), "longer than"),
    "no HTTP": (b"hello\r\n\r\n", "ConnectionError"),
    "hung up": (b"", "ConnectionError"),
}


@pytest.mark.live
@pytest.mark.parametrize(("answer", "cause"), FAILURES.values(), ids=FAILURES)
async def test_what_is_no_answer(answer: bytes, cause: str) -> None:
    callback = ZeepCallback(timeout_s=5)
    async with Counter(answer) as address:
        with pytest.raises(CallbackFailed, match=cause):
            await callback.post(address, b"<sent/>", "ResponseMessage")
    callback.close()


@pytest.mark.live
async def test_under_tls_both_sides_show_a_certificate(tmp_path: Path) -> None:
    """The consumer sees ours; one whose certificate is a stranger's gets nothing."""
    authority = Authority.found(tmp_path / "ours")
    stranger = Authority.found(tmp_path / "theirs", "another authority")
    certificate, key = authority.issue("hes", "hes")
    callback = ZeepCallback(timeout_s=5, tls=ClientTls(certificate, key, authority.path))
    bare = ZeepCallback(timeout_s=5, tls=ClientTls(*stranger.issue("hes", "h"), authority.path))
    theirs = Counter(http("200 OK", b"<answer/>"), authority.server_context("crm", "crm"))
    false = Counter(http("200 OK", b"<answer/>"), stranger.server_context("crm", "crm"))
    async with theirs as address, false as elsewhere:
        assert await callback.post(address, b"<sent/>", "EventMessage") == b"<answer/>"
        with pytest.raises(CallbackFailed, match="certificate verify failed"):
            await callback.post(elsewhere, b"<sent/>", "EventMessage")
        with pytest.raises(CallbackFailed, match="Connection|alert"):
            await bare.post(address, b"<sent/>", "EventMessage")
    callback.close()
    bare.close()
    assert theirs.callers == ["hes"]
    assert false.heard == []


@pytest.mark.live
async def test_a_fault_is_an_answer_to_be_read() -> None:
    callback = ZeepCallback(timeout_s=5)
    async with Counter(http("500 Internal Server Error", b"<fault/>")) as address:
        assert await callback.post(address, b"<sent/>", "EventMessage") == b"<fault/>"
    callback.close()


@pytest.mark.live
async def test_nobody_there() -> None:
    callback = ZeepCallback(timeout_s=5)
    async with Counter(b"") as address:
        pass
    with pytest.raises(CallbackFailed, match="Connection"):
        await callback.post(address, b"<sent/>", "ResponseMessage")
    callback.close()


@pytest.mark.live
async def test_a_consumer_that_says_nothing_is_left() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    callback = ZeepCallback(timeout_s=0.1)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(CallbackFailed, match="in time|Timeout"):
        await callback.post(f"http://127.0.0.1:{port}/", b"<sent/>", "ResponseMessage")
    callback.close()
    server.close()


def test_wsdl_files_load_from_disk_as_well() -> None:
    from protocols.cim import schema

    folder = Path(schema.__file__).parent / "wsdl"
    names = {path.name for path in folder.glob("*.wsdl")}
    assert names == set(schema.WSDLS)
    assert set(ENDPOINTS.values()) < names
    for name in sorted(names):
        session = Session()
        zeep.Client(str(folder / name), transport=Transport(session=session))
        session.close()
