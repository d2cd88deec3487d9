"""Messages that cancel or change orders sent before."""

from __future__ import annotations

from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import attribute, control, devices
from tests.soap.counter import ids


def cancelling(
    verb: str = "cancel",
    request: str = "",
    source: str = "COMERCIAL",
    message_id: str = "the-cancel",
    payload: str | None = "",
) -> bytes:
    return a.typed(
        name=f"{verb.capitalize()}EndDeviceControls",
        head=a.header(verb, source=f"<m:Source>{source}</m:Source>", ids=ids(message_id)),
        request=request,
        payload=payload,
    )


def controls_for(*meters: str) -> str:
    one = control(addressed=devices(*meters))
    return f"<Payload><c:EndDeviceControls>{one}</c:EndDeviceControls></Payload>"


def changing(
    *controls: str,
    correlation: str = a.CORRELATION_ID,
    message_id: str = "the-change",
    request: str = "",
) -> bytes:
    return a.typed(
        *controls,
        name="ChangeEndDeviceControls",
        head=a.header("change", ids=ids(message_id, correlation)),
        request=request,
    )


def to_2_kw(*meters: str) -> bytes:
    return changing(control(attributes=attribute("powerLimit", "2000"), addressed=devices(*meters)))
