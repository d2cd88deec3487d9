"""Orders: taken, carried out in lanes, settled, and their results delivered."""

from __future__ import annotations

from dataclasses import dataclass

from headend.app.admitting import admission
from headend.app.calendar import working_days
from headend.app.wiring.ground import Ground, Works
from headend.app.wiring.reaching import Reaching
from headend.app.wiring.registering import registry_asked, registry_told
from headend.collection.asking import Reads
from headend.events.watching import StatusWatch
from headend.integration.legacy import LegacyDatabase
from headend.integration.outbox import Channel, Outbox
from headend.integration.queue import ResultQueue
from headend.orders.accept import Acceptance
from headend.orders.breakage import Breakages
from headend.orders.breaker import Breaker
from headend.orders.hearing import Hearing
from headend.orders.inbox import Inbox
from headend.orders.lanes import Lanes
from headend.orders.settle import Settling
from headend.orders.step import Stepping
from headend.orders.withdraw import Withdrawal
from headend.ports import CarrierPortal
from headend.registry.commissioning_asked import conclude_asked
from headend.soap.desks import Desk
from headend.soap.door.server import SoapServer
from headend.soap.orders.desk import OrderDesk
from headend.soap.orders.operation_sets import SetDesk
from headend.soap.outbound.addresses import ReplyAddresses
from headend.soap.outbound.callback import Callback, SoapChannel
from headend.soap.outbound.messages import CimAddress, CimQueue, OfStreams
from headend.soap.reading.events import EventDesk
from headend.soap.reading.later import Answering, Later
from headend.soap.reading.on_demand import OnDemand
from headend.soap.reading.read_ends import follow
from headend.soap.reading.readings import ReadingDesk
from headend.soap.reading.reads_told import Reporting
from headend.soap.registry.asking import AskingDesk
from protocols.cim.nouns import EVENTS, READINGS

LIVE_POLL_S = 30.0  # how soon is noticed what another process has posted or ended
SIMULATED_POLL_S = 3600.0  # there is no other


@dataclass(frozen=True, slots=True)
class Ordering:
    """From a caller's request to the delivered result."""

    lanes: Lanes
    hearing: Hearing
    settling: Settling
    outbox: Outbox  # of orders
    mail: Outbox  # of CIM messages that are no order's results
    answering: Answering
    reporting: Reporting
    queue: ResultQueue
    reads: Reads
    soap: SoapServer
    words: StatusWatch  # meters' status words, as orders and uploads show them

    def works(self) -> Works:
        """One worker's, for all."""
        return {"answers": self.answering, "reads": self.reporting}

    async def acknowledged(self, message_id: str) -> None:
        """A receipt came, of whatever was on the queue."""
        await self.outbox.acknowledged(message_id)
        await self.mail.acknowledged(message_id)


def ordering(
    ground: Ground,
    ways: Reaching,
    legacy: LegacyDatabase,
    callback: Callback,
    portal: CarrierPortal | None,
) -> Ordering:
    """Join them; without a `portal` a modem is never restarted over the carrier."""
    config, store, clock, chance = ground.config, ground.store, ground.clock, ground.chance
    policy, days = config.orders, working_days(config.orders)
    addresses = ReplyAddresses(config.delivery.reply_addresses)
    queue = ResultQueue(ground.broker.publish, config.delivery.topic_root)
    channels: dict[str, Channel] = {
        "queue": queue,
        "legacy": legacy,
        "soap": SoapChannel(callback, addresses),
    }
    outbox = Outbox(store, clock, chance, config.delivery, channels)
    cim_queue = CimQueue(ground.broker.publish, config.delivery.topic_root)
    ways_out: dict[str, Channel] = {"queue": cim_queue, "soap": CimAddress(callback, addresses)}
    poll_s = LIVE_POLL_S if ground.live else SIMULATED_POLL_S
    mail = Outbox(
        store, clock, chance, config.delivery, ways_out, OfStreams(), "mail", poll_s=poll_s
    )
    readings = ReadingDesk(ground.read, clock, chance, ground.zone)
    reporting = Reporting(store, readings, clock, chance, mail.wake, poll_s)
    mail.settled.append(reporting.wake)

    def ended() -> None:
        outbox.wake()
        reporting.wake()

    settling = Settling(chance, policy, ended, [conclude_asked, follow])
    breaker = Breaker(policy)
    words = StatusWatch(ground.shelf, ways.events)
    stepping = Stepping(
        store, clock, chance, ways.ways, portal, policy, config.field, days, settling, breaker,
        config.upkeep.state_every_s, words,
    )  # fmt: skip
    breakages = Breakages(store, clock, chance, policy, settling, config.worker)
    lanes = Lanes(store, clock, stepping, policy, config.worker, breakages)
    hearing = Hearing(store, clock, stepping, settling, breaker, lanes.wake, config.worker)
    acceptance = Acceptance(policy, days, settling, lanes.wake)
    reads = Reads(store, clock, chance, ground.shelf, acceptance)
    inbox, withdrawal = Inbox(store, clock, chance), Withdrawal(settling)
    desk = OrderDesk(inbox, acceptance, withdrawal, settling, store, clock, chance, policy)
    readings.on_demand = OnDemand(
        inbox, reads, settling, clock, chance, policy.sync_wait_s, reporting
    )
    events = EventDesk(ground.read, clock, chance)
    asked: dict[str, ReadingDesk | EventDesk | AskingDesk] = {
        READINGS: readings,
        EVENTS: events,
        **registry_asked(ground),
    }
    answering = Answering(store, clock, chance, asked, mail.wake, poll_s)
    mail.settled.append(answering.wake)
    later = Later(inbox, clock, chance, answering.wake)
    for each in asked.values():
        each.later = later
    desks: dict[tuple[str, str], Desk] = {
        **{("get", said): asked[noun] for noun in asked for said in (noun, f"Get{noun}")},
        **registry_told(ground, inbox, settling, desk, mail.wake),
    }
    sets = SetDesk(inbox, clock, chance, lambda verb, noun: desks.get((verb, noun), desk))
    soap = SoapServer(desk, clock, chance, admission(config, store, clock), desks, sets)
    return Ordering(
        lanes, hearing, settling, outbox, mail, answering, reporting, queue, reads, soap, words
    )
