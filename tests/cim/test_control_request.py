"""What a message means as a request, and what is wrong with it: tables of both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from protocols.cim import control_request, envelope, schema, xml
from protocols.cim.amount import Unit
from protocols.cim.control_request import ControlRequest, Verb
from protocols.cim.control_types import STANDARD, ControlKind, Vocabulary
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.errors import RequestRefused
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import attribute, control, devices, option

KIND = '<c:EndDeviceControlType ref="{}"/>'
IN_KW = attribute("powerLimit", "1.5") + attribute("powerLimit.unit", "kW")
DISCONNECT = KIND.format("3.31.0.23")
NOW = datetime(2026, 7, 6, 14, tzinfo=UTC)


def read(octets: bytes, vocabulary: Vocabulary | None = None) -> ControlRequest:
    root = xml.parse(octets)
    schema.check(root)
    message = envelope.read(root)
    return control_request.read(message, vocabulary or STANDARD, now=NOW)


def timing(text: str) -> str:
    return f"<c:primaryDeviceTiming>{text}</c:primaryDeviceTiming>"


def interval(start: str, end: str) -> str:
    return timing(f"<c:interval><c:end>{end}</c:end><c:start>{start}</c:start></c:interval>")


def load(asked: str, code: str = "3.15.0.13", timing: str = "") -> str:
    pan = f"<c:PanDemandResponse>{asked}</c:PanDemandResponse>"
    return control(pan + KIND.format(code), "", timing=timing)


ONE_LIMIT: dict[str, bytes] = {
    # each means: limit 90000001 to 1500 W
    "typed": a.typed(),
    "generic": a.generic(),
    "in kW": a.typed(control(attributes=IN_KW)),
    "attribute without case": a.typed(control(attributes=attribute("POWERLIMIT", "1500"))),
    "option": a.typed(control(attributes=""), request=option("powerLimit", "1500")),
    "option in kW": a.typed(
        control(attributes=""),
        request=option("powerLimit", "1.5") + option("powerLimit.unit", "kW"),
    ),
    "option and attribute agree": a.typed(
        control(attributes=IN_KW), request=option("powerLimit", "1500")
    ),
    "attribute repeated in another unit's digits": a.typed(
        control(attributes=a.LIMIT_1500_W + attribute("PowerLimit", "1.5e3"))
    ),
    "option repeated": a.typed(
        control(attributes=""),
        request=2 * (option("powerLimit", "1.5") + option("powerLimit.unit", "kW")),
    ),
    "strict carrier": a.meter_config(),
    "strict carrier, exponent": a.meter_config(a.function("<k:powerLimit>1.5E3</k:powerLimit>")),
    "strict carrier by reference": a.meter_config(
        a.function("<k:powerLimit>9</k:powerLimit>", "other")
        + a.function("<k:powerLimit>1500</k:powerLimit>", "mine"),
        '<k:Meter><k:ConnectDisconnectFunction ref="mine"/>'
        "<k:Names><k:name>90000001</k:name></k:Names></k:Meter>",
    ),
    "strict carrier and option agree": a.meter_config(request=option("powerLimit", "1500")),
    "enable instead of change": a.typed(control(KIND.format("3.31.139.26"))),
    "leading zeros": a.typed(control(KIND.format("03.31.139.013"))),
    "device not applicable": a.typed(control(KIND.format("0.31.139.13"))),
    "type as text": a.typed(
        control("<c:EndDeviceControlType>3.31.139.13</c:EndDeviceControlType>")
    ),
    "type in parts": a.typed(
        control(
            "<c:EndDeviceControlType><c:domain>31</c:domain>"
            "<c:eventOrAction>13</c:eventOrAction><c:subDomain>139</c:subDomain>"
            "<c:type>3</c:type></c:EndDeviceControlType>"
        )
    ),
    "type in words": a.typed(
        control(
            "<c:EndDeviceControlType><c:domain>RCDSwitch</c:domain>"
            "<c:eventOrAction>Change</c:eventOrAction>"
            "<c:subDomain>SupplyCapacityLimit</c:subDomain>"
            "<c:type>ElectricMeter</c:type></c:EndDeviceControlType>"
        )
    ),
    "type by the name of one in the payload": a.typed(
        control(KIND.format("limitar")) + "<c:EndDeviceControlType><c:domain>31</c:domain>"
        "<c:eventOrAction>13</c:eventOrAction><c:subDomain>139</c:subDomain><c:type>3</c:type>"
        "<c:Names><c:name>limitar</c:name></c:Names></c:EndDeviceControlType>"
    ),
    "older namespaces with www": a.typed().replace(
        b"http://iec.ch/TC57/2011/", b"http://www.iec.ch/TC57/2010/"
    ),
    "the demonstration's namespaces": a.typed().replace(
        b"TC57/2011/EndDeviceControlsMessage", b"TC57/2017/EndDeviceControlsMessage"
    ),
}


@pytest.mark.parametrize("octets", ONE_LIMIT.values(), ids=ONE_LIMIT)
def test_every_carrier_and_spelling_of_one_limit(octets: bytes) -> None:
    request = read(octets)
    (one,) = request.controls
    assert one.kind is ControlKind.SET_LIMIT
    assert one.amount is not None
    assert one.amount.value * {Unit.W: 1, Unit.KW: 1000}[one.amount.unit] == 1500
    assert one.meters == (MeterRef("90000001"),)
    assert not one.emergency
    assert (request.source, request.message_id) == ("COMERCIAL", a.MESSAGE_ID)
    assert request.correlation_id == a.CORRELATION_ID


KINDS = {
    "3.31.139.13": (ControlKind.SET_LIMIT, False),
    "3.31.139.26": (ControlKind.SET_LIMIT, False),
    "3.31.139.22": (ControlKind.REMOVE_LIMIT, False),
    "3.31.138.26": (ControlKind.SET_LIMIT, True),
    "3.31.138.22": (ControlKind.REMOVE_LIMIT, True),
    "3.31.0.18": (ControlKind.CONNECT, False),
    "3.31.0.23": (ControlKind.DISCONNECT, False),
    "3.31.0.5": (ControlKind.ARM, False),
    "3.8.0.214": (ControlKind.RESET_DEMAND, False),
    "0.8.0.214": (ControlKind.RESET_DEMAND, False),
    "3.15.0.23": (ControlKind.LOAD_OFF, False),
    "3.15.0.18": (ControlKind.LOAD_ON, False),
}


@pytest.mark.parametrize(("code", "meaning"), KINDS.items(), ids=KINDS)
def test_kinds_of_controls(code: str, meaning: tuple[ControlKind, bool]) -> None:
    attributes = a.LIMIT_1500_W if meaning[0] is ControlKind.SET_LIMIT else ""
    (one,) = read(a.typed(control(KIND.format(code), attributes))).controls
    assert (one.kind, one.emergency) == meaning
    assert (one.amount is not None) == (one.kind is ControlKind.SET_LIMIT)


HOUR = NOW + timedelta(hours=1)
SIX_PM = datetime(2026, 7, 6, 18, tzinfo=UTC)
OFF_FOR = "<c:duration>60</c:duration><c:dutyCycle>0</c:dutyCycle>"
MINUTES = "<c:primaryDeviceTiming><c:duration>60</c:duration></c:primaryDeviceTiming>"
AT_SIX = (
    "<c:duration>60</c:duration><c:dutyCycle>0</c:dutyCycle>"
    "<c:startDateTime>2026-07-06T18:00:00Z</c:startDateTime>"
)
OFF_AT_SIX = (SIX_PM, SIX_PM + timedelta(hours=1))
# name: (message, kind, start and end)
LOADS = {
    "never runs": (load("<c:dutyCycle>0</c:dutyCycle>"), ControlKind.LOAD_OFF, (None, None)),
    "always runs": (load("<c:dutyCycle>1e2</c:dutyCycle>"), ControlKind.LOAD_ON, (None, None)),
    "over": (load("<c:cancelNow>true</c:cancelNow>"), ControlKind.LOAD_ON, (None, None)),
    "off for an hour": (load(OFF_FOR), ControlKind.LOAD_OFF, (NOW, HOUR)),
    "off for an hour, said twice": (
        load(OFF_FOR, "3.15.0.23", MINUTES), ControlKind.LOAD_OFF, (NOW, HOUR),
    ),
    "off for an hour by its type": (
        control(KIND.format("3.15.0.23"), "", timing=MINUTES), ControlKind.LOAD_OFF, (NOW, HOUR),
    ),
    "off at six for an hour": (load(AT_SIX), ControlKind.LOAD_OFF, OFF_AT_SIX),
    "off for good": (
        load("<c:durationIndefinite>true</c:durationIndefinite><c:dutyCycle>0</c:dutyCycle>"),
        ControlKind.LOAD_OFF, (None, None),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "kind", "window"), LOADS.values(), ids=LOADS)
def test_controls_of_a_load(
    sent: str, kind: ControlKind, window: tuple[datetime | None, datetime | None]
) -> None:
    (one,) = read(a.typed(sent)).controls
    assert (one.kind, (one.start, one.end), one.amount) == (kind, window, None)


def test_a_vendors_own_code_is_configuration() -> None:
    octets = a.typed(control(KIND.format("3.31.220.23"), ""))
    with pytest.raises(RequestRefused, match="TIPO_DESCONOCIDO"):
        read(octets)
    (one,) = read(octets, Vocabulary({"3.31.220.23": "3.31.0.23"})).controls
    assert (one.kind, one.type) == (ControlKind.DISCONNECT, "3.31.0.23")


METERS = {
    "several names in one device": (
        "<c:EndDevices><c:Names><c:name>1</c:name></c:Names>"
        "<c:Names><c:name>2</c:name></c:Names></c:EndDevices>"
    ),
    "several devices": devices("1", "2"),
    "one named twice": devices("1", "2", "1"),
}


@pytest.mark.parametrize("addressed", METERS.values(), ids=METERS)
def test_several_meters(addressed: str) -> None:
    (one,) = read(a.typed(control(addressed=addressed))).controls
    assert one.meters == (MeterRef("1"), MeterRef("2"))


def test_a_meter_by_mrid_and_by_serial_number() -> None:
    addressed = (
        "<c:EndDevices><c:mRID>u-1</c:mRID></c:EndDevices>"
        "<c:EndDevices><c:serialNumber>s-1</c:serialNumber></c:EndDevices>"
        "<c:EndDevices><c:mRID>u-2</c:mRID><c:Names><c:name>2</c:name></c:Names></c:EndDevices>"
    )
    (one,) = read(a.typed(control(addressed=addressed))).controls
    assert one.meters == (MeterRef("u-1", "uuid"), MeterRef("s-1"), MeterRef("2"))


def test_lifting_a_limit_the_strict_way() -> None:
    info = "<k:needsPowerLimitCheck>false</k:needsPowerLimitCheck>"
    (one,) = read(a.meter_config(a.function(info))).controls
    assert (one.kind, one.type, one.amount) == (ControlKind.REMOVE_LIMIT, "3.31.139.22", None)


def test_window_options_and_flags() -> None:
    octets = a.typed(
        control(
            timing=interval("2026-07-06T15:00:00Z", "2026-07-06T12:00:00-04:00"),
        ),
        head=a.header(
            flags="<m:AsyncReplyFlag>1</m:AsyncReplyFlag>"
            "<m:ReplyAddress>http://127.0.0.1/r</m:ReplyAddress>"
            "<m:AckRequired>false</m:AckRequired>"
            "<m:User><m:UserID>ana</m:UserID><m:Organization>ventas</m:Organization></m:User>"
        ),
        request="<m:StartTime>2026-07-06T14:00:00.250Z</m:StartTime>"
        "<m:EndTime>2026-07-06T24:00:00Z</m:EndTime>" + option("DiaNoLaborable", "Permitido"),
    )
    request = read(octets)
    assert request.async_reply and request.ack_required is False
    assert request.reply_address == "http://127.0.0.1/r"
    assert (request.user, request.organization) == ("ana", "ventas")
    assert request.non_working_day_permitted
    assert request.start_time == datetime(2026, 7, 6, 14, 0, 0, 250_000, tzinfo=UTC)
    assert request.end_time == datetime(2026, 7, 7, tzinfo=UTC)
    (one,) = request.controls
    assert one.start == datetime(2026, 7, 6, 15, tzinfo=UTC)
    assert one.end == datetime(2026, 7, 6, 16, tzinfo=UTC)


def test_a_duration_counts_from_the_start() -> None:
    text = (
        "<c:duration>90.5</c:duration><c:interval><c:start>2026-07-06T15:00:00Z</c:start>"
        "</c:interval>"
    )
    (one,) = read(a.typed(control(timing=timing(text)))).controls
    assert one.end == datetime(2026, 7, 6, 16, 30, 30, tzinfo=UTC)


@pytest.mark.parametrize("verb", ["cancel", "close", "delete"])
def test_giving_up_by_correlation_or_by_id(verb: str) -> None:
    name = f"{verb.capitalize()}EndDeviceControls"
    request = read(
        a.typed(
            name=name,
            head=a.header(verb),
            request='<m:ID kind="transaction">t-1</m:ID>',
            payload="",
        )
    )
    assert (request.verb, request.controls) == (Verb(verb), ())
    assert [(target.value, target.kind) for target in request.targets] == [("t-1", "transaction")]
    plain = read(a.generic(head=a.header(verb), payload=""))
    assert (plain.verb, plain.targets) == (Verb(verb), ())
    by_payload = read(
        a.generic(head=a.header(verb), payload="<m:Payload><m:ID>t</m:ID></m:Payload>")
    )
    assert [target.value for target in by_payload.targets] == ["t"]


AMOUNTS = {
    # text: plain digits
    "1500": "1500",
    " 1500 ": "1500",
    "+1500.50": "1500.5",
    "1.5e3": "1500",
    ".5": "0.5",
    "2300.": "2300",
    "0.001": "0.001",
    "999999999999999999": "999999999999999999",
}


@pytest.mark.parametrize(("text", "plain"), AMOUNTS.items(), ids=AMOUNTS)
def test_amounts(text: str, plain: str) -> None:
    (one,) = read(a.typed(control(attributes=attribute("powerLimit", text)))).controls
    assert one.amount is not None
    assert one.amount.text == plain
    assert one.amount.value == Decimal(plain)


def limit(value: str, unit: str | None = None) -> bytes:
    extra = attribute("powerLimit.unit", unit) if unit is not None else ""
    return a.typed(control(attributes=attribute("powerLimit", value) + extra))


TWO_FUNCTIONS = a.function("<k:powerLimit>1</k:powerLimit>", "x") * 2

REFUSED: dict[str, tuple[bytes, str, str]] = {
    # name: (message, code, key)
    "no amount": (a.typed(control(attributes="")), "5.8", "MONTO_FALTA"),
    "empty amount": (limit(""), "5.8", "MONTO_FALTA"),
    "blank amount": (limit("  "), "5.8", "MONTO_FALTA"),
    "no amount in strict carrier": (
        a.meter_config(a.function("<k:armedTimeout>1</k:armedTimeout>")), "5.8", "MONTO_FALTA",
    ),
    "zero": (limit("0"), "1.8", "MONTO_INVALIDO"),
    "negative": (limit("-1"), "1.8", "MONTO_INVALIDO"),
    "minus zero": (limit("-0.0"), "1.8", "MONTO_INVALIDO"),
    "not a number": (limit("NaN"), "1.8", "MONTO_INVALIDO"),
    "infinite": (limit("INF"), "1.8", "MONTO_INVALIDO"),
    "infinite in strict carrier": (
        a.meter_config(a.function("<k:powerLimit>INF</k:powerLimit>")), "1.8", "MONTO_INVALIDO",
    ),
    "words": (limit("mil"), "1.8", "MONTO_INVALIDO"),
    "decimal comma": (limit("1,5"), "1.8", "MONTO_INVALIDO"),
    "thousands": (limit("1 500"), "1.8", "MONTO_INVALIDO"),
    "hexadecimal": (limit("0x5DC"), "1.8", "MONTO_INVALIDO"),
    "underscore": (limit("1_500"), "1.8", "MONTO_INVALIDO"),
    "other digits": (limit("١٥٠٠"), "1.8", "MONTO_INVALIDO"),
    "19 digits": (limit("1" * 19), "1.8", "MONTO_INVALIDO"),
    "huge exponent": (limit("1e99"), "1.8", "MONTO_INVALIDO"),
    "huger exponent": (limit("1e999999999"), "1.8", "MONTO_INVALIDO"),
    "very long": (limit("1" * 5000), "1.8", "MONTO_INVALIDO"),
    "unknown unit": (limit("1", "hp"), "1.8", "UNIDAD_DESCONOCIDA"),
    "unit of another case": (limit("1", "KW"), "1.8", "UNIDAD_DESCONOCIDA"),
    "carriers disagree": (
        a.typed(request=option("powerLimit", "1501")), "1.8", "MONTO_EN_CONFLICTO",
    ),
    "carriers disagree in quantity": (
        a.typed(request=option("powerLimit", "1500") + option("powerLimit.unit", "VA")),
        "1.8", "MONTO_EN_CONFLICTO",
    ),
    "control's unit beside the option's amount": (
        a.typed(control(attributes=attribute("powerLimit.unit", "kW")),
                request=option("powerLimit", "2")), "1.8", "UNIDAD_SIN_MONTO",
    ),
    "control's unit beside the option's amount and unit": (
        a.typed(control(attributes=attribute("powerLimit.unit", "kW")),
                request=option("powerLimit", "2") + option("powerLimit.unit", "kW")),
        "1.8", "UNIDAD_SIN_MONTO",
    ),
    "option's unit beside the control's amount": (
        a.typed(request=option("powerLimit.unit", "W")), "1.8", "UNIDAD_SIN_MONTO",
    ),
    "a unit alone": (
        a.typed(control(attributes=attribute("powerLimit.unit", "W"))), "1.8", "UNIDAD_SIN_MONTO",
    ),
    "a unit with a disconnect": (
        a.typed(control(DISCONNECT, attribute("powerLimit.unit", "W"))), "1.8", "MONTO_INESPERADO",
    ),
    "two attributes": (
        a.typed(control(attributes=a.LIMIT_1500_W + attribute("powerLimit", "1600"))),
        "1.8", "MONTO_EN_CONFLICTO",
    ),
    "two attributes, one empty": (
        a.typed(control(attributes=a.LIMIT_1500_W + attribute("powerLimit", ""))),
        "5.8", "MONTO_FALTA",
    ),
    "two units": (
        a.typed(control(attributes=IN_KW + attribute("powerLimit.unit", "W"))),
        "1.8", "MONTO_EN_CONFLICTO",
    ),
    "two options": (
        a.typed(control(attributes=""),
                request=option("powerLimit", "1500") + option("POWERLIMIT", "1600")),
        "1.8", "MONTO_EN_CONFLICTO",
    ),
    "two options, the first agreeing": (
        a.typed(request=option("powerLimit", "1500") + option("powerLimit", "1600")),
        "1.8", "MONTO_EN_CONFLICTO",
    ),
    "strict carrier disagrees": (
        a.meter_config(request=option("powerLimit", "1501")), "1.8", "MONTO_EN_CONFLICTO",
    ),
    "strict carrier contradicts itself": (
        a.meter_config(a.function(
            "<k:needsPowerLimitCheck>false</k:needsPowerLimitCheck><k:powerLimit>1</k:powerLimit>"
        )), "1.8", "MONTO_EN_CONFLICTO",
    ),
    "amount with a disconnect": (a.typed(control(DISCONNECT)), "1.8", "MONTO_INESPERADO"),
    "option amount with a disconnect": (
        a.typed(control(DISCONNECT, ""), request=option("powerLimit", "1")),
        "1.8", "MONTO_INESPERADO",
    ),
    "no meter": (a.typed(control(addressed="")), "5.8", "MEDIDOR_FALTA"),
    "empty meter name": (a.typed(control(addressed=devices(""))), "5.8", "MEDIDOR_FALTA"),
    "long meter name": (
        a.typed(control(addressed=devices("9" * 256))), "1.8", "CAMPO_DEMASIADO_LARGO",
    ),
    "no control": (
        a.typed(payload="<Payload><c:EndDeviceControls/></Payload>"), "5.8", "CONTROL_FALTA",
    ),
    "no type": (a.typed(control("<c:EndDeviceControlType/>")), "5.8", "TIPO_FALTA"),
    "unknown type": (a.typed(control(KIND.format("3.31.0.99"))), "1.8", "TIPO_DESCONOCIDO"),
    "arm for open": (
        a.typed(control(KIND.format("3.31.0.6"), "")), "5.2", "ARMADO_DE_APERTURA_IMPOSIBLE",
    ),
    "a load's change that does not say which": (
        a.typed(control(KIND.format("3.15.0.13"), "")), "5.8", "CARGA_FALTA",
    ),
    "a load where none belongs": (
        a.typed(load("<c:dutyCycle>0</c:dutyCycle>", "3.31.0.23")), "1.8", "CARGA_INESPERADA",
    ),
    "a load by halves": (
        a.typed(load("<c:dutyCycle>50</c:dutyCycle>")), "1.8", "CARGA_NO_CONMUTABLE",
    ),
    "a load by no number": (
        a.typed(load("<c:dutyCycle>NaN</c:dutyCycle>")), "1.8", "CARGA_NO_CONMUTABLE",
    ),
    "a load's average": (
        a.typed(load("<c:avgLoadAdjustment>-100</c:avgLoadAdjustment>")),
        "1.8", "CARGA_NO_CONMUTABLE",
    ),
    "a load that says nothing": (
        a.typed(load("<c:criticalityLevel>1</c:criticalityLevel>")), "5.8", "CARGA_FALTA",
    ),
    "a load off, and over": (
        a.typed(load("<c:cancelNow>true</c:cancelNow><c:dutyCycle>0</c:dutyCycle>")),
        "1.8", "CARGA_EN_CONFLICTO",
    ),
    "a load on by its type, off by its element": (
        a.typed(load("<c:dutyCycle>0</c:dutyCycle>", "3.15.0.18")), "1.8", "CARGA_EN_CONFLICTO",
    ),
    "a load with two times": (
        a.typed(load(
            "<c:duration>60</c:duration><c:dutyCycle>0</c:dutyCycle>",
            timing="<c:primaryDeviceTiming><c:duration>30</c:duration></c:primaryDeviceTiming>",
        )),
        "1.8", "PLAZO_EN_CONFLICTO",
    ),
    "an amount for a load": (
        a.typed(control(KIND.format("3.15.0.23"))), "1.8", "MONTO_INESPERADO",
    ),
    "an amount for a reset": (
        a.typed(control(KIND.format("3.8.0.214"))), "1.8", "MONTO_INESPERADO",
    ),
    "a group": (
        a.typed(control(addressed="<c:EndDeviceGroups/>" + devices("1"))),
        "1.8", "CONTENIDO_NO_ADMITIDO",
    ),
    "a usage point": (
        a.typed(control(timing="<c:UsagePoints/>")), "1.8", "CONTENIDO_NO_ADMITIDO",
    ),
    "no payload": (a.typed(payload=""), "1.7", "CONTENIDO_FALTA"),
    "empty generic payload": (a.generic(payload="<m:Payload/>"), "1.7", "CONTENIDO_FALTA"),
    "compressed": (
        a.generic(payload="<m:Payload><m:Compressed>eJw=</m:Compressed></m:Payload>"),
        "1.8", "CONTENIDO_NO_ADMITIDO",
    ),
    "operation set": (
        a.generic(payload="<m:Payload><m:OperationSet/></m:Payload>"),
        "1.8", "CONTENIDO_NO_ADMITIDO",
    ),
    "another noun's payload": (
        a.generic(payload='<m:Payload><x:MeterReadings xmlns:x="urn:x"/></m:Payload>'),
        "2.5", "CONTENIDO_DISTINTO",
    ),
    "unknown noun": (
        a.generic(head=a.header(noun="Coffee")), "2.5", "SUSTANTIVO_NO_ADMITIDO",
    ),
    "noun of another message": (
        a.typed(head=a.header(noun="MeterConfig")), "2.5", "SUSTANTIVO_NO_ADMITIDO",
    ),
    "verb of another message": (a.typed(head=a.header("cancel")), "2.9", "VERBO_NO_ADMITIDO"),
    "verb of a query": (a.generic(head=a.header("get")), "2.9", "VERBO_NO_ADMITIDO"),
    "unknown verb": (a.generic(head=a.header("brew")), "2.9", "VERBO_DESCONOCIDO"),
    "registration by MeterConfig": (
        a.generic(head=a.header("create", "MeterConfig"), payload=""), "2.9", "VERBO_NO_ADMITIDO",
    ),
    "header of the edition of 2022": (
        a.typed().replace(b"TC57/2011/schema/message", b"TC57/2021/schema/message"),
        "1.9", "EDICION_NO_ADMITIDA",
    ),
    "no header": (
        f'<m:RequestMessage xmlns:m="{a.MESSAGE}"/>'.encode(), "1.5", "CAMPO_FALTA",
    ),
    "no verb": (a.typed(head="<m:Noun>EndDeviceControls</m:Noun>"), "1.5", "CAMPO_FALTA"),
    "empty noun": (a.typed(head="<m:Verb>create</m:Verb><m:Noun/>"), "1.5", "CAMPO_FALTA"),
    "header out of order": (
        a.typed(head="<m:Noun>EndDeviceControls</m:Noun><m:Verb>create</m:Verb>"),
        "1.8", "ESQUEMA",
    ),
    "element outside the schema": (a.typed(control(timing="<c:oops/>")), "1.8", "ESQUEMA"),
    "payload of a wrong namespace": (
        a.typed().replace(b"EndDeviceControls#", b"EndDeviceControls!"), "1.8", "ESQUEMA",
    ),
    "bad flag": (
        a.typed(head=a.header(flags="<m:AsyncReplyFlag>yes</m:AsyncReplyFlag>")),
        "1.8", "ESQUEMA",
    ),
    "generic payload outside its schema": (
        a.generic("<c:EndDeviceControl/>"), "1.8", "ESQUEMA",
    ),
    "long MessageID": (
        a.typed(head=a.header(ids=f"<m:MessageID>{'x' * 256}</m:MessageID>")),
        "1.8", "CAMPO_DEMASIADO_LARGO",
    ),
    "time without zone": (
        a.typed(request="<m:StartTime>2026-07-06T14:00:00</m:StartTime>"),
        "1.8", "FECHA_SIN_ZONA",
    ),
    "time out of reach": (
        a.typed(request="<m:StartTime>12026-07-06T14:00:00Z</m:StartTime>"),
        "1.8", "FECHA_INVALIDA",
    ),
    "year zero": (
        a.typed(request="<m:StartTime>-0001-07-06T14:00:00Z</m:StartTime>"),
        "1.8", "FECHA_INVALIDA",
    ),
    "window backwards": (
        a.typed(request="<m:StartTime>2026-07-06T14:00:00Z</m:StartTime>"
                        "<m:EndTime>2026-07-06T14:00:00Z</m:EndTime>"),
        "1.8", "PLAZO_INVALIDO",
    ),
    "limit backwards": (
        a.typed(control(timing=interval("2026-07-06T15:00:00Z", "2026-07-06T14:00:00Z"))),
        "1.8", "PLAZO_INVALIDO",
    ),
    "duration without start": (
        a.typed(control(timing=timing("<c:duration>5</c:duration>"))), "1.8", "DURACION_INVALIDA",
    ),
    "endless duration": (
        a.typed(control(timing=timing(
            "<c:duration>INF</c:duration><c:interval><c:start>2026-07-06T15:00:00Z</c:start>"
            "</c:interval>"
        ))), "1.8", "DURACION_INVALIDA",
    ),
    "duration beyond the calendar": (
        a.typed(control(timing=timing(
            "<c:duration>1E10</c:duration><c:interval><c:start>2026-07-06T15:00:00Z</c:start>"
            "</c:interval>"
        ))), "1.8", "DURACION_INVALIDA",
    ),
    "indefinite with an end": (
        a.typed(control(timing=timing(
            "<c:durationIndefinite>true</c:durationIndefinite>"
            "<c:interval><c:end>2026-07-06T15:00:00Z</c:end></c:interval>"
        ))), "1.8", "PLAZO_EN_CONFLICTO",
    ),
    "meter without function": (
        a.meter_config(TWO_FUNCTIONS), "2.29", "FUNCION_NO_RELACIONADA",
    ),
    "function missing": (
        a.meter_config(meters='<k:Meter><k:ConnectDisconnectFunction ref="gone"/></k:Meter>'),
        "2.29", "FUNCION_NO_RELACIONADA",
    ),
    "an event": (
        a.generic(name="EventMessage", head=a.header("created")), "2.9", "MENSAJE_NO_ES_PEDIDO",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key"), REFUSED.values(), ids=REFUSED)
def test_refused(octets: bytes, code: str, key: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        read(octets)
    first = caught.value.errors[0]
    assert (first.code, first.key) == (code, key)


def start_time(text: str) -> bytes:
    return a.typed(request=f"<m:StartTime>{text}</m:StartTime>")


def end_time(text: str) -> bytes:
    return a.typed(request=f"<m:EndTime>{text}</m:EndTime>")


def interval_start(text: str) -> bytes:
    return a.typed(control(timing=timing(f"<c:interval><c:start>{text}</c:start></c:interval>")))


def interval_end(text: str) -> bytes:
    return a.typed(control(timing=timing(f"<c:interval><c:end>{text}</c:end></c:interval>")))


def both_ends(text: str) -> bytes:
    return a.typed(control(timing=interval("2026-07-06T15:00:00Z", text)))


PLACES = {
    "StartTime": start_time,
    "EndTime": end_time,
    "interval/start": interval_start,
    "interval/end": interval_end,
    "interval": both_ends,
}
TOO_FAR = {
    "a never": "9999-12-31T23:59:59Z",
    "beyond the last year in UTC": "9999-12-31T23:59:59-14:00",
    "before the first year in UTC": "0001-01-01T00:00:00+14:00",
    "the first year": "0001-01-01T00:00:00Z",
    "an instant before 2000": "1999-12-31T23:59:59.999999Z",
    "before 2000 by its zone": "2000-01-01T00:00:00+00:01",
    "an instant beyond ten years": "2036-07-06T14:00:00.000001Z",
    "beyond ten years by its zone": "2036-07-06T14:00:00-00:01",
}


@pytest.mark.parametrize("message", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("text", TOO_FAR.values(), ids=TOO_FAR)
def test_one_horizon_for_every_time(message: Callable[[str], bytes], text: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        read(message(text))
    (error,) = caught.value.errors
    assert (error.code, error.key) == ("1.8", "FECHA_FUERA_DE_RANGO")


AT_THE_HORIZON = ("2000-01-01T00:00:00Z", "1999-12-31T23:00:00-01:00", "2036-07-06T15:00:00+01:00")


@pytest.mark.parametrize("message", list(PLACES.values())[:4], ids=list(PLACES)[:4])
@pytest.mark.parametrize("text", AT_THE_HORIZON)
def test_the_horizon_itself_is_within(message: Callable[[str], bytes], text: str) -> None:
    request = read(message(text))
    (one,) = request.controls
    (taken,) = {request.start_time, request.end_time, one.start, one.end} - {None}
    assert taken is not None and taken.tzinfo is UTC
    assert taken == datetime.fromisoformat(text)


def test_a_duration_ends_within_the_horizon() -> None:
    text = "<c:duration>5260320</c:duration><c:interval><c:start>{}</c:start></c:interval>"
    ten_years = a.typed(control(timing=timing(text.format("2026-07-06T14:00:00Z"))))
    (one,) = read(ten_years).controls
    assert one.end == datetime(2036, 7, 6, 14, tzinfo=UTC)
    with pytest.raises(RequestRefused, match="FECHA_FUERA_DE_RANGO"):
        read(a.typed(control(timing=timing(text.format("2026-07-06T14:00:01Z")))))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_header_may_bear_any_time(text: str) -> None:
    """Nothing is reckoned from it."""
    stamp = f"<m:Timestamp>{text}</m:Timestamp>"
    assert read(a.typed(head=a.header(before=stamp))).timestamp == datetime.fromisoformat(text)


def test_every_wrong_control_is_named() -> None:
    octets = a.typed(
        control(attributes=""), control(), control(KIND.format("9.9.9.9")), control(addressed="")
    )
    with pytest.raises(RequestRefused) as caught:
        read(octets)
    keys = [error.key for error in caught.value.errors]
    assert keys == ["MONTO_FALTA", "TIPO_DESCONOCIDO", "MEDIDOR_FALTA"]


def test_too_many_meters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_request, "METERS_MAX", 2)
    assert len(read(a.typed(control(addressed=devices("1", "2")))).controls[0].meters) == 2
    with pytest.raises(RequestRefused) as caught:
        read(a.typed(control(addressed=devices("1", "2")), control()))
    assert (caught.value.errors[0].code, caught.value.errors[0].key) == (
        "3.1",
        "DEMASIADOS_MEDIDORES",
    )


def test_a_demonstration_clients_message() -> None:
    body = xml.parse(a.DEMONSTRATION_CLIENT)[0][0]
    schema.check(body)
    request = control_request.read(envelope.read(body), now=NOW)
    (one,) = request.controls
    assert one.kind is ControlKind.DISCONNECT
    assert one.meters == (MeterRef("90000001"), MeterRef("90000002"))
    assert (request.source, request.user, request.ack_required) == ("CIS", "operator", True)


PERMISSIONS = {"permitido": True, "permitido Permitido": True, "permitido no": False,
               "no permitido": False, "": False}  # fmt: skip


@pytest.mark.parametrize(("said", "permitted"), PERMISSIONS.items(), ids=PERMISSIONS)
def test_a_permission_that_is_contradicted_is_none(said: str, permitted: bool) -> None:
    options = "".join(option("diaNoLaborable", text) for text in said.split())
    assert read(a.typed(request=options)).non_working_day_permitted is permitted


def test_the_first_option_of_a_name_counts() -> None:
    request: Any = read(a.typed(request=option("x", "1") + option("X", "2")))
    assert request.option("x") == "1"
    assert request.option("y") is None
