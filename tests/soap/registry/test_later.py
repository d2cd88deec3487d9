"""Messages about the registry that want their answer later get it by the outbox, once."""

from __future__ import annotations

from typing import Any

from headend.orders.inbox import Inbox
from headend.soap.outbound.messages import unpacked
from headend.soap.reading.later import Answering, Later
from protocols.cim import envelope, exchange, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.exchange import Style
from protocols.cim.records.get_meter_config_auto import GetMeterConfig
from tests.soap.desk import AT, CountingChance
from tests.soap.registry.office import Office, linkage_config, meter_config, names, told, with_page

LATER = Style(async_reply=True)
TYPED_LATER = Style(async_reply=True, typed=True)


async def _owed(at: Office) -> list[Message]:
    """What waits on the queue, one after the other, as its consumer takes it."""
    found: list[Message] = []
    while due := await at.run(lambda tx: tx.due_outbound(AT, 10, channel="queue")):
        for each in due:
            found.append(envelope.read(xml.parse(unpacked(each.body))))
            await at.run(lambda tx, i=each.message_id: tx.settle_outbound(i, at=AT))
    return found


async def test_what_came_of_a_message_follows_its_acknowledgement_once(at: Office) -> None:
    config = meter_config("1", "2 2")
    acknowledged = await at.tell("create", config, TYPED_LATER, message_id="m")
    assert told(acknowledged) == (Result.OK, ["0.3"])
    assert (await at.meter("1")) is not None
    at.sent = 0
    again = await at.tell("create", config, TYPED_LATER, message_id="m")
    assert again.reply == acknowledged.reply
    (reply,) = await _owed(at)
    assert told(reply) == (Result.PARTIAL, ["0.2", "2.4 NOMBRE_NO_ADMITIDO"])
    assert reply.header is not None and reply.header.correlation_id == "c-1"
    assert reply.typed == "MeterConfig" and reply.reply is not None
    assert acknowledged.reply is not None and reply.reply.ids == acknowledged.reply.ids


async def test_what_is_refused_as_a_whole_is_told_at_once(at: Office) -> None:
    answer = await at.tell("create", linkage_config("1", "P"), LATER)
    assert told(answer)[0] is Result.FAILED
    assert await _owed(at) == []


async def test_an_answer_comes_later_in_all_its_pages(at: Office) -> None:
    await at.tell("create", meter_config("1", "2", "3", "4", "5"))
    with_page(at, 2)
    chance = CountingChance(1000)
    inbox = Inbox(at.store, at.clock, chance)
    at.asking.later = Later(inbox, at.clock, chance, lambda: None)
    desks: Any = {"MeterConfig": at.asking}
    answering = Answering(at.store, at.clock, chance, desks, lambda: None)
    answer = await at.ask(GetMeterConfig(), TYPED_LATER)
    assert told(answer) == (Result.OK, ["0.3"])
    pages: list[Message] = []
    while await answering.look():
        pages += await _owed(at)
    assert [told(page) for page in pages] == [
        (Result.PARTIAL, ["0.1"]), (Result.PARTIAL, ["0.1"]), (Result.PARTIAL, ["0.2"])
    ]  # fmt: skip
    meters = [each for page in pages for record in exchange.content(page)
              for each in record.meter]  # type: ignore[attr-defined]  # fmt: skip
    assert [each.names for each in meters] == [names(n) for n in "12345"]
    correlations = {page.header.correlation_id for page in pages if page.header is not None}
    assert correlations == {"c-2"}
