"""GetEndDeviceEvents, both styles: by meter, type and time, in pages."""

from __future__ import annotations

from typing import Any

import pytest

from headend.domain.event import Event, Severity, Source
from headend.domain.event_table import EVENTS
from headend.soap.reading.events_told import code_of, names_of, record
from protocols.cim import codec, exchange, schema
from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Property
from protocols.cim.exchange import Style
from protocols.cim.get import next_page
from protocols.cim.records import get_end_device_events_auto as g
from protocols.cim.records.end_device_events_auto import EndDeviceEvents
from tests.databases import on_one
from tests.soap.reading.house import BEGIN, END, House, house, quarter
from tests.soap.reading.test_readings import named, told

TYPED = Style(typed=True)
KEPT = (
    # device, event, quarter of the day
    ("M1", "power-down", 1), ("M2", "power-down", 1), ("M1", "power-up", 2),
    ("M2", "battery-voltage-low", 4), ("M1", "terminal-cover-removed", 4), ("M3", "power-down", 8),
)  # fmt: skip


def event(device: str, name: str, number: int) -> Event:
    at = quarter(number)
    return Event(
        device, name, Severity.MAJOR, at, at, (Source.LOG, Source.PUSH), 1, "transformer T1"
    )


async def filled() -> House:
    made = await house()
    await made.store.run(lambda tx: [tx.add_event(event(*each)) for each in KEPT])
    return made


def question(*meters: str, types: tuple[str, ...] = (), **more: Any) -> g.GetEndDeviceEvents:
    return g.GetEndDeviceEvents(
        end_device=tuple(g.EndDevice(names=named(meter)) for meter in meters),
        end_device_event_type=tuple(g.EndDeviceEventType(names=named(code)) for code in types),
        **more,
    )


def found(*messages: Message) -> list[tuple[str, str]]:
    events: list[tuple[str, str]] = []
    for message in messages:
        for content in exchange.content(message):
            assert isinstance(content, EndDeviceEvents)
            for each in content.end_device_event:
                assert each.assets is not None
                events.append((each.assets.names[0].name, each.end_device_event_type))
    return events


DOWN, UP, BATTERY = "3.26.0.47", "3.26.0.216", "3.2.22.150"
COVER = "terminal-cover-removed"
ALL = [("M1", DOWN), ("M2", DOWN), ("M1", UP), ("M2", BATTERY), ("M1", COVER), ("M3", DOWN)]
GROUP = g.EndDeviceGroup(names=named("T1"))
ASKED = {
    "all": (question(), {}, ALL),
    "of a meter": (question("M2"), {}, [ALL[1], ALL[3]]),
    "of several": (question("M3", "M2"), {}, [ALL[1], ALL[3], ALL[5]]),
    "of a type": (question(types=(DOWN,)), {}, [ALL[0], ALL[1], ALL[5]]),
    "of a word": (question(types=(COVER, UP)), {}, [ALL[2], ALL[4]]),
    "a span: after its start, up to and with its end": (
        question(), {"start_time": quarter(1), "end_time": quarter(4)}, ALL[2:5],
    ),
    "at a usage point": (question(usage_point=(g.UsagePoint(names=named("S2")),)), {},
                         [ALL[1], ALL[3]]),
    "below a transformer": (
        question(end_device_group=(g.EndDeviceGroup(names=named("T1")),)), {}, ALL[:5],
    ),
    "nothing": (question("M3", types=(UP,)), {}, []),
}  # fmt: skip


@on_one
@pytest.mark.parametrize("case", ASKED.values(), ids=ASKED)
async def test_what_is_asked_for(case: Any) -> None:
    asked, request, expected = case
    at = await filled()
    answer = await at.ask(asked, TYPED, **request)
    assert told(answer) == (Result.OK, [("0.0", "", None)])
    assert found(answer) == expected


WRONG = {
    "an unknown meter among known ones": (
        question("M2", "M0"), {},
        (Result.PARTIAL, [("0.2", "", None), ("2.4", "MEDIDOR_DESCONOCIDO", "M0")]),
    ),
    "unknown meters alone": (
        question("M0"), {}, (Result.FAILED, [("2.4", "MEDIDOR_DESCONOCIDO", "M0")]),
    ),
    "an unknown type among known ones": (
        question(types=(DOWN, "3.1.1.1")), {},
        (Result.PARTIAL, [("0.2", "", None), ("2.10", "TIPO_DE_EVENTO_DESCONOCIDO", None)]),
    ),
    "an unknown type": (
        question(types=("coffee",)), {},
        (Result.FAILED, [("2.10", "TIPO_DE_EVENTO_DESCONOCIDO", None)]),
    ),
    "a span that ends before it begins": (
        question(), {"start_time": END, "end_time": BEGIN},
        (Result.FAILED, [("1.8", "PERIODO_INVALIDO", None)]),
    ),
    "another compression": (
        question(), {"options": (Property("compresion", "lzma"),)},
        (Result.FAILED, [("1.8", "COMPRESION_NO_ADMITIDA", None)]),
    ),
}  # fmt: skip


@on_one
@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
async def test_what_is_wrong(case: Any) -> None:
    asked, request, said = case
    at = await filled()
    assert told(await at.ask(asked, **request)) == said


@pytest.mark.parametrize("room", [1, 5, 6])
async def test_pages(room: int) -> None:
    at = await filled()
    at.events.events_max = room
    pages = [await at.ask(question())]
    while (page := next_page(pages[-1])) is not None:
        pages.append(await at.ask(question(), ids=(page,)))
    assert found(*pages) == ALL
    assert len(pages) == -(-len(ALL) // room)
    below = question("M1", types=(DOWN, COVER), end_device_group=(GROUP,))
    request = {"start_time": quarter(0), "end_time": quarter(4)}
    at.events.events_max = 10
    assert found(await at.ask(below, **request)) == [ALL[0], ALL[1], ALL[4]]


@on_one
def test_every_event_has_a_type_that_the_message_explains() -> None:
    events = [event("M1", each.name, 1) for each in EVENTS.values()] + [event("M1", "code-200", 1)]
    content = record(events)
    element = codec.element(content)
    schema.check_content(element)
    own = {each.mrid for each in content.end_device_event_type}
    for each in content.end_device_event:
        ref = each.end_device_event_type
        assert (ref.count(".") == 3) != (ref in own)
    for each in events:
        names, unknown = names_of([code_of(each)])
        assert each.name in names and not unknown
