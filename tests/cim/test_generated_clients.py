"""What a client makes from our WSDLs, without a word from us, is valid here and read as meant.

zeep builds the messages from the files alone and reads our answers by them; nothing goes over a
network.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from protocols.cim import device_controls, envelope, exchange, meter_readings, questions, xml
from protocols.cim import schema as ours
from protocols.cim.codes import Result
from protocols.cim.device_controls import Asked
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.meter_readings import Series, Value
from protocols.cim.questions import ReadingQuestion
from protocols.cim.records.end_device_controls_auto import EndDeviceControls
from protocols.cim.records.usage_point_config_auto import UsagePointConfig
from protocols.cim.replies import Stamp

FOLDER = Path(ours.__file__).parent / "wsdl"
AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
IMPORT = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
STAMP = Stamp(source="HES", message_id="m-2", at=AT, correlation_id="c-1")


def client(name: str) -> Any:
    return zeep.Client(str(FOLDER / f"{name}.wsdl"))


def body(made: Any, operation: str, **parts: Any) -> etree._Element:
    envelope_ = made.create_message(made.service, operation, **parts)
    return xml.parse(etree.tostring(envelope_[0][0]))


def head(verb: str, noun: str) -> dict[str, str]:
    return {"Verb": verb, "Noun": noun, "CorrelationID": "c-1", "MessageID": "m-1"}


def read_by(made: Any, operation: str, answer: Any) -> Any:
    """Our message, as the client's own reader sees it."""
    soap = etree.Element("{http://schemas.xmlsoap.org/soap/envelope/}Envelope")
    etree.SubElement(soap, "{http://schemas.xmlsoap.org/soap/envelope/}Body").append(
        etree.fromstring(xml.serialize(envelope.write(answer)))
    )
    return made.service._binding.get(operation).process_reply(soap)


@pytest.fixture(scope="module")
def asking() -> Any:
    return client("GetMeterReadings")


def test_readings_are_asked_for_and_read(asking: Any) -> None:
    made = body(
        asking, "GetMeterReadings", Header=head("get", "MeterReadings"),
        Request={
            "StartTime": AT,
            "GetMeterReadings": {
                "EndDevice": [{"Names": [{"name": "7"}]}],
                "ReadingType": [{"Names": [{"name": IMPORT}]}],
            },
        },
    )  # fmt: skip
    question = exchange.receive(made).message
    asked = questions.read(question)
    assert isinstance(asked, ReadingQuestion)
    assert (asked.meters, asked.start) == ((MeterRef("7"),), AT)
    record = meter_readings.write(
        [Series(reading_type=IMPORT, meter=MeterRef("7"), values=(Value(at=AT, value="0.5"),))]
    )
    told = read_by(asking, "GetMeterReadings", exchange.answer(question, STAMP, Result.OK,
                                                               record=record))  # fmt: skip
    assert told.Reply.Result == "OK"
    (reading,) = told.Payload.MeterReadings.MeterReading
    assert reading.Meter.Names[0].name == "7"
    (block,) = reading.IntervalBlocks
    assert (block.ReadingType.ref, block.IntervalReadings[0].value) == (IMPORT, "0.5")
    assert block.IntervalReadings[0].timeStamp == AT


def test_a_load_is_controlled() -> None:
    made = body(
        client("ExecuteEndDeviceControls"), "CreateEndDeviceControls",
        Header=head("create", "EndDeviceControls"),
        Payload={"EndDeviceControls": [{"EndDeviceControl": [{
            "PanDemandResponse": {"dutyCycle": 50},
            "EndDeviceControlType": {"ref": "3.15.0.13"},
            "EndDevices": [{"mRID": "u"}],
        }]}]},
    )  # fmt: skip
    (record,) = exchange.content(exchange.receive(made).message)
    assert isinstance(record, EndDeviceControls)
    (control,) = device_controls.read(record)
    assert control.asked is Asked.LOAD_CONTROL and control.meters == (MeterRef("u", "uuid"),)


def test_a_usage_point_is_registered() -> None:
    made = body(
        client("ExecuteUsagePointConfig"), "CreateUsagePointConfig",
        Header=head("create", "UsagePointConfig"),
        Payload={"UsagePointConfig": [{"UsagePoint": [{
            "mRID": "p", "phaseCode": "ABCN", "ratedPower": 4400,
            "UsagePointLocation": {"mainAddress": {"streetDetail": {"name": "Calle 1"}}},
        }]}]},
    )  # fmt: skip
    (record,) = exchange.content(exchange.receive(made).message)
    assert isinstance(record, UsagePointConfig)
    (point,) = record.usage_point
    where = point.usage_point_location
    assert point.phase_code == "ABCN" and where is not None and where.main_address is not None
    assert where.main_address.street_detail is not None
    assert where.main_address.street_detail.name == "Calle 1"
