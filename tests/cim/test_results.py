"""A result on the queue becomes XML that our schema accepts and a reader understands."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from lxml import etree

from protocols.cim import end_device_controls, end_device_events, envelope, schema
from protocols.cim.results import message_of
from protocols.commercial.messages import (
    DemandGiven,
    EvidenceGiven,
    ReasonGiven,
    ResultMessage,
    ValueGiven,
)

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
DONE = ResultMessage(
    message_id="5d1f7b3a-7f0f-4a53-9f1f-4f5a4f5a4f5a",
    kind="reply",
    at=AT,
    order=7,
    transaction_id="9e1f7b3a-7f0f-4a53-9f1f-4f5a4f5a4f5a",
    source="COMERCIAL",
    meter="90000001",
    action="set-limit",
    ok=True,
    state="done",
    correlation_id="1c1f7b3a-7f0f-4a53-9f1f-4f5a4f5a4f5a",
    amount="3300",
    unit="W",
    value=ValueGiven(limit="3.3E+3", limit_active="3300", unit="W"),
)
FAILED = msgspec.structs.replace(
    DONE,
    ok=False,
    state="failed",
    value=None,
    reason=ReasonGiven("modem-fault", "5.3", "-", "FALLA_MODEM: falla del módem.", True),
    evidence=(EvidenceGiven("carrier-portal", AT, "not attached since 13:40"),),
)


RESET = msgspec.structs.replace(
    DONE, action="reset-demand", amount=None, unit=None,
    value=ValueGiven(demand=DemandGiven(8, "2026-07-06T10:00:30-04:00", 13, "0", "W", "")),
)  # fmt: skip
LOAD_OFF = msgspec.structs.replace(
    DONE, action="load-off", amount=None, unit=None, value=ValueGiven(load_on=False)
)
LOAD_ON = msgspec.structs.replace(LOAD_OFF, action="load-on", value=ValueGiven(load_on=True))
RESULTS = {
    "done": DONE, "failed": FAILED, "reset": RESET, "load off": LOAD_OFF, "load on": LOAD_ON,
    "reset failed": msgspec.structs.replace(FAILED, action="reset-demand"),
    "load failed": msgspec.structs.replace(FAILED, action="load-on"),
}  # fmt: skip
EVENTS = {
    "done": ("3.31.139.24", {"powerLimit.readBack": "3300", "powerLimit.unit": "W"}),
    "failed": ("3.31.139.85", {}),
    "reset": (
        "3.8.0.214",
        {
            "billing.period": "8", "billing.periodEnd": "2026-07-06T10:00:30-04:00",
            "billing.rows": "13", "demand.maximum": "0", "demand.maximum.unit": "W",
        },
    ),
    "load off": ("3.15.0.68", {"load.controlState": "disconnected"}),
    "load on": ("3.15.0.42", {"load.controlState": "connected"}),
    "reset failed": ("3.8.0.85", {}),
    "load failed": ("3.15.0.67", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_each_result_has_its_event(name: str) -> None:
    message = message_of(msgspec.structs.replace(RESULTS[name], kind="event"), sender="AMI")
    assert message.payload is not None
    (event,) = end_device_events.read(message.payload.content[0])
    details = {each.name: each.value for each in event.details}
    assert (details.pop("order"), details.pop("transaction")) == ("7", DONE.transaction_id)
    assert (event.type, details) == EVENTS[name]


@pytest.mark.parametrize("generic", [False, True])
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("noun", ["EndDeviceControls", "MeterConfig"])
@pytest.mark.parametrize("kind", ["reply", "event"])
def test_every_result_is_valid(result: ResultMessage, generic: bool, noun: str, kind: str) -> None:
    told = msgspec.structs.replace(result, generic=generic, noun=noun, kind=kind)
    element = envelope.write(message_of(told, sender="AMI"))
    parsed = etree.fromstring(etree.tostring(element))
    schema.check(parsed)


def test_success_carries_the_value_read() -> None:
    message = message_of(DONE, sender="AMI")
    assert message.payload is not None
    (control,) = end_device_controls.read(message.payload.content[0])
    assert control.attribute("powerLimit.readBack") == "3300"
    assert control.attribute("powerLimit.unit") == "W"
    assert message.header is not None
    assert message.header.correlation_id == DONE.correlation_id


def test_failure_lists_its_evidence_and_recommends_a_crew() -> None:
    message = message_of(FAILED, sender="AMI")
    assert message.reply is not None
    keys = [error.key for error in message.reply.errors]
    assert keys == ["FALLA_MODEM", "EVIDENCIA", "ENVIAR_CUADRILLA"]
    assert message.reply.errors[0].id is not None
    assert message.reply.errors[0].id.value == "90000001"


def test_the_event_repeats_the_value_read() -> None:
    message = message_of(msgspec.structs.replace(DONE, kind="event"), sender="AMI")
    assert message.payload is not None
    (event,) = end_device_events.read(message.payload.content[0])
    assert event.type == "3.31.139.24"
    assert {detail.name: detail.value for detail in event.details}["powerLimit.readBack"] == "3300"


def test_a_connected_supply_is_told_in_words() -> None:
    told = msgspec.structs.replace(
        DONE, action="connect", amount=None, value=ValueGiven(supply_on=False, control_state=2)
    )
    message = message_of(told, sender="AMI")
    assert message.payload is not None
    (control,) = end_device_controls.read(message.payload.content[0])
    assert control.attribute("supply.controlState") == "readyForReconnection"
