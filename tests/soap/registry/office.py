"""A SOAP server over a real store with the registry's desks, and how it is talked to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar

from headend.app.wiring.registering import Committed
from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Place, PlaceKind
from headend.orders.accept import Acceptance
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.orders.withdraw import Withdrawal
from headend.ports import Transaction
from headend.soap.desks import Desk
from headend.soap.door.server import SoapServer
from headend.soap.orders.desk import OrderDesk
from headend.soap.orders.operation_sets import SetDesk
from headend.soap.registry.asking import NOUNS, AskingDesk
from headend.soap.registry.desk import VERBS, RegistryDesk
from headend.soap.registry.devices import Devices
from headend.soap.registry.linkages import Linkages
from headend.soap.registry.points import Points
from headend.store.store import SqlStore
from protocols.cim import envelope, exchange, schema, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Request
from protocols.cim.errors import Identifier
from protocols.cim.exchange import GENERIC, Style
from protocols.cim.nouns import END_DEVICE_CONFIG, LINKAGE_CONFIG, METER_CONFIG, USAGE_POINT_CONFIG
from protocols.cim.record import Record
from protocols.cim.records import get_end_device_config_auto as get_devices
from protocols.cim.records import get_master_linkage_config_auto as get_linkages
from protocols.cim.records import get_meter_config_auto as get_meters
from protocols.cim.records import get_usage_point_config_auto as get_points
from protocols.cim.records import master_linkage_config_auto as ml
from protocols.cim.records import meter_config_auto as mc
from protocols.cim.records import usage_point_config_auto as up
from protocols.cim.records.parts_auto import ConfigurationEvent, Name, TransformerTank
from protocols.cim.replies import Stamp, soap_envelope
from tests import databases
from tests.soap.desk import AT, CountingChance, FixedClock

T = TypeVar("T")
TYPED = Style(typed=True)
MODELS = frozenset({"generic", "sim-3p"})


@dataclass
class Office:
    """`post` sends a message and reads its answer."""

    server: SoapServer
    store: SqlStore
    clock: FixedClock
    asking: AskingDesk
    sent: int = 0

    async def post(self, message: Message, *, caller: str | None = None) -> Message:
        octets = xml.serialize(soap_envelope(envelope.write(message)))
        answer = await self.server.handle(octets, client_source=caller)
        assert answer.status == 200, answer.body
        body = xml.parse(answer.body)[0][0]
        schema.check(body)
        schema.check_strict(body)
        return envelope.read(body)

    def stamp(self, message_id: str | None = None) -> Stamp:
        self.sent += 1
        return Stamp(
            source="COMERCIAL",
            message_id=message_id or f"m-{self.sent}",
            at=AT,
            correlation_id=f"c-{self.sent}",
        )

    async def tell(
        self, verb: str, record: Record, style: Style = GENERIC, *, message_id: str | None = None
    ) -> Message:
        noun = type(record).__name__
        stamp = self.stamp(message_id)
        return await self.post(exchange.request(verb, noun, stamp, record, style))

    async def ask(
        self, record: Record, style: Style = GENERIC, *, page: Identifier | None = None
    ) -> Message:
        asked = None if page is None else Request(ids=(page,))
        return await self.post(exchange.question(record, self.stamp(), style, asked=asked))

    async def all_of(self, noun: str, style: Style = GENERIC) -> list[Record]:
        """Everything that a noun tells, page after page."""
        found: list[Record] = []
        page: Identifier | None = None
        while True:
            answer = await self.ask(QUESTIONS[noun](), style, page=page)
            found += exchange.content(answer)
            assert answer.reply is not None
            if not answer.reply.ids:
                return found
            (page,) = answer.reply.ids

    async def run(self, work: Callable[[Transaction], T]) -> T:
        return await self.store.run(work)

    async def meter(self, name: str) -> Meter | None:
        return await self.run(lambda tx: tx.meter(name))


QUESTIONS: dict[str, Callable[..., Record]] = {
    METER_CONFIG: get_meters.GetMeterConfig,
    END_DEVICE_CONFIG: get_devices.GetEndDeviceConfig,
    USAGE_POINT_CONFIG: get_points.GetUsagePointConfig,
    LINKAGE_CONFIG: get_linkages.GetMasterDataLinkageConfig,
}


def office() -> Office:
    """With the transformers T1 and T2 and the concentrators C1 and C2."""
    store, clock, chance = SqlStore(databases.memory(), live=False), FixedClock(), CountingChance()
    policy = OrderPolicy()
    settling = Settling(chance, policy, lambda: None)
    inbox = Inbox(store, clock, chance)
    acceptance = Acceptance(policy, WorkingDays(UTC, ()), settling, lambda names: None)
    orders = OrderDesk(
        inbox, acceptance, Withdrawal(settling), settling, store, clock, chance, policy
    )
    devices = Devices(settling, MODELS, clock.now)
    clerks: dict[str, Any] = {
        METER_CONFIG: devices,
        END_DEVICE_CONFIG: devices,
        USAGE_POINT_CONFIG: Points(),
        LINKAGE_CONFIG: Linkages(settling, clock.now),
    }
    desk = RegistryDesk(inbox, clerks, settling, clock, chance, orders, lambda: None)

    async def read(query: Callable[[Any], Any]) -> Any:
        return store.read(query)

    asking = AskingDesk(Committed(read), clock, chance)
    desks: dict[tuple[str, str], Desk] = {
        **{(verb, noun): desk for verb in VERBS for noun in clerks},
        **{("get", noun): asking for noun in NOUNS},
    }
    sets = SetDesk(inbox, clock, chance, lambda verb, noun: desks.get((verb, noun), orders))
    server = SoapServer(orders, clock, chance, desks=desks, sets=sets)
    return Office(server, store, clock, asking)


def founded(tx: Transaction) -> None:
    """The grid of most tests."""
    tx.put_places(
        [
            Place("R1", PlaceKind.REGION),
            Place("T1", PlaceKind.TRANSFORMER, "R1"),
            Place("T2", PlaceKind.TRANSFORMER, "R1"),
        ]
    )
    tx.put_concentrators([Concentrator("C1"), Concentrator("C2")])


def names(*texts: str) -> tuple[Name, ...]:
    return tuple(Name(name=text) for text in texts)


def meter_config(*some: str, **more: Any) -> mc.MeterConfig:
    return mc.MeterConfig(meter=tuple(mc.Meter(names=names(name), **more) for name in some))


def point_config(*codes: str, feeder: str | None = "T1", **more: Any) -> up.UsagePointConfig:
    fed = () if feeder is None else (up.Equipment(names=names(feeder)),)
    return up.UsagePointConfig(
        usage_point=tuple(
            up.UsagePoint(names=names(code), equipments=fed, **more) for code in codes
        )
    )


def linkage_config(
    meter: str | None = None,
    point: str | None = None,
    *,
    concentrator: str | None = None,
    transformer: str | None = None,
    customer: str | None = None,
    event: ConfigurationEvent | None = None,
) -> ml.MasterDataLinkageConfig:
    def one(kind: Any, name: str | None) -> Any:
        return () if name is None else (kind(names=names(name)),)

    return ml.MasterDataLinkageConfig(
        configuration_event=event,
        customer=one(ml.Customer, customer),
        end_device=one(ml.EndDevice, concentrator),
        meter=one(ml.Meter, meter),
        transformer_tank=one(TransformerTank, transformer),
        usage_point=one(ml.UsagePoint, point),
    )


def told(message: Message) -> tuple[Result, list[str]]:
    """The result, and each error by code and key."""
    assert message.reply is not None
    return message.reply.result, [
        f"{error.code} {error.key}".strip() for error in message.reply.errors
    ]


def about(message: Message) -> list[str | None]:
    """The objects that errors are about."""
    assert message.reply is not None
    return [
        None if error.id is None else f"{error.id.object_type} {error.id.value}"
        for error in message.reply.errors
    ]


def pages(answers: Iterable[Message]) -> list[Result]:
    return [answer.reply.result for answer in answers if answer.reply is not None]


def with_page(at: Office, objects: int) -> None:
    """Let the office answer with so many objects at once."""
    at.asking.objects = objects
