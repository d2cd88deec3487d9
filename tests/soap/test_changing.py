"""Orders whose amount is changed while they wait."""

from __future__ import annotations

from decimal import Decimal

import pytest

from headend.domain.order import State
from protocols.cim.codes import Result
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import attribute, control, devices
from tests.soap.counter import CONNECT, counter, errors, ids, told
from tests.soap.second_thoughts import cancelling, changing, to_2_kw


async def test_change_the_amount_of_what_waits() -> None:
    at = await counter()
    await at.post(a.typed())
    answer = await at.post(changing(control(attributes=attribute("powerLimit", "2000"))))
    assert told(answer) == (Result.OK, ["0.0"])
    (order,) = await at.orders()
    assert (order.amount, order.unit, order.state) == (Decimal(2000), "W", State.QUEUED)


CHANGED = {
    # message: (result, codes, meters named in errors, amounts of 90000001 and 90000002)
    "the first": (to_2_kw("90000001"), Result.OK, ["0.0"], [], (2000, 1500)),
    "the second": (to_2_kw("90000002"), Result.OK, ["0.0"], [], (1500, 2000)),
    "both": (to_2_kw("90000002", "90000001"), Result.OK, ["0.0"], [], (2000, 2000)),
    "a stranger": (to_2_kw("90000099"), Result.FAILED, ["2.4"], ["90000099"], (1500, 1500)),
    "a meter of another correlation": (
        to_2_kw("90000004"), Result.FAILED, ["2.4"], ["90000004"], (1500, 1500),
    ),
    "one and a stranger": (
        to_2_kw("90000099", "90000001"), Result.PARTIAL, ["0.2", "2.4"], ["90000099"],
        (2000, 1500),
    ),
    "more than one's contract": (
        changing(control(attributes=attribute("powerLimit", "5001"),
                         addressed=devices("90000001", "90000002"))),
        Result.PARTIAL, ["0.2", "5.8"], ["90000001"], (1500, 5001),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "result", "codes", "named", "amounts"), CHANGED.values(), ids=CHANGED
)
async def test_change_goes_for_the_meters_in_its_payload(
    octets: bytes, result: Result, codes: list[str], named: list[str], amounts: tuple[int, int]
) -> None:
    at = await counter()
    await at.post(a.typed(control(addressed=devices("90000001", "90000002"))))
    elsewhere = a.header(ids=ids("elsewhere", "another"))
    await at.post(a.typed(control(addressed=devices("90000004")), head=elsewhere))
    answer = await at.post(octets)
    assert told(answer) == (result, codes)
    assert [error.id.value for error in errors(answer) if error.id] == named
    first, second, _ = await at.orders()
    assert (first.amount, second.amount) == amounts


async def test_change_passes_over_what_has_ended_where_another_waits() -> None:
    at = await counter()
    await at.post(a.typed())
    assert told(await at.post(cancelling())) == (Result.OK, ["0.0"])
    late = await at.post(to_2_kw("90000001"))
    assert (told(late), errors(late)[0].key) == ((Result.FAILED, ["5.2"]), "DEMASIADO_TARDE")
    await at.post(a.typed(head=a.header(ids=ids("second"))))
    octets = to_2_kw("90000001").replace(b"the-change", b"another")
    assert told(await at.post(octets)) == (Result.OK, ["0.0"])
    assert [order.amount for order in await at.orders()] == [1500, 2000]


UNCHANGED = {
    "another end": (
        changing(control(timing="<c:primaryDeviceTiming><c:interval>"
                         "<c:end>2026-07-07T00:00:00Z</c:end></c:interval>"
                         "</c:primaryDeviceTiming>")), "1.8", "CAMBIO_NO_ADMITIDO",
    ),
    "another window": (
        changing(request="<m:EndTime>2026-07-07T00:00:00Z</m:EndTime>"),
        "1.8", "CAMBIO_NO_ADMITIDO",
    ),
    "an emergency's amount": (
        changing(control('<c:EndDeviceControlType ref="3.31.138.26"/>')),
        "1.8", "CAMBIO_NO_ADMITIDO",
    ),
    "two controls": (changing(control(), control()), "1.8", "CAMBIO_NO_ADMITIDO"),
    "another kind": (changing(control(CONNECT, "")), "1.8", "CAMBIO_NO_ADMITIDO"),
    "unknown correlation": (changing(correlation="nope"), "2.15", "ORDEN_DESCONOCIDA"),
    "no correlation": (
        a.typed(name="ChangeEndDeviceControls", head=a.header("change", ids="")),
        "1.5", "CORRELACION_FALTA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key"), UNCHANGED.values(), ids=UNCHANGED)
async def test_change_is_refused(octets: bytes, code: str, key: str) -> None:
    at = await counter()
    await at.post(a.typed(control(attributes=attribute("powerLimit", "1000"))))
    answer = await at.post(octets)
    assert told(answer) == (Result.FAILED, [code])
    assert errors(answer)[0].key == key
    (order,) = await at.orders()
    assert order.amount == Decimal(1000)
