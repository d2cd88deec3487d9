"""Readings as series and back, in pages, and what questions for them mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cim import codec, envelope, exchange, meter_readings, questions, schema, xml
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.envelope import Request
from protocols.cim.errors import RequestRefused
from protocols.cim.exchange import Style
from protocols.cim.meter_readings import Series, Value
from protocols.cim.questions import EventQuestion, Question, ReadingQuestion
from protocols.cim.reading_type_table import QUANTITIES
from protocols.cim.record import Record
from protocols.cim.records import get_end_device_events_auto as e
from protocols.cim.records import get_meter_readings_auto as g
from protocols.cim.records.get_meter_config_auto import GetMeterConfig
from protocols.cim.records.get_meter_config_auto import Meter as AskedMeter
from protocols.cim.records.meter_readings_auto import MeterReadings
from protocols.cim.records.parts_auto import DateTimeInterval, EndDeviceGroup, Name, TimeSchedule
from protocols.cim.replies import Stamp
from tests.cim.records import times, words

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
STAMP = Stamp(source="CIS", message_id="m-1", at=AT, correlation_id="c-1")
IMPORT = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
REGISTER = "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
OTHER_VOLTAGE_A = "0.2.2.12.0.1.158.0.0.0.0.0.0.0.128.0.29.0"
VOLTAGE_A = "0.2.2.6.0.1.54.0.0.0.0.0.0.0.128.0.29.0"

refs = st.builds(MeterRef, words, st.sampled_from(["name", "uuid"]))
values = st.builds(
    Value,
    at=times,
    value=st.none() | st.decimals(-1000, 1000, places=3).map(str),
    qualities=st.lists(st.sampled_from(["1.0.0", "3.8.0"]), max_size=2).map(tuple),
)
series = st.builds(
    Series,
    reading_type=st.sampled_from(sorted(QUANTITIES)),
    values=st.lists(values, min_size=1, max_size=5).map(tuple),
    meter=refs,
    usage_point=st.none() | refs,
)
some = st.lists(
    series, max_size=4, unique_by=lambda one: (one.meter, one.usage_point, one.reading_type)
)


@given(items=some)
def test_series_come_back(items: list[Series]) -> None:
    element = xml.parse(codec.encode(meter_readings.write(items)))
    schema.check_content(element)
    record = codec.decode(element)
    assert isinstance(record, MeterReadings)
    assert set(meter_readings.read(record)) == set(items)


@given(items=some, room=st.integers(1, 7))
def test_pages_hold_everything_once(items: list[Series], room: int) -> None:
    found: dict[Any, tuple[Value, ...]] = {}
    pages = [*meter_readings.pages(items, room)]
    for number, page in enumerate(pages, 1):
        count = 0
        for one in meter_readings.read(page):
            key = (one.meter, one.usage_point, one.reading_type)
            found[key] = found.get(key, ()) + one.values
            count += len(one.values)
        assert count == room or (number == len(pages) and 0 < count <= room)
    assert found == {(s.meter, s.usage_point, s.reading_type): s.values for s in items}


def test_one_meters_series_are_one_meter_reading() -> None:
    one = Series(reading_type=IMPORT, values=(Value(at=AT, value="1"),), meter=MeterRef("7"))
    record = meter_readings.write(
        [one, replace(one, reading_type=REGISTER), replace(one, meter=MeterRef("8"))]
    )
    first, second = record.meter_reading
    assert [block.reading_type for block in first.interval_blocks] == [IMPORT]
    assert [reading.reading_type for reading in first.readings] == [REGISTER]
    assert second.meter is not None and second.meter.names[0].name == "8"


def test_what_is_no_series() -> None:
    for wrong in (
        Series(reading_type="kWh", values=(), meter=MeterRef("7")),
        Series(reading_type=IMPORT, values=()),
    ):
        with pytest.raises(ValueError):
            meter_readings.write([wrong])
    with pytest.raises(ValueError):
        next(meter_readings.pages([], 0))


def readings(inside: str) -> MeterReadings:
    root = xml.parse(
        '<r:MeterReadings xmlns:r="http://iec.ch/TC57/2011/MeterReadings#">'
        f"{inside}</r:MeterReadings>".encode()
    )
    schema.check_content(root)
    record = codec.decode(root)
    assert isinstance(record, MeterReadings)
    return record


def reading(inside: str, whose: str = "<r:Meter><r:mRID>m</r:mRID></r:Meter>") -> str:
    return f"<r:MeterReading>{whose}<r:Readings>{inside}</r:Readings></r:MeterReading>"


BY_REGISTER = f'<r:ReadingType ref="{REGISTER}"/>'


def test_what_others_write() -> None:
    # A period's end instead of a time, a type by the name of one in the message, an offset.
    record = readings(
        reading(
            "<r:value>5</r:value>"
            "<r:ReadingType ref='total'/><r:timePeriod><r:end>2026-07-06T10:00:00-04:00</r:end>"
            "</r:timePeriod>"
        )
        + f"<r:ReadingType><r:Names><r:name>total</r:name></r:Names><r:Names><r:name>{REGISTER}"
        "</r:name></r:Names></r:ReadingType>"
    )
    assert meter_readings.read(record) == (
        Series(
            reading_type=REGISTER,
            values=(Value(at=AT, value="5"),),
            meter=MeterRef("m", "uuid"),
        ),
    )


WRONG = {
    "of nobody": (reading(BY_REGISTER, "<r:Meter/>"), ("2.4", "Meter")),
    "of no type": (
        reading("<r:timeStamp>2026-07-06T14:00:00Z</r:timeStamp><r:ReadingType ref='kWh'/>"),
        ("2.6", "ReadingType"),
    ),
    "without time": (reading(BY_REGISTER), ("5.8", "timeStamp")),
    "without zone": (
        reading(f"<r:timeStamp>2026-07-06T14:00:00</r:timeStamp>{BY_REGISTER}"),
        ("1.8", "timeStamp"),
    ),
}


@pytest.mark.parametrize(("inside", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_readings(inside: str, told: tuple[str, str]) -> None:
    with pytest.raises(RequestRefused) as refused:
        meter_readings.read(readings(inside))
    (error,) = refused.value.errors
    assert (error.code, error.xpath) == told and "MeterReading[1]" in str(error.details)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(RequestRefused) as refused:
        meter_readings.read(readings("".join(inside for inside, _ in WRONG.values())))
    assert [error.code for error in refused.value.errors] == ["2.4", "2.6", "5.8", "1.8"]


# Questions


def device(*names: str, **more: Any) -> g.EndDevice:
    return g.EndDevice(names=tuple(Name(name=name) for name in names), **more)


def kind(code: str) -> g.ReadingType:
    return g.ReadingType(names=(Name(name=code),))


def ask(record: Record, request: Request | None = None) -> Question:
    sent = exchange.question(record, STAMP, Style(extensions=True), asked=request)
    got = exchange.receive(xml.parse(xml.serialize(envelope.write(sent)))).message
    return questions.read(got)


SPAN = DateTimeInterval(start=AT, end=AT + timedelta(days=1))
DAY = Request(start_time=SPAN.start, end_time=SPAN.end)


def test_a_question_for_readings() -> None:
    asked = ask(
        g.GetMeterReadings(
            end_device=(device("7", "8"), device(mrid="u-1"), device(serial_number="S"),
                        device("7")),
            reading=(g.Reading(reason="billing"),),
            reading_type=(kind(IMPORT), g.ReadingType(mrid=OTHER_VOLTAGE_A),
                          kind(VOLTAGE_A)),
            usage_point=(g.UsagePoint(names=(Name(name="P-1"),)),),
        ),
        DAY,
    )  # fmt: skip
    assert isinstance(asked, ReadingQuestion)
    assert asked.meters == (
        MeterRef("7"), MeterRef("8"), MeterRef("u-1", "uuid"), MeterRef("S")
    )  # fmt: skip
    assert asked.usage_points == (MeterRef("P-1"),)
    assert [known.code for known in asked.quantities] == [IMPORT, VOLTAGE_A]
    assert asked.asked[1].startswith("0.2.2.12.0.1.158")
    assert (asked.start, asked.end, asked.reason) == (SPAN.start, SPAN.end, "billing")
    assert (asked.noun, asked.of_all) == ("MeterReadings", False)


TIMED = {
    "in the request": (g.GetMeterReadings(), DAY),
    "in a schedule": (
        g.GetMeterReadings(time_schedule=(TimeSchedule(schedule_interval=SPAN),)), None,
    ),
    "in a reading": (g.GetMeterReadings(reading=(g.Reading(time_period=SPAN),)), None),
    "everywhere, alike": (
        g.GetMeterReadings(
            time_schedule=(TimeSchedule(schedule_interval=SPAN),),
            reading=(g.Reading(time_period=SPAN),),
        ),
        DAY,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("record", "request_"), TIMED.values(), ids=TIMED)
def test_where_a_span_stands(record: Record, request_: Request | None) -> None:
    asked = ask(record, request_)
    assert (asked.start, asked.end) == (SPAN.start, SPAN.end)
    assert asked.of_all


REFUSED = {
    "a type that is none": (
        g.GetMeterReadings(reading_type=(kind("kWh"),)), None, [("2.6", "ReadingType")],
    ),
    "a type without a word": (
        g.GetMeterReadings(reading_type=(g.ReadingType(),)), None, [("2.6", "ReadingType")],
    ),
    "a type of gas": (
        g.GetMeterReadings(reading_type=(kind("0.0.2.4.1.7.58.0.0.0.0.0.0.0.0.0.42.0"),)), None,
        [("2.10", "ReadingType")],
    ),
    "a device without name": (
        g.GetMeterReadings(end_device=(g.EndDevice(),)), None, [("5.8", "EndDevice")],
    ),
    "groups": (
        g.GetMeterReadings(end_device_group=(EndDeviceGroup(mrid="g"),)), None,
        [("1.8", "EndDeviceGroup")],
    ),
    "two spans": (
        g.GetMeterReadings(reading=(g.Reading(time_period=DateTimeInterval(end=AT)),)), DAY,
        [("1.8", "timePeriod")],
    ),
    "a span that ends before it begins": (
        g.GetMeterReadings(), Request(start_time=SPAN.end, end_time=SPAN.start),
        [("1.8", "StartTime")],
    ),
    "several at once": (
        g.GetMeterReadings(
            end_device=(g.EndDevice(),), end_device_group=(EndDeviceGroup(),),
            reading_type=(kind("x"), kind("y")),
        ),
        Request(start_time=AT, end_time=AT),
        [("1.8", "EndDeviceGroup"), ("5.8", "EndDevice"), ("1.8", "StartTime"),
         ("2.6", "ReadingType"), ("2.6", "ReadingType")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("record", "request_", "told"), REFUSED.values(), ids=REFUSED)
def test_questions_that_are_refused(
    record: Record, request_: Request | None, told: list[tuple[str, str]]
) -> None:
    with pytest.raises(RequestRefused) as refused:
        ask(record, request_)
    assert [(error.code, error.xpath) for error in refused.value.errors] == told
    assert all(error.key for error in refused.value.errors)


def test_a_time_without_zone_is_refused() -> None:
    sent = exchange.question(g.GetMeterReadings(), STAMP)
    assert sent.request is not None
    naive = replace(sent, request=replace(sent.request, start_time=datetime(2026, 7, 6)))
    with pytest.raises(RequestRefused, match="FECHA_SIN_ZONA"):
        questions.read(naive)


def test_too_many_meters() -> None:
    many = tuple(device(str(n)) for n in range(questions.NAMED_MAX + 1))
    with pytest.raises(RequestRefused) as refused:
        ask(g.GetMeterReadings(end_device=many))
    assert refused.value.errors[0].code == "3.1"


def test_questions_for_events_and_configuration() -> None:
    events = ask(
        e.GetEndDeviceEvents(
            meter=(e.Meter(names=(Name(name="7"),)),),
            end_device=(e.EndDevice(mrid="u"),),
            end_device_event_type=(e.EndDeviceEventType(mrid="3.26.0.47"),
                                   e.EndDeviceEventType(names=(Name(name="3.26.0.216"),))),
            time_schedule=(TimeSchedule(schedule_interval=SPAN),),
        )
    )  # fmt: skip
    assert events == EventQuestion(
        noun="EndDeviceEvents", meters=(MeterRef("u", "uuid"), MeterRef("7")),
        types=("3.26.0.47", "3.26.0.216"), start=SPAN.start, end=SPAN.end,
    )  # fmt: skip
    config = ask(GetMeterConfig(meter=(AskedMeter(names=(Name(name="7"),)),)))
    assert config == Question(noun="MeterConfig", meters=(MeterRef("7"),))
