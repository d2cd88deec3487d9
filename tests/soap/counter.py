"""A SOAP server over a real store on the simulated clock, and how its answers are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Order, State
from headend.orders.accept import Acceptance
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.orders.withdraw import Withdrawal
from headend.soap.door.server import SoapServer
from headend.soap.orders.desk import OrderDesk
from headend.soap.orders.operation_sets import SetDesk
from headend.store.store import SqlStore
from protocols.cim import envelope, schema, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError
from tests import databases
from tests.cim import orders_as_xml as a
from tests.soap.desk import AT, CountingChance, FixedClock

POLICY = OrderPolicy(waiting_max=3)
DISCONNECT = '<c:EndDeviceControlType ref="3.31.0.23"/>'
CONNECT = '<c:EndDeviceControlType ref="3.31.0.18"/>'
WAITS = "<m:AsyncReplyFlag>false</m:AsyncReplyFlag>"


@dataclass
class Counter:
    """A SOAP server over a real store, with four registered meters."""

    server: SoapServer
    store: SqlStore
    settling: Settling
    woken: list[str]
    clock: FixedClock

    async def post(self, octets: bytes) -> Message:
        return message_in(await self.raw(octets))

    async def raw(self, octets: bytes) -> bytes:
        answer = await self.server.handle(a.soap(octets))
        assert answer.status == 200, answer.body
        return answer.body

    async def orders(self) -> list[Order]:
        return await self.store.run(
            lambda tx: [o for n in range(1, 50) if (o := tx.order(n)) is not None]
        )

    async def end(self, number: int, state: State, **changes: object) -> None:
        """Let an order end, as a lane would."""

        def work(tx: object) -> Order:
            order = tx.order(number)  # type: ignore[attr-defined]
            for step in (State.DISPATCHED,):
                order = order.to(step)
            return self.settling.end(  # type: ignore[arg-type]
                tx, order, state, at=AT, cause="test", **changes
            )

        self.settling.announce([await self.store.run(work)])


def message_in(octets: bytes) -> Message:
    body = xml.parse(octets)[0][0]
    schema.check(body)
    return envelope.read(body)


async def counter(policy: OrderPolicy = POLICY, store: SqlStore | None = None) -> Counter:
    store = store or databases.store()
    clock, chance = FixedClock(), CountingChance()
    meters = [
        Meter("90000001", "C1", True, contracted_w=Decimal(5000)),
        Meter("90000002", "C1", True),
        Meter("90000003", "C1", False),
        Meter("90000004", None, True),
    ]
    await store.run(lambda tx: (tx.put_concentrators([Concentrator("C1")]), tx.put_meters(meters)))
    settling = Settling(chance, policy, lambda: None)
    woken: list[str] = []

    def wake(names: Iterable[str]) -> None:
        woken.extend(names)

    inbox = Inbox(store, clock, chance)
    acceptance = Acceptance(policy, WorkingDays(UTC, ()), settling, wake)
    withdrawal = Withdrawal(settling)
    desk = OrderDesk(inbox, acceptance, withdrawal, settling, store, clock, chance, policy)
    sets = SetDesk(inbox, clock, chance, lambda verb, noun: desk)
    server = SoapServer(desk, clock, chance, sets=sets)
    return Counter(server, store, settling, woken, clock)


def told(message: Message) -> tuple[Result, list[str]]:
    assert message.reply is not None
    return message.reply.result, [error.code for error in message.reply.errors]


def errors(message: Message) -> tuple[ReplyError, ...]:
    assert message.reply is not None
    return message.reply.errors


def transaction(message: Message) -> str:
    assert message.reply is not None
    (identifier,) = [item for item in message.reply.ids if item.kind == "transaction"]
    return identifier.value


def ids(message_id: str, correlation_id: str = a.CORRELATION_ID) -> str:
    return (
        f"<m:MessageID>{message_id}</m:MessageID>"
        f"<m:CorrelationID>{correlation_id}</m:CorrelationID>"
    )


def etree_body(octets: bytes) -> bytes:
    return xml.serialize(xml.parse(octets)[0][0])
