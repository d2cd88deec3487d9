"""The duty that deletes what has outlived its span, and nothing that somebody still needs.

Few rows a transaction, with a breath behind each; it can be ended at any moment, and goes on where
it was.  What is found (`look`) is what a round deletes (`delete`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.access import lines
from headend.access.desk import By
from headend.clock import WallClock
from headend.collection.periods import period_of
from headend.config import BadConfig, Config
from headend.domain.account import Permission
from headend.domain.retention import Cut, Outlived
from headend.domain.utility_day import span_of
from headend.ports import Clock, StoreUnavailable
from headend.service_levels.definition import BadDefinition, read
from headend.store import retention, retention_months
from headend.store.engine import is_sqlite
from headend.store.partitions import PARTITIONED
from headend.store.queries import Connection
from headend.store.retention_holds import Needs
from headend.store.retention_queries import kept
from headend.store.retention_rules import RULES, Rule
from headend.store.store import SqlStore
from headend.store.warehouse_queries import believed

T = TypeVar("T")

DAY_MINUTES = 1440

Progress = Callable[[str, int, int], None]
"""Hears a table, how many of its rows are done, and of how many."""

_log = structlog.get_logger("retention")


def refuse_too_short(config: Config) -> None:
    """Raises `BadConfig` where a span is shorter than the service levels that are defined take."""
    if not config.retention.enabled:
        return
    try:
        levels = read(config.service_levels.definition)
    except (OSError, BadDefinition) as error:
        raise BadConfig(f"service_levels: {error}") from error
    if why := config.retains_too_little(levels.open_s):
        raise BadConfig(why)


def needs_of(config: Config) -> Needs:
    """Who needs rows.  Raises `PlaceUnavailable` where the data store cannot be asked."""
    taken: dict[str, str] | None = None
    if config.warehouse.place is not None:
        from headend.warehouse import manifest
        from headend.warehouse.place import Place

        known = manifest.look(Place(config.warehouse.place))
        taken = {} if known is None else known.marks
    return Needs(
        config.collection.validation.enabled,
        config.rollup.enabled,
        taken,
        postgresql=not is_sqlite(config.database),
    )


@dataclass(slots=True)
class Retaining:
    """Works `after_s` past each midnight of the utility's, and once when it begins."""

    store: SqlStore
    clock: Clock
    config: Config
    live: bool
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        policy, zone = self.config.retention, ZoneInfo(self.config.orders.zone)
        after = timedelta(seconds=policy.after_s)
        while True:
            try:
                await self.delete("", "duty")
            except Exception as error:
                trouble.note(self.errors, _log, "not all was deleted that may go", error)
            _, following = period_of(self.clock.now() - after, DAY_MINUTES, zone)
            await asyncio.sleep(max(1.0, (following + after - self.clock.now()).total_seconds()))

    async def look(self) -> list[Outlived]:
        """What would go now, and what would be held."""
        needs = await self._needs()
        return [
            await self._read(partial(retention.looked, rule=rule, cut=cut, needs=needs))
            for rule, cut in self._cuts()
        ]

    async def delete(
        self, actor: str, source: str, told: Progress = lambda table, done, of: None
    ) -> list[Outlived]:
        """Delete what may go; what went, and what was held.  One line of the audit log says so,
        also of a round that was ended half-way.  Raises `StoreUnavailable`, `PlaceUnavailable`."""
        needs = await self._needs()
        held = {name: each.held for name, each in (await self._read(kept)).items()}
        found: list[Outlived] = []
        try:
            for rule, cut in self._cuts():
                outlived = await self._read(
                    partial(retention.looked, rule=rule, cut=cut, needs=needs)
                )
                if outlived.held != held.get(rule.name, 0):
                    note = partial(
                        retention.note_held, rule=rule, held=outlived.held, now=self.clock.now()
                    )
                    await self.store.change(note)
                await self._table(rule, cut, needs, outlived, told, found)
        finally:
            if gone := [each for each in found if each.rows]:
                _log.info("deleted", **{each.table: each.rows for each in gone})
                detail = "deleted " + ", ".join(
                    f"{each.rows} of {each.table} before {each.kept_since}" for each in gone
                )
                line = lines.done(
                    self.clock.now(), actor, Permission.SYSTEM_OPERATE, "retention", detail,
                    source=source,
                )  # fmt: skip
                await self.store.run(lambda tx: tx.add_audit(line))
        return found

    async def _table(
        self,
        rule: Rule,
        cut: Cut,
        needs: Needs,
        outlived: Outlived,
        told: Progress,
        found: list[Outlived],
    ) -> None:
        """Delete of one table; what went is found, whatever ends it."""
        gone, months = 0, 0
        try:
            if rule.wholesale and rule.name in PARTITIONED:
                async for rows in self._months(rule, cut, needs):
                    gone, months = gone + rows, months + 1
                    told(rule.name, gone, outlived.rows)
            async for rows in self._rows(rule, cut, needs):
                gone += rows
                told(rule.name, gone, outlived.rows)
            months += await self._empty_months(rule, cut)
        finally:
            found.append(replace(outlived, rows=gone, months_dropped=months))

    async def _rows(self, rule: Rule, cut: Cut, needs: Needs) -> AsyncIterator[int]:
        """Delete row by row, in the order of the keys; of rows that hold one another again, until
        nothing goes any more."""
        policy, again = self.config.retention, True
        while again:
            again, after = False, None
            while keys := await self._read(
                partial(
                    retention.doomed, rule=rule, cut=cut, needs=needs, after=after,
                    limit=policy.batch_rows,
                )
            ):  # fmt: skip
                delete = partial(
                    retention.deleted, rule=rule, cut=cut, needs=needs, keys=keys,
                    now=self.clock.now(),
                )  # fmt: skip
                rows = await self.store.change(delete)
                yield rows
                again, after = again or (rule.chained and rows > 0), keys[-1]
                await asyncio.sleep(policy.rest_s)

    async def _months(self, rule: Rule, cut: Cut, needs: Needs) -> AsyncIterator[int]:
        """Drop the months that are over as a whole; none on SQLite."""
        policy = self.config.retention
        for part in await self._read(partial(retention_months.over, table=rule.name, cut=cut)):
            if not await self._read(
                partial(retention_months.droppable, rule=rule, part=part, needs=needs)
            ):
                continue
            of = partial(
                retention_months.uncounted, rule=rule, part=part, cut=cut, needs=needs,
                limit=policy.batch_rows,
            )  # fmt: skip
            while keys := await self._read(of):
                await self.store.change(partial(retention_months.counted, rule=rule, keys=keys))
                await asyncio.sleep(policy.rest_s)
            drop = partial(
                retention_months.dropped, rule=rule, part=part, cut=cut, needs=needs,
                now=self.clock.now(),
            )  # fmt: skip
            rows = await self._dropped(drop)
            if rows is not None:
                yield rows

    async def _empty_months(self, rule: Rule, cut: Cut) -> int:
        """Drop the months in which nothing is left; how many."""
        count = 0
        for table in {rule.name, *(each.column.table.name for each in rule.belongings)}:
            if table in PARTITIONED:
                of = partial(retention_months.over, table=table, cut=cut)
                for part in await self._read(of):
                    count += bool(await self._dropped(partial(retention_months.emptied, part=part)))
        return count

    async def _dropped(self, drop: Callable[[Connection], int | None]) -> int | None:
        """A month that is just being read or written stays until the next round."""
        try:
            return await self.store.apart(drop)
        except StoreUnavailable as error:
            _log.info("a month is in use", error=str(error))
            return None

    def _cuts(self) -> Iterator[tuple[Rule, Cut]]:
        """The tables of which anything may go, and from where on each is kept."""
        zone = ZoneInfo(self.config.orders.zone)
        today = self.clock.now().astimezone(zone).date()
        for rule in RULES:
            days = self.config.retention.days(rule.kind)
            if days is None or (today.toordinal() <= days):
                continue
            day = today - timedelta(days=days)
            yield rule, Cut(day, datetime.fromtimestamp(span_of(day, zone).begin, UTC))

    async def _needs(self) -> Needs:
        placed = self.config.warehouse.place is not None
        if self.live and placed:
            needs = await asyncio.to_thread(needs_of, self.config)
        else:
            needs = needs_of(self.config)
        if needs.taken is None:
            return needs
        return replace(needs, taken=await self._read(partial(believed, before=dict(needs.taken))))

    async def _read(self, query: Callable[[Connection], T]) -> T:
        if self.live:
            return await asyncio.to_thread(self.store.read, query)
        return self.store.read(query)


async def retain_now(
    config: Config, by: By, told: Progress, *, dry_run: bool = False
) -> list[Outlived]:
    """What a command has done on a head-end's database, which may work meanwhile.  Raises
    `StoreUnavailable`, `PlaceUnavailable`."""
    store = SqlStore(config.database, live=True)
    try:
        retaining = Retaining(store, WallClock(), config, live=True)
        if dry_run:
            return await retaining.look()
        return await retaining.delete(by.actor, by.source, told)
    finally:
        await store.close()
