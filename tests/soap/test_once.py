"""Each message takes effect once, and is kept as it came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headend.domain.calendar import WorkingDays
from headend.ports import StoreUnavailable
from headend.store import queries
from headend.store.messages import MessageWords
from protocols.cim import envelope, xml
from protocols.cim.codes import Result
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import attribute, control, devices, option
from tests.soap.counter import counter, errors, etree_body, ids, message_in, told, transaction
from tests.soap.desk import AT
from tests.soap.second_thoughts import cancelling, changing, to_2_kw

ONCE = {
    # name: (sent, another body under its key)
    "create": (a.typed(head=a.header(ids=ids("m"))), a.typed(
        control(attributes=attribute("powerLimit", "1501")), head=a.header(ids=ids("m")))),
    **{
        verb: (
            cancelling(verb, message_id="m"),
            cancelling(verb, message_id="m", request='<m:ID objectType="Order">1</m:ID>'),
        )
        for verb in ("cancel", "close", "delete")
    },
    "change": (
        changing(control(attributes=attribute("powerLimit", "2000")), message_id="m"),
        changing(control(attributes=attribute("powerLimit", "2001")), message_id="m"),
    ),
    "change for a stranger": (
        changing(control(addressed=devices("90000099")), message_id="m"),
        changing(message_id="m"),
    ),
    "change MeterConfig": (
        a.meter_config().replace(a.MESSAGE_ID.encode(), b"m"),
        a.meter_config(request=option("x", "y")).replace(a.MESSAGE_ID.encode(), b"m"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "another"), ONCE.values(), ids=ONCE)
async def test_every_verb_takes_effect_once(octets: bytes, another: bytes) -> None:
    at = await counter()
    await at.post(a.typed(control(addressed=devices("90000001", "90000002"))))
    first = await at.raw(octets)
    after = await at.orders()
    journals = [at.store.read(lambda c, n=o.number: queries.journal(c, n)) for o in after]
    stamped = octets.replace(b"<m:Source>", b"<m:Timestamp>2026-07-06T14:00:09Z</m:Timestamp>"
                             b"<m:Source>")  # fmt: skip
    for repeat in (octets, stamped):
        assert etree_body(await at.raw(repeat)) == etree_body(first)
    for other in (another, *(sent for sent, _ in ONCE.values() if sent != octets)):
        answer = await at.post(other)
        assert told(answer) == (Result.FAILED, ["2.15"])
        assert errors(answer)[0].key == "MENSAJE_REPETIDO_CON_OTRO_CONTENIDO"
    assert await at.orders() == after
    assert journals == [at.store.read(lambda c, n=o.number: queries.journal(c, n)) for o in after]


async def test_a_repeat_is_told_the_first_answer_whatever_the_time_is() -> None:
    at = await counter()
    until = (
        "<c:primaryDeviceTiming><c:interval><c:end>2026-07-06T15:00:00Z</c:end></c:interval>"
        "</c:primaryDeviceTiming>"
    )
    first = await at.raw(a.typed(control(timing=until)))
    assert told(message_in(first)) == (Result.OK, ["0.3"])
    at.clock.at = AT + timedelta(hours=2)
    assert etree_body(await at.raw(a.typed(control(timing=until)))) == etree_body(first)


async def test_what_is_refused_as_a_whole_may_come_again() -> None:
    at = await counter()
    assert told(await at.post(cancelling())) == (Result.FAILED, ["2.15"])
    await at.post(a.typed())
    assert told(await at.post(cancelling())) == (Result.OK, ["0.0"])


async def test_an_effect_whose_message_is_not_kept_is_not_kept_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = await counter()
    await at.post(a.typed())
    before = await at.orders()

    def fail(words: object, message: object) -> None:
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(MessageWords, "add_inbound", fail)
        for octets in (cancelling(), to_2_kw("90000001")):
            answer = await at.post(octets)
            assert told(answer) == (Result.FAILED, ["5.1"])
    assert await at.orders() == before
    assert told(await at.post(to_2_kw("90000001"))) == (Result.OK, ["0.0"])
    assert told(await at.post(cancelling())) == (Result.OK, ["0.0"])


def test_the_simulated_day_is_a_working_day() -> None:
    """The rules above presume it."""
    assert WorkingDays(UTC, ()).is_working_day(AT)
    assert AT + timedelta(days=5) == datetime(2026, 7, 11, 14, tzinfo=UTC)


IDENTIFIED = {"with a MessageID": ids("m1"), "without one": ""}


@pytest.mark.parametrize("header", IDENTIFIED.values(), ids=IDENTIFIED)
async def test_a_message_is_kept_as_it_came(header: str) -> None:
    desk = await counter()
    octets = a.soap(a.typed(head=a.header(ids=header)))
    answer = await desk.server.handle(octets)
    transaction_id = transaction(message_in(answer.body))
    kept = desk.store.read(lambda c: queries.inbound_of(c, transaction_id))
    assert kept is not None and kept.request == octets
    assert kept.answer is not None and told(envelope.read(xml.parse(kept.answer)))[1] == ["0.3"]
    assert desk.store.read(lambda c: queries.inbound_of(c, "another")) is None
