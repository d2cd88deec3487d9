"""Messages as other systems write them by the standard: valid here, and read as they are meant.

Written by hand from the profiles' public names and order, in the prefixes and styles of known
tools (gSOAP's numbered prefixes, .NET's default namespaces, a platform's generic messages).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from protocols.cim import envelope, exchange, linkage, meter_readings, questions, schema, xml
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.envelope import Kind
from protocols.cim.errors import NotAMessage, RequestRefused
from protocols.cim.linkage import Linkage
from protocols.cim.meter_readings import Value
from protocols.cim.questions import ReadingQuestion
from protocols.cim.record import Record
from protocols.cim.records.end_device_events_auto import EndDeviceEvents
from protocols.cim.records.master_linkage_config_auto import MasterDataLinkageConfig
from protocols.cim.records.meter_config_auto import MeterConfig
from protocols.cim.records.meter_readings_auto import MeterReadings
from protocols.cim.records.usage_point_config_auto import UsagePointConfig
from protocols.cim.replies import Stamp

ROOT = "http://iec.ch/TC57/2011/"
AT = datetime(2026, 7, 6, 0, 15, tzinfo=UTC)
IMPORT = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"


def numbered(element: str, noun: str, verb: str, request: str, payload: str) -> bytes:
    """As gSOAP writes a typed message, everything optional filled in."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><ns3:{element} xmlns:ns1="{ROOT}schema/message"'
        f' xmlns:ns2="{ROOT}{noun}#" xmlns:ns3="{ROOT}{noun}Message"'
        f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><ns3:Header><ns1:Verb>{verb}'
        f"</ns1:Verb><ns1:Noun>{noun}</ns1:Noun><ns1:Revision>2.0</ns1:Revision>"
        "<ns1:Timestamp>2026-07-06T14:00:00Z</ns1:Timestamp><ns1:Source>MDM</ns1:Source>"
        "<ns1:AckRequired>true</ns1:AckRequired><ns1:MessageID>m-1</ns1:MessageID>"
        f"<ns1:CorrelationID>c-1</ns1:CorrelationID></ns3:Header>{request}"
        f"<ns3:Payload>{payload}<ns3:Format>XML</ns3:Format></ns3:Payload></ns3:{element}>"
    ).encode()


def default_namespaces(kind: str, noun: str, verb: str, request: str, payload: str) -> bytes:
    """As .NET writes a generic message: no prefixes, a namespace on each part."""
    inside = f"<Request>{request}</Request>" if request else ""
    inside += f"<Payload>{payload}</Payload>" if payload else ""
    return (
        f'<{kind} xmlns="{ROOT}schema/message"><Header><Verb>{verb}</Verb><Noun>{noun}</Noun>'
        f"<Property><Name>x</Name></Property></Header>{inside}</{kind}>"
    ).encode()


def only(octets: bytes) -> Record:
    received = exchange.receive(xml.parse(octets))
    (record,) = exchange.content(received.message)
    return record


READINGS = numbered(
    "CreatedMeterReadings", "MeterReadings", "created", "",
    "<ns2:MeterReadings><ns2:MeterReading><ns2:IntervalBlocks>"
    "<ns2:IntervalReadings><ns2:timeStamp>2026-07-06T00:15:00Z</ns2:timeStamp>"
    "<ns2:value>0.25</ns2:value></ns2:IntervalReadings>"
    "<ns2:IntervalReadings><ns2:timeStamp>2026-07-05T20:30:00-04:00</ns2:timeStamp>"
    '<ns2:value>0.5</ns2:value><ns2:ReadingQualities><ns2:ReadingQualityType ref="3.8.0"/>'
    "</ns2:ReadingQualities></ns2:IntervalReadings>"
    '<ns2:ReadingType ref="q-hour"></ns2:ReadingType></ns2:IntervalBlocks>'
    "<ns2:Meter><ns2:mRID>u-1</ns2:mRID><ns2:Names><ns2:name>90000001</ns2:name><ns2:NameType>"
    "<ns2:name>METER_BADGE_NUMBER</ns2:name></ns2:NameType></ns2:Names></ns2:Meter>"
    "<ns2:valuesInterval><ns2:end>2026-07-06T00:30:00Z</ns2:end><ns2:start>2026-07-06T00:00:00Z"
    "</ns2:start></ns2:valuesInterval></ns2:MeterReading>"
    f"<ns2:ReadingType><ns2:mRID>{IMPORT}</ns2:mRID><ns2:Names><ns2:name>q-hour</ns2:name>"
    "</ns2:Names></ns2:ReadingType></ns2:MeterReadings>",
)  # fmt: skip


def test_readings_are_pushed() -> None:
    record = only(READINGS)
    assert isinstance(record, MeterReadings)
    (one,) = meter_readings.read(record)
    assert (one.reading_type, one.meter) == (IMPORT, MeterRef("90000001"))
    assert one.values == (
        Value(at=AT, value="0.25"),
        Value(at=AT + timedelta(minutes=15), value="0.5", qualities=("3.8.0",)),
    )


def test_readings_are_asked_for() -> None:
    space = f'xmlns="{ROOT}GetMeterReadings#"'
    octets = default_namespaces(
        "RequestMessage", "MeterReadings", "get",
        "<StartTime>2026-07-06T00:00:00-04:00</StartTime><EndTime>2026-07-07T00:00:00-04:00"
        f"</EndTime><GetMeterReadings {space}><EndDevice><Names><name>7</name></Names></EndDevice>"
        f"<ReadingType><Names><name>{IMPORT}</name></Names></ReadingType>"
        "<UsagePoint><mRID>p</mRID></UsagePoint></GetMeterReadings>", "",
    )  # fmt: skip
    asked = questions.read(exchange.receive(xml.parse(octets)).message)
    assert isinstance(asked, ReadingQuestion)
    assert asked.meters == (MeterRef("7"),) and asked.usage_points == (MeterRef("p", "uuid"),)
    assert [known.code for known in asked.quantities] == [IMPORT]
    assert (asked.end, asked.start) == (
        datetime(2026, 7, 7, 4, tzinfo=UTC), datetime(2026, 7, 6, 4, tzinfo=UTC)
    )  # fmt: skip


def test_an_event_with_the_vendors_own_parts() -> None:
    octets = numbered(
        "CreatedEndDeviceEvents", "EndDeviceEvents", "created", "",
        "<ns2:EndDeviceEvents><ns2:EndDeviceEvent><ns2:mRID>e</ns2:mRID><ns2:createdDateTime>"
        "2026-07-06T00:15:00Z</ns2:createdDateTime><ns2:severity>alert</ns2:severity><ns2:Assets>"
        "<ns2:Names><ns2:name>7</ns2:name></ns2:Names></ns2:Assets><ns2:EndDeviceEventDetails>"
        "<ns2:name>V</ns2:name><ns2:value>198</ns2:value></ns2:EndDeviceEventDetails>"
        '<v:Batch xmlns:v="urn:vendor">3</v:Batch><ns2:EndDeviceEventType ref="3.26.131.223"/>'
        "<ns2:status><ns2:value>open</ns2:value></ns2:status></ns2:EndDeviceEvent>"
        "</ns2:EndDeviceEvents>",
    )  # fmt: skip
    received = exchange.receive(xml.parse(octets))
    assert received.set_aside == ("{urn:vendor}Batch",)
    (record,) = exchange.content(received.message)
    assert isinstance(record, EndDeviceEvents)
    (event,) = record.end_device_event
    assert (event.end_device_event_type, event.created_date_time) == ("3.26.131.223", AT)
    assert event.status is not None and event.status.value == "open"


def test_a_usage_point_is_registered() -> None:
    octets = default_namespaces(
        "RequestMessage", "UsagePointConfig", "create", "",
        f'<UsagePointConfig xmlns="{ROOT}UsagePointConfig#"><UsagePoint><mRID>1234567891</mRID>'
        "<amiBillingReady>operable</amiBillingReady><connectionState>connected</connectionState>"
        "<isSdp>true</isSdp><nominalServiceVoltage>220</nominalServiceVoltage>"
        "<phaseCode>ABCN</phaseCode><ratedPower>4.4E3</ratedPower><ConfigurationEvents>"
        "<createdDateTime>2026-07-06T05:15:00+05:00</createdDateTime></ConfigurationEvents><Names>"
        "<name>P-1</name></Names><UsagePointLocation><PositionPoints><xPosition>1.3</xPosition>"
        "</PositionPoints><mainAddress><streetDetail><addressGeneral>Calle 1</addressGeneral>"
        "</streetDetail></mainAddress></UsagePointLocation></UsagePoint></UsagePointConfig>",
    )  # fmt: skip
    record = only(octets)
    assert isinstance(record, UsagePointConfig)
    (point,) = record.usage_point
    assert (point.rated_power, point.phase_code, point.is_sdp) == (Decimal(4400), "ABCN", True)
    # In that location the order is not the one we write: its profile is not public.
    where = point.usage_point_location
    assert where is not None and where.position_points[0].x_position == "1.3"
    assert where.main_address is not None and where.main_address.street_detail is not None
    assert where.main_address.street_detail.address_general == "Calle 1"
    assert point.configuration_events is not None
    assert point.configuration_events.created_date_time == AT


METER = numbered(
    "CreateMeterConfig", "MeterConfig", "create",
    "<ns3:Request><ns1:ID kind='name' objectType='Meter'>7</ns1:ID></ns3:Request>",
    "<ns2:MeterConfig><ns2:ComFunction><ns2:mRID>c</ns2:mRID><ns2:technology>plc</ns2:technology>"
    "<ns2:OfAnotherRelease>x</ns2:OfAnotherRelease></ns2:ComFunction>"
    "<ns2:ConnectDisconnectFunction><ns2:mRID>f</ns2:mRID><ns2:rcdInfo><ns2:powerLimit>1500"
    "</ns2:powerLimit></ns2:rcdInfo></ns2:ConnectDisconnectFunction>"
    "<ns2:Meter><ns2:serialNumber>7</ns2:serialNumber><ns2:type>three-phase</ns2:type>"
    '<ns2:ComFunction ref="c"/><ns2:ConnectDisconnectFunction ref="f"/>'
    "<ns2:EndDeviceInfo><ns2:phaseCount>3</ns2:phaseCount></ns2:EndDeviceInfo><ns2:lifecycle>"
    "<ns2:manufacturedDate>2025-01-01</ns2:manufacturedDate></ns2:lifecycle>"
    "<ns2:Names><ns2:name>7</ns2:name></ns2:Names><ns2:Seals><ns2:sealNumber>s</ns2:sealNumber>"
    "<ns2:mRID>z</ns2:mRID></ns2:Seals></ns2:Meter></ns2:MeterConfig>",
)  # fmt: skip


def test_a_meter_is_registered() -> None:
    record = only(METER)
    assert isinstance(record, MeterConfig)
    (meter,) = record.meter
    assert (meter.com_function, meter.connect_disconnect_function) == (("c",), ("f",))
    assert meter.seals[0].seal_number == "s" and record.com_function[0].technology == "plc"
    limit = record.connect_disconnect_function[0].rcd_info
    assert limit is not None and limit.power_limit == Decimal(1500)


def test_what_belongs_together() -> None:
    octets = default_namespaces(
        "RequestMessage", "MasterDataLinkageConfig", "create", "",
        f'<MasterDataLinkageConfig xmlns="{ROOT}MasterDataLinkageConfig#"><ConfigurationEvent>'
        "<effectiveDateTime>2026-07-06T00:15:00Z</effectiveDateTime></ConfigurationEvent>"
        "<Meter><Names><name>7</name></Names></Meter><UsagePoint><mRID>p</mRID></UsagePoint>"
        "</MasterDataLinkageConfig>",
    )  # fmt: skip
    record = only(octets)
    assert isinstance(record, MasterDataLinkageConfig)
    assert linkage.read(record) == Linkage(
        meters=(MeterRef("7"),), usage_points=(MeterRef("p", "uuid"),), effective=AT
    )


def test_an_acknowledgement_comes_back() -> None:
    octets = (
        f'<a:ResponseMessage xmlns:a="{ROOT}schema/message"><a:Header><a:Verb>reply</a:Verb>'
        "<a:Noun>MeterReadings</a:Noun></a:Header><a:Reply><a:Result>OK</a:Result><a:Error>"
        "<a:code>0.3</a:code><a:Location><a:node>n</a:node></a:Location></a:Error>"
        "<x:more xmlns:x='urn:x'/><a:operationId>4</a:operationId></a:Reply></a:ResponseMessage>"
    )
    message = exchange.receive(xml.parse(octets.encode())).message
    assert message.kind is Kind.RESPONSE and message.reply is not None
    assert (message.reply.errors[0].code, message.reply.operation) == ("0.3", 4)


def swapped(octets: bytes, old: str, new: str) -> bytes:
    assert octets.count(old.encode()) >= 1
    return octets.replace(old.encode(), new.encode())


MALFORMED = {
    # what is wrong: the message, the code and the element named
    "an element out of order": (
        swapped(METER, "<ns2:type>three-phase</ns2:type>", "<ns2:amrSystem/>"), "1.8", "amrSystem",
    ),
    "an element of no profile": (
        swapped(READINGS, "<ns2:value>0.25</ns2:value>", "<ns2:coffee/>"), "1.8", "coffee",
    ),
    "a required element missing": (
        swapped(READINGS, '<ns2:ReadingType ref="q-hour"></ns2:ReadingType>', ""), "1.8",
        "IntervalBlocks",
    ),
    "no time": (swapped(READINGS, "2026-07-06T00:15:00Z", "noon"), "1.8", "timeStamp"),
    "no verb": (swapped(READINGS, "<ns1:Verb>created</ns1:Verb>", ""), "1.5", "Verb"),
    "no noun": (swapped(READINGS, "<ns1:Noun>MeterReadings</ns1:Noun>", ""), "1.5", "Noun"),
    "a verb of nobody": (swapped(READINGS, "created</ns1", "brew</ns1"), "2.9", "Verb"),
    "another noun's payload": (
        swapped(READINGS, f'"{ROOT}MeterReadings#"', f'"{ROOT}MeterConfig#"'), "1.8",
        "MeterReadings",
    ),
    "the edition of 2022": (
        swapped(READINGS, "2011/schema/message", "2021/schema/message"), "1.9", "None",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "element"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_messages(octets: bytes, code: str, element: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        exchange.receive(xml.parse(octets))
    assert (refused.value.errors[0].code, str(refused.value.errors[0].xpath)) == (code, element)


@pytest.mark.parametrize("name", ["BrewedMeterReadings", "GetMeterReadings", "MeterReadings",
                                  "MeterReadingsRequestMessage", "CreateMeterConfig"])  # fmt: skip
def test_no_messages_of_that_namespace(name: str) -> None:
    with pytest.raises(NotAMessage, match="MENSAJE_DESCONOCIDO"):
        exchange.receive(xml.parse(swapped(READINGS, "CreatedMeterReadings", name)))


def test_composed_classes_are_taken_in_any_order_and_written_in_ours() -> None:
    record = only(METER)
    with pytest.raises(RequestRefused):
        schema.check_strict(xml.parse(METER))
    again = exchange.event(
        "created", record, Stamp(source="HES", message_id="m", at=AT), exchange.GENERIC
    )
    schema.check_strict(envelope.write(again))
