"""Records go through XML and back, by the strict schema unless extensions are asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from protocols.cim import codec, envelope, extensions, schema, xml
from protocols.cim import namespaces as ns
from protocols.cim.envelope import Header, Kind, Message, Payload
from protocols.cim.errors import RequestRefused
from protocols.cim.record import Record
from protocols.cim.records.end_device_controls_auto import (
    EndDeviceControl,
    EndDeviceControls,
    PanDisplay,
    PanPricing,
)
from protocols.cim.records.get_meter_readings_auto import GetMeterReadings
from protocols.cim.records.meter_config_auto import MeterConfig
from protocols.cim.records.meter_readings_auto import (
    IntervalBlock,
    IntervalReading,
    Meter,
    MeterReading,
    MeterReadings,
)
from protocols.cim.records.parts_auto import (
    ConnectDisconnectFunction,
    Name,
    RemoteConnectDisconnectInfo,
)
from tests.cim.records import records

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
READING_TYPE = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"


def strictly(element: xml.Element) -> None:
    root = envelope.write(
        Message(
            kind=Kind.EVENT,
            header=Header(verb="created", noun="x"),
            payload=Payload(content=(element,)),
        )
    )
    schema.check_strict(root)


@given(data=st.data(), noun=st.sampled_from(ns.NOUNS))
def test_what_is_written_is_strictly_valid_and_read_back(data: st.DataObject, noun: str) -> None:
    record = data.draw(records(noun))
    element = xml.parse(codec.encode(record))
    strictly(element)
    assert codec.decode(xml.parse(codec.encode(record))) == record


@given(data=st.data())
@pytest.mark.parametrize(
    "noun", ["EndDeviceControls", "EndDeviceEvents", "MeterReadings", "GetMeterReadings"]
)
def test_extensions_are_written_when_asked_for(data: st.DataObject, noun: str) -> None:
    record = data.draw(records(noun, extensions=True))
    element = codec.element(record, extensions=True)
    schema.check_content(element)
    assert codec.decode(element) == record
    strictly(codec.element(record))  # without them, what is left is of the profile


def test_an_extension_is_not_of_the_profile() -> None:
    meter = MeterReadings(meter_reading=(MeterReading(meter=Meter(serial_number="7")),))
    assert b"serialNumber" not in codec.encode(meter)
    with pytest.raises(RequestRefused, match="serialNumber"):
        strictly(codec.element(meter, extensions=True))


EVIL = "a<b>&\"'\x00\x0b\ud800é\U0001f600\r\n\t]]>"


def test_text_is_escaped_and_made_legible() -> None:
    record = MeterConfig(
        connect_disconnect_function=(
            ConnectDisconnectFunction(mrid=EVIL, names=(Name(name="]]>"),)),
        )
    )
    again = codec.decode(xml.parse(codec.encode(record)))
    assert isinstance(again, MeterConfig)
    (function,) = again.connect_disconnect_function
    assert function.mrid == xml.clean(EVIL)
    assert function.names[0].name == "]]>"


NOT_WRITTEN: dict[str, Record] = {
    "a part": Name(name="x"),
    "a required reference left out": MeterReadings(
        meter_reading=(MeterReading(interval_blocks=(IntervalBlock(reading_type=None),)),)  # type: ignore[arg-type]
    ),
    "two of a choice": EndDeviceControls(
        end_device_control=(
            EndDeviceControl(
                end_device_control_type="3.8.0.214",
                pan_display=PanDisplay(),
                pan_pricing=PanPricing(),
            ),
        )
    ),
    "a part of another class": MeterReadings(meter_reading=(Meter(),)),  # type: ignore[arg-type]
    "a naive time": MeterReadings(
        meter_reading=(
            MeterReading(
                interval_blocks=(
                    IntervalBlock(
                        reading_type=READING_TYPE,
                        interval_readings=(IntervalReading(time_stamp=datetime(2026, 7, 6)),),
                    ),
                )
            ),
        )
    ),
    "no number": MeterConfig(
        connect_disconnect_function=(
            ConnectDisconnectFunction(
                rcd_info=RemoteConnectDisconnectInfo(power_limit=Decimal("NaN"))
            ),
        )
    ),
}

NOT_WRITTEN |= {
    f"a number of no end: {text}": MeterConfig(
        connect_disconnect_function=(
            ConnectDisconnectFunction(
                rcd_info=RemoteConnectDisconnectInfo(power_limit=Decimal(text))
            ),
        )
    )
    for text in ("1E999999", "1E-999999", "0E-999999", "sNaN", "-Infinity")
}


@pytest.mark.parametrize("record", NOT_WRITTEN.values(), ids=NOT_WRITTEN)
def test_what_cannot_be_written(record: Record) -> None:
    with pytest.raises(ValueError):
        codec.encode(record)


def readings(inside: str) -> xml.Element:
    return xml.parse(
        f'<r:MeterReadings xmlns:r="http://iec.ch/TC57/2011/MeterReadings#"'
        f' xmlns:v="urn:vendor">{inside}</r:MeterReadings>'.encode()
    )


def block(inside: str, attributes: str = f'ref="{READING_TYPE}"') -> str:
    return (
        f"<r:MeterReading><r:IntervalBlocks>{inside}<r:ReadingType {attributes}/>"
        f"</r:IntervalBlocks></r:MeterReading>"
    )


MALFORMED = {
    # what is inside: the code, the element at fault, the way to it
    "no time": (
        block("<r:IntervalReadings><r:timeStamp>noon</r:timeStamp></r:IntervalReadings>"),
        (
            "1.8",
            "timeStamp",
            "MeterReadings/MeterReading/IntervalBlocks/IntervalReadings/timeStamp",
        ),
    ),
    "the second of two": (
        block("")
        + block(
            2 * "<r:IntervalReadings/>" + "<r:IntervalReadings><r:timeStamp/></r:IntervalReadings>"
        ),
        ("1.8", "timeStamp", "MeterReading[2]/IntervalBlocks/IntervalReadings[3]/timeStamp"),
    ),
    "no reading type": (
        "<r:MeterReading><r:IntervalBlocks/></r:MeterReading>",
        ("5.8", "ReadingType", "MeterReading/IntervalBlocks/ReadingType"),
    ),
    "an element of no class": (
        "<r:MeterReading><r:Coffee/></r:MeterReading>",
        ("1.8", "Coffee", "MeterReading/Coffee"),
    ),
    "a single element twice": (
        "<r:MeterReading><r:Meter/><r:Meter/></r:MeterReading>",
        ("1.8", "Meter", "MeterReading/Meter[2]"),
    ),
    "no truth": (
        "<r:MeterReading><r:isCoincidentTrigger>si</r:isCoincidentTrigger></r:MeterReading>",
        ("1.8", "isCoincidentTrigger", "MeterReading/isCoincidentTrigger"),
    ),
    "no whole number": (
        "<r:ReadingType><r:cpp>1.5</r:cpp><r:Names><r:name>x</r:name></r:Names></r:ReadingType>",
        ("1.8", "cpp", "ReadingType/cpp"),
    ),
    "a number that would fill a disk": (
        block(
            "<r:PendingCalculation><r:scalarFloat>1E99999999</r:scalarFloat><r:ReadingType/>"
            "</r:PendingCalculation>"
        ),
        ("1.8", "scalarFloat", "IntervalBlocks/PendingCalculation/scalarFloat"),
    ),
    "a whole number without end": (
        block(
            f"<r:PendingCalculation><r:offset>{'9' * 5000}</r:offset><r:ReadingType/>"
            "</r:PendingCalculation>"
        ),
        ("1.8", "offset", "IntervalBlocks/PendingCalculation/offset"),
    ),
    "no float": (
        block(
            "<r:PendingCalculation><r:scalarFloat>INF</r:scalarFloat><r:ReadingType/>"
            "</r:PendingCalculation>"
        ),
        ("1.8", "scalarFloat", "IntervalBlocks/PendingCalculation/scalarFloat"),
    ),
}


@pytest.mark.parametrize(("inside", "told"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_payloads(inside: str, told: tuple[str, str, str]) -> None:
    with pytest.raises(RequestRefused) as refused:
        codec.decode(readings(inside))
    (error,) = refused.value.errors
    assert (error.code, error.xpath) == told[:2]
    assert error.details is not None and error.details.endswith(told[2])
    assert error.key


def test_elements_of_no_noun() -> None:
    for octets in (b"<x/>", b'<Coffee xmlns="http://iec.ch/TC57/2011/Coffee#"/>',
                   b'<Message xmlns="http://iec.ch/TC57/2011/Message#"/>',
                   b'<MeterReading xmlns="http://iec.ch/TC57/2011/MeterReadings#"/>'):  # fmt: skip
        for take in (codec.decode, schema.check_content):
            with pytest.raises(RequestRefused) as refused:
                take(xml.parse(octets))
            assert refused.value.errors[0].code == "2.5"


@given(data=st.data())
def test_damaged_payloads_raise_nothing_else(data: st.DataObject) -> None:
    octets = bytearray(codec.encode(data.draw(records("MeterReadings"))))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        codec.decode(xml.parse(bytes(octets)))
    except (xml.NotAMessage, RequestRefused):
        pass


SPELLINGS = {
    # facts/cim-envelope: other hosts and years, and a payload's namespace without its sign
    "ours": "http://iec.ch/TC57/2011/GetMeterReadings#",
    "with www": "http://www.iec.ch/TC57/2011/GetMeterReadings#",
    "of 2010": "http://iec.ch/TC57/2010/GetMeterReadings#",
    "of 2008, with www": "http://www.iec.ch/TC57/2008/GetMeterReadings#",
    "of 2017": "http://iec.ch/TC57/2017/GetMeterReadings#",
    "without #": "http://iec.ch/TC57/2011/GetMeterReadings",
}


@pytest.mark.parametrize("namespace", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("prefix", ["", "ns1", "GetMeterReadings"])
def test_prefixes_and_namespaces(namespace: str, prefix: str) -> None:
    declared, at = (f':{prefix}="', f"{prefix}:") if prefix else ('="', "")
    octets = (
        f'<{at}GetMeterReadings xmlns{declared}{namespace}"><{at}EndDevice><{at}Names>'
        f"<{at}name>90000001</{at}name></{at}Names></{at}EndDevice></{at}GetMeterReadings>"
    )
    root = xml.parse(octets.encode())
    schema.check_content(root)
    asked = codec.decode(root)
    assert isinstance(asked, GetMeterReadings)
    assert asked.end_device[0].names[0].name == "90000001"


REFERENCES = {
    "by attribute": ('<c:EndDeviceControlType ref="3.8.0.214"/>', "3.8.0.214"),
    "as text": ("<c:EndDeviceControlType> 3.8.0.214 </c:EndDeviceControlType>", "3.8.0.214"),
    "by parts": (
        (
            "<c:EndDeviceControlType><c:domain>8</c:domain><c:eventOrAction>214</c:eventOrAction>"
            "<c:subDomain>0</c:subDomain><c:type>3</c:type></c:EndDeviceControlType>"
        ),
        "3.8.0.214",
    ),
    "by words": (
        (
            "<c:EndDeviceControlType><c:domain>demand</c:domain>"
            "<c:eventOrAction>reset</c:eventOrAction></c:EndDeviceControlType>"
        ),
        "3.8.0.214",
    ),
    "by name": (
        (
            "<c:EndDeviceControlType><c:Names><c:name>poner a cero</c:name></c:Names>"
            "</c:EndDeviceControlType>"
        ),
        "poner a cero",
    ),
    "not at all": ("<c:EndDeviceControlType/>", ""),
}


@pytest.mark.parametrize(("text", "code"), REFERENCES.values(), ids=REFERENCES)
def test_references(text: str, code: str) -> None:
    root = xml.parse(
        '<c:EndDeviceControls xmlns:c="http://iec.ch/TC57/2011/EndDeviceControls#">'
        f"<c:EndDeviceControl>{text}</c:EndDeviceControl></c:EndDeviceControls>".encode()
    )
    schema.check_content(root)
    controls = codec.decode(root)
    assert isinstance(controls, EndDeviceControls)
    assert controls.end_device_control[0].end_device_control_type == code


def test_a_vendors_own_elements_are_set_aside_and_named() -> None:
    inside = (
        '<v:Batch v:n="1"/>'
        + block("<v:Checksum>77</v:Checksum>", f'ref="{READING_TYPE}" v:x="1"')
        + "<v:After/>"
    )
    payload = etree.tostring(readings(inside)).decode()
    message = xml.parse(
        '<m:EventMessage xmlns:m="http://iec.ch/TC57/2011/schema/message"><m:Header>'
        "<m:Verb>created</m:Verb><m:Noun>MeterReadings</m:Noun></m:Header>"
        f"<m:Payload>{payload}</m:Payload></m:EventMessage>".encode()
    )
    with pytest.raises(RequestRefused):
        schema.check(message)
    found = extensions.set_aside(message)
    assert [name.partition("}")[2] for name in found] == ["Batch", "Checksum", "After", "x"]
    schema.check(message)
    taken = envelope.read(message).payload
    assert taken is not None
    (content,) = taken.content
    assert codec.decode(content) == MeterReadings(
        meter_reading=(MeterReading(interval_blocks=(IntervalBlock(reading_type=READING_TYPE),)),)
    )
    assert extensions.set_aside(message) == ()
