"""The ways of notices as they are configured; and notices for commands, beside a head-end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from zoneinfo import ZoneInfo

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.config.notify import Channel, MqttChannel, SmtpChannel
from headend.domain.event import Severity
from headend.domain.notice import Notice, NoticeState, NoticeStep
from headend.field.broker import Broker
from headend.integration.notices.by_mqtt import ByMqtt
from headend.integration.notices.by_smtp import BySmtp
from headend.integration.notices.by_webhook import ByWebhook
from headend.notify.places import codes_of
from headend.notify.raising import Raising
from headend.notify.sending import Sending, Way
from headend.ports import Chance, Clock, Store, Transaction
from headend.store.store import SqlStore

T = TypeVar("T")
LOOK_S = 0.2


class NoSuchNotice(ValueError):
    """There is no dead letter of this number."""


def ways(config: Config, broker: Broker, clock: Clock) -> Mapping[str, Way]:
    """One for each channel of the configuration."""
    zone = ZoneInfo(config.orders.zone)

    def way(channel: Channel) -> Way:
        if isinstance(channel, MqttChannel):
            return ByMqtt(channel, broker.publish)
        if isinstance(channel, SmtpChannel):
            return BySmtp(channel, zone)
        return ByWebhook(channel, clock)

    return {channel.name: way(channel) for channel in config.channel}


def sending(config: Config, store: Store, broker: Broker, clock: Clock, chance: Chance) -> Sending:
    """What delivers notices, in every worker."""
    return Sending(store, clock, chance, config.notification, ways(config, broker, clock))


def raising(
    config: Config, store: Store, clock: Clock, chance: Chance, made: Callable[[], None]
) -> Raising:
    """What makes notices of changes, in one worker."""
    zone = ZoneInfo(config.orders.zone)
    return Raising(
        store, clock, chance, config.notify, zone, config.events.window_s, codes_of, made
    )


async def tried(config: Config, channel: str, *, wait_s: float) -> Notice:
    """A test notice to a channel, and what became of it within a time: the running head-end sends
    it, as it would any other.  Raises `StoreUnavailable`."""
    clock = WallClock()
    now, id = clock.now(), SystemChance().uuid()
    made = Notice(
        id, "test", channel, NoticeStep.TEST, None, None, Severity.INFO, now, now
    )  # fmt: skip

    async def work(store: SqlStore) -> Notice:
        await store.run(lambda tx: tx.add_notice(made))
        async with asyncio.timeout(wait_s):
            while True:
                known = await store.run(lambda tx: tx.notice_called(id))
                if known is not None and (known.tries and known.trouble or known.settled_at):
                    return known
                await asyncio.sleep(LOOK_S)

    try:
        return await _beside(config, work)
    except TimeoutError:
        return made


async def retried(config: Config, line: int | None) -> list[Notice]:
    """Dead letters, one or all, back in the queue.  Raises `NoSuchNotice`, `StoreUnavailable`."""
    now = WallClock().now()

    def revive(tx: Transaction) -> list[Notice]:
        dead = tx.dead_notices() if line is None else [tx.notice(line)]
        found = [each for each in dead if each is not None and each.state is NoticeState.DEAD]
        if line is not None and not found:
            raise NoSuchNotice(f"no dead letter {line} is known")
        for each in found:
            tx.save_notice(each.revived(now))
        return [each.revived(now) for each in found]

    return await _beside(config, lambda store: store.run(revive))


async def _beside(config: Config, work: Callable[[SqlStore], Awaitable[T]]) -> T:
    store = SqlStore(config.database, live=True)
    try:
        return await work(store)
    finally:
        await store.close()
