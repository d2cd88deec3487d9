"""The SOAP server without HTTP: what it takes, what it answers, and what it never shows."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.clock import run_simulated
from headend.soap.door.server import SoapAnswer
from protocols.cim import envelope, schema, xml
from protocols.cim import namespaces as ns
from protocols.cim.codes import Result
from protocols.cim.control_request import Verb
from protocols.cim.envelope import Kind, Message
from protocols.cim.errors import ReplyError, RequestRefused
from tests.cim import orders_as_xml as a
from tests.soap.desk import AT, RememberingDesk, server_around

REPLY_TO = "<m:ReplyAddress>{}</m:ReplyAddress>"


def message_in(answer: SoapAnswer) -> Message:
    """The message in an answer, held against the schema."""
    body = xml.parse(answer.body)[0][0]
    schema.check(body)
    return envelope.read(body)


def fault_in(answer: SoapAnswer) -> tuple[str, ReplyError]:
    """A fault's code and the error in its detail; the detail is held against the schema."""
    fault = xml.parse(answer.body)[0][0]
    assert fault.tag == f"{{{ns.SOAP_11}}}Fault"
    assert [xml.local(part) for part in fault] == ["faultcode", "faultstring", "detail"]
    (detail,) = fault.find("detail")
    schema.check(detail)
    message = envelope.read(detail)
    assert message.kind is Kind.FAULT and message.reply is not None
    assert message.reply.result is Result.FAILED
    (error,) = message.reply.errors
    return fault.find("faultcode").text, error


TAKEN = {
    "typed": (a.typed(), Verb.CREATE, "EndDeviceControls", "EndDeviceControls"),
    "generic": (a.generic(), Verb.CREATE, "EndDeviceControls", None),
    "change": (
        a.typed(name="ChangeEndDeviceControls", head=a.header("change")),
        Verb.CHANGE, "EndDeviceControls", "EndDeviceControls",
    ),
    "cancel": (
        a.typed(name="CancelEndDeviceControls", head=a.header("cancel"), payload=""),
        Verb.CANCEL, "EndDeviceControls", "EndDeviceControls",
    ),
    "close": (
        a.typed(name="CloseEndDeviceControls", head=a.header("close"), payload=""),
        Verb.CLOSE, "EndDeviceControls", "EndDeviceControls",
    ),
    "delete": (
        a.typed(name="DeleteEndDeviceControls", head=a.header("delete"), payload=""),
        Verb.DELETE, "EndDeviceControls", "EndDeviceControls",
    ),
    "strict carrier": (a.meter_config(), Verb.CHANGE, "MeterConfig", "MeterConfig"),
    "older namespaces": (
        a.typed().replace(b"http://iec.ch/TC57/2011/", b"http://www.iec.ch/TC57/2008/"),
        Verb.CREATE, "EndDeviceControls", "EndDeviceControls",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "verb", "noun", "typed"), TAKEN.values(), ids=TAKEN)
async def test_taken(octets: bytes, verb: Verb, noun: str, typed: str | None) -> None:
    desk = RememberingDesk()
    answer = await server_around(desk).handle(a.soap(octets))
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/xml")
    ((request, digest),) = desk.taken
    assert (request.verb, request.noun, request.typed) == (verb, noun, typed)
    assert len(digest) == 64
    message = message_in(answer)
    assert (message.kind, message.typed) == (Kind.RESPONSE, typed)
    assert message.reply is not None and message.reply.result is Result.OK
    assert message.header is not None and message.header.correlation_id == a.CORRELATION_ID


async def test_a_demonstration_clients_message_is_taken() -> None:
    desk = RememberingDesk()
    answer = await server_around(desk).handle(
        a.DEMONSTRATION_CLIENT, soap_action='"http://127.0.0.1:8080/soap/EndDeviceControls"'
    )
    assert answer.status == 200
    assert [ref.value for ref in desk.taken[0][0].controls[0].meters] == ["90000001", "90000002"]


@pytest.mark.parametrize(
    "action",
    ["", '""', '"http://127.0.0.1/soap/x"',
     '"http://iec.ch/TC57/2011/EndDeviceControls/DeleteEndDeviceControls"'],
)  # fmt: skip
async def test_the_body_decides_and_not_the_action(action: str) -> None:
    desk = RememberingDesk()
    await server_around(desk).handle(a.soap(a.typed()), soap_action=action)
    assert desk.taken[0][0].verb is Verb.CREATE


REFUSED = {
    # name: (message, code, key, style of the answer)
    "no amount": (a.typed(a.control(attributes="")), "5.8", "MONTO_FALTA", "EndDeviceControls"),
    "bad number": (
        a.generic(a.control(attributes=a.attribute("powerLimit", "mil"))),
        "1.8", "MONTO_INVALIDO", None,
    ),
    "unknown unit": (
        a.typed(a.control(
            attributes=a.attribute("powerLimit", "1") + a.attribute("powerLimit.unit", "hp")
        )), "1.8", "UNIDAD_DESCONOCIDA", "EndDeviceControls",
    ),
    "unknown noun": (
        a.generic(head=a.header(noun="Coffee")), "2.5", "SUSTANTIVO_NO_ADMITIDO", None,
    ),
    "unknown verb": (a.generic(head=a.header("brew")), "2.9", "VERBO_DESCONOCIDO", None),
    "no header": (
        b'<CreateEndDeviceControls xmlns="http://iec.ch/TC57/2011/EndDeviceControlsMessage"/>',
        "1.5", "CAMPO_FALTA", "EndDeviceControls",
    ),
    "schema": (a.typed(a.control(timing="<c:oops/>")), "1.8", "ESQUEMA", "EndDeviceControls"),
    "reply address elsewhere": (
        a.typed(head=a.header(
            flags=REPLY_TO.format("http://169.254.169.254/latest/meta-data")
        )), "7.7", "DIRECCION_NO_AUTORIZADA", "EndDeviceControls",
    ),
    "an event": (
        a.generic(name="EventMessage", head=a.header("created")),
        "2.9", "MENSAJE_NO_ES_PEDIDO", None,
    ),
    "a response": (
        f'<m:ResponseMessage xmlns:m="{a.MESSAGE}"><m:Header>{a.header("reply")}</m:Header>'
        "<m:Reply><m:Result>OK</m:Result></m:Reply></m:ResponseMessage>".encode(),
        "2.9", "MENSAJE_NO_ES_PEDIDO", None,
    ),
    "registration": (
        a.meter_config().replace(b"ChangeMeterConfig", b"CreateMeterConfig")
        .replace(b">change<", b">create<"), "2.9", "VERBO_NO_ADMITIDO", "MeterConfig",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key", "typed"), REFUSED.values(), ids=REFUSED)
async def test_refused(octets: bytes, code: str, key: str, typed: str | None) -> None:
    desk = RememberingDesk()
    answer = await server_around(desk).handle(a.soap(octets))
    assert desk.taken == []
    assert answer.status == 200
    message = message_in(answer)
    assert (message.kind, message.typed) == (Kind.RESPONSE, typed)
    assert message.reply is not None and message.reply.result is Result.FAILED
    error = message.reply.errors[0]
    assert (error.code, error.key) == (code, key)
    assert error.reason and error.details
    header = message.header
    assert header is not None
    assert header.timestamp == AT and header.message_id and header.correlation_id


ENVELOPE = f'<s:Envelope xmlns:s="{a.SOAP}">{{}}</s:Envelope>'
UNDERSTAND = '<s:Header><x:Security xmlns:x="urn:x" s:mustUnderstand="{}"/></s:Header>'

FAULTS = {
    # name: (octets, HTTP status, faultcode, code, key)
    "nothing": (b"", 400, "Client", "1.8", "XML_VACIO"),
    "no XML": (b"{}", 500, "Client", "1.8", "XML_MAL_FORMADO"),
    "a DTD": (
        b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + a.soap(a.typed())[38:],
        500, "Client", "1.8", "DTD_NO_ADMITIDA",
    ),
    "too large": (
        a.soap(a.typed()) + b" " * 20_000, 413, "Client", "3.1", "MENSAJE_DEMASIADO_GRANDE",
    ),
    "no envelope": (a.typed(), 500, "Client", "1.8", "SOBRE_FALTA"),
    "SOAP 1.2": (
        a.soap(a.typed()).replace(a.SOAP.encode(), ns.SOAP_12.encode()),
        500, "VersionMismatch", "1.8", "SOAP_1_2_NO_ADMITIDO",
    ),
    "no body": (ENVELOPE.format("").encode(), 500, "Client", "1.8", "CUERPO_INVALIDO"),
    "empty body": (
        ENVELOPE.format("<s:Body/>").encode(), 500, "Client", "1.8", "CUERPO_INVALIDO",
    ),
    "two bodies": (
        a.soap(a.typed() + a.typed()), 500, "Client", "1.8", "CUERPO_INVALIDO",
    ),
    "a header that must be understood": (
        a.soap(a.typed(), UNDERSTAND.format(1)),
        500, "MustUnderstand", "1.8", "CABECERA_NO_COMPRENDIDA",
    ),
    "wrong namespace": (
        a.soap(a.typed().replace(b"http://iec.ch/", b"http://example.org/")),
        500, "Client", "1.8", "MENSAJE_DESCONOCIDO",
    ),
    "second edition": (
        a.soap(a.generic().replace(b"2011/schema", b"2021/schema")),
        500, "Client", "1.9", "EDICION_NO_ADMITIDA",
    ),
    "unknown operation": (
        a.soap(a.typed(name="BrewEndDeviceControls")),
        500, "Client", "1.8", "MENSAJE_DESCONOCIDO",
    ),
    "an operation of the other side": (
        a.soap(a.typed(name="CreatedEndDeviceControls")),
        500, "Client", "2.9", "OPERACION_NO_OFRECIDA",
    ),
    "a fault": (
        a.soap(f'<s:Fault xmlns:s="{a.SOAP}"><faultcode>x</faultcode></s:Fault>'.encode()),
        500, "Client", "1.8", "MENSAJE_DESCONOCIDO",
    ),
    "a fault message": (
        a.soap(f'<m:FaultMessage xmlns:m="{a.MESSAGE}"/>'.encode()),
        500, "Client", "2.9", "OPERACION_NO_OFRECIDA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "status", "faultcode", "code", "key"), FAULTS.values(), ids=FAULTS
)
async def test_faults(octets: bytes, status: int, faultcode: str, code: str, key: str) -> None:
    desk = RememberingDesk()
    answer = await server_around(desk).handle(octets)
    assert desk.taken == []
    assert answer.status == status
    told, error = fault_in(answer)
    assert (told, error.code, error.key) == (f"soap:{faultcode}", code, key)


async def test_a_header_that_may_be_ignored_is() -> None:
    desk = RememberingDesk()
    answer = await server_around(desk).handle(a.soap(a.typed(), UNDERSTAND.format(0)))
    assert answer.status == 200 and len(desk.taken) == 1


async def test_what_breaks_inside_is_told_without_its_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = RememberingDesk(fails=RuntimeError("password=hunter2 in /srv/secret.py"))
    answer = await server_around(desk).handle(a.soap(a.typed()))
    assert answer.status == 500
    told, error = fault_in(answer)
    assert (told, error.code, error.key) == ("soap:Server", "5.3", "ERROR_INTERNO")
    for secret in (b"hunter2", b"secret.py", b"Traceback", b"RuntimeError"):
        assert secret not in answer.body
    assert "hunter2" in caplog.text  # the log is where it belongs


async def test_what_the_desk_refuses_is_a_reply() -> None:
    desk = RememberingDesk(fails=RequestRefused(ReplyError("3.2", "COLA_LLENA: llena")))
    answer = await server_around(desk).handle(a.soap(a.typed()))
    message = message_in(answer)
    assert message.reply is not None and message.reply.errors[0].code == "3.2"


CERTIFICATES = {
    # name: (certificate's name, Source, code or None, Source that counts)
    "the same": ("COMERCIAL", "COMERCIAL", None, "COMERCIAL"),
    "no Source": ("COMERCIAL", None, None, "COMERCIAL"),
    "another Source": ("COMERCIAL", "OTRO", "7.5", None),
    "another case": ("COMERCIAL", "comercial", "7.5", None),
    "certificate without name": ("", "COMERCIAL", "7.4", None),
    "certificate without name, no Source": ("", None, "7.4", None),
    "no mutual TLS": (None, "COMERCIAL", None, "COMERCIAL"),
    "nothing at all": (None, None, None, None),
}


@pytest.mark.parametrize(
    ("certified", "source", "code", "counts"), CERTIFICATES.values(), ids=CERTIFICATES
)
async def test_source_is_bound_to_the_certificate(
    certified: str | None, source: str | None, code: str | None, counts: str | None
) -> None:
    desk = RememberingDesk()
    named = "" if source is None else f"<m:Source>{source}</m:Source>"
    octets = a.soap(a.typed(head=a.header(source=named)))
    answer = await server_around(desk).handle(octets, client_source=certified)
    message = message_in(answer)
    assert message.reply is not None
    if code is None:
        assert desk.taken[0][0].source == counts
    else:
        assert desk.taken == []
        assert message.reply.errors[0].code == code


async def test_a_listed_reply_address_is_taken() -> None:
    desk = RememberingDesk()
    flags = REPLY_TO.format("http://127.0.0.1:9/callback/42")
    await server_around(desk).handle(a.soap(a.typed(head=a.header(flags=flags))))
    assert desk.taken[0][0].reply_address == "http://127.0.0.1:9/callback/42"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_damaged_messages_never_break_the_server(data: st.DataObject) -> None:
    """Any octets get a SOAP answer, and only a message that passes the schema is taken."""
    octets = bytearray(a.soap(data.draw(st.sampled_from([a.typed(), a.generic()]))))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(32, 126))
    desk = RememberingDesk()

    async def ask() -> SoapAnswer:
        return await server_around(desk).handle(bytes(octets))

    answer = run_simulated(ask(), start=AT)
    root = xml.parse(answer.body)
    assert root.tag == f"{{{ns.SOAP_11}}}Envelope"
    assert b"ERROR_INTERNO" not in answer.body
    if answer.status == 200:
        schema.check(root[0][0])
