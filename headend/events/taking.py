"""A sighting becomes an event, or is a telling of one that is stored already.

One event comes by up to three ways: a push when it happens, a row of a log hours later, a bit of a
status word that stays set.  The log's time is the event's own and stands; a push was sent within
`same_s` of it; a status word tells only that it had happened by then.  Whatever comes again, late
or in another order ends in the same events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.config import EventPolicy
from headend.domain import event_table
from headend.domain.change import Change, ChangeKind
from headend.domain.event import Event, Source, StatusWord
from headend.domain.interval import Row
from headend.domain.reading import Reading
from headend.events.incidents import correlate, place_of
from headend.events.sightings import Sighting, of_log, of_push, words_of
from headend.models import StatusBits
from headend.ports import Transaction
from protocols.concentrator.collecting import Layout


@dataclass(frozen=True, slots=True)
class EventIntake:
    """Takes in what readings and rows say happened, inside the transaction that keeps them."""

    policy: EventPolicy = EventPolicy()

    def pushed(
        self,
        tx: Transaction,
        readings: Iterable[Reading],
        status: Mapping[str, StatusBits],
        now: datetime,
    ) -> None:
        """Values of a push: codes and status words."""
        values = list(readings)
        changed = self._sighted(tx, of_push(values), now)
        changed += self._words(tx, values, status, now)
        correlate(tx, changed, self.policy, now)

    def read(
        self,
        tx: Transaction,
        readings: Iterable[Reading],
        status: Mapping[str, StatusBits],
        now: datetime,
    ) -> None:
        """Values that were asked for: status words.  An event code says nothing of its time."""
        correlate(tx, self._words(tx, readings, status, now), self.policy, now)

    def logged(
        self, tx: Transaction, meter: str, layout: Layout, rows: Iterable[Row], now: datetime
    ) -> None:
        """Rows of a profile, which may be an event log."""
        correlate(tx, self._sighted(tx, of_log(meter, layout, rows), now), self.policy, now)

    def _sighted(
        self, tx: Transaction, sightings: Iterable[Sighting], now: datetime
    ) -> list[Event]:
        found = (self._one(tx, sighting, now) for sighting in sightings)
        return [event for event in found if event is not None]

    def _one(self, tx: Transaction, seen: Sighting, now: datetime) -> Event | None:
        """The event, where it is new or another than it was."""
        reach = timedelta(seconds=max(self.policy.same_s, self.policy.word_s))
        near = tx.events_near(seen.device, seen.type.name, seen.at - reach, seen.at + reach)
        same = [each for each in near if self._same(each, seen)]
        if not same:
            return self._new(tx, seen, now)
        known = min(same, key=lambda each: (abs(each.at - seen.at), each.at))
        if seen.source in known.sources:
            return None
        better = seen.source is Source.LOG or known.sources == (Source.STATUS_WORD,)
        sources = tuple(s for s in Source if s is seen.source or s in known.sources)
        event = replace(known, at=seen.at if better else known.at, sources=sources)
        tx.save_event(event)
        _tell(tx, event, "changed", now)
        return event

    def _same(self, event: Event, seen: Sighting) -> bool:
        if event.at == seen.at:
            return True
        if seen.source is Source.LOG and Source.LOG in event.sources:
            return False  # a log has a row for each
        after_s = (event.at - seen.at).total_seconds()
        if seen.source is Source.STATUS_WORD:
            if Source.STATUS_WORD in event.sources:
                return False  # each rise of a bit is one
            return -self.policy.word_s <= after_s <= self.policy.same_s
        if event.sources == (Source.STATUS_WORD,):
            return -self.policy.same_s <= after_s <= self.policy.word_s
        return abs(after_s) <= self.policy.same_s

    def _new(self, tx: Transaction, seen: Sighting, now: datetime) -> Event:
        part = event_table.PARTS.get(seen.type.name)
        event = Event(
            device=seen.device,
            name=seen.type.name,
            severity=seen.type.severity,
            at=seen.at,
            received_at=now,
            sources=(seen.source,),
            code=seen.type.code,
            place=place_of(tx, seen.device),
            kind=None if part is None else part.kind,
        )
        event = replace(event, number=tx.add_event(event))
        _tell(tx, event, "new", now)
        return event

    # --- status words ----------------------------------------------------------------------------

    def _words(
        self,
        tx: Transaction,
        readings: Iterable[Reading],
        status: Mapping[str, StatusBits],
        now: datetime,
    ) -> list[Event]:
        by_name = {bits.name: bits for bits in status.values()}
        changed: list[Event] = []
        for word in words_of(readings, by_name):
            if not tx.add_status_word(word):
                continue
            before, after = tx.status_word_before(word), tx.status_word_after(word)
            was = 0 if before is None else before.value
            will = 0 if after is None else after.value
            bits = by_name[word.name]
            rises = list(_rises(word, bits, word.value & ~was))
            if after is not None:  # what came up by the later word had come up by this one
                changed += self._earlier(tx, rises, after)
                rises = [each for each in rises if not self._shown(tx, each)]
            if after is not None:  # and what this one does not show came up after it
                rises += _rises(after, bits, will & was & ~word.value)
            changed += self._sighted(tx, rises, now)
        return changed

    def _shown(self, tx: Transaction, seen: Sighting) -> bool:
        """Whether the rise is one that a later word has told already."""
        first = seen.at - timedelta(seconds=self.policy.word_s)
        last = seen.at + timedelta(seconds=self.policy.same_s)
        near = tx.events_near(seen.device, seen.type.name, first, last)
        newest = max((e for e in near if Source.STATUS_WORD in e.sources), key=_at, default=None)
        before = tx.status_word_before(StatusWord(seen.device, seen.register, seen.at, 0))
        return newest is not None and (before is None or newest.at > before.at)

    def _earlier(
        self, tx: Transaction, rises: Iterable[Sighting], later: StatusWord
    ) -> list[Event]:
        """Date back events of which only a later word had told."""
        moved: list[Event] = []
        reach = timedelta(seconds=max(self.policy.same_s, self.policy.word_s))
        for seen in rises:
            name, at = seen.type.name, seen.at
            for event in tx.events_near(seen.device, name, later.at, later.at):
                if event.sources != (Source.STATUS_WORD,):
                    continue
                known = tx.events_near(seen.device, name, at - reach, at + reach)
                if any(self._same(each, seen) for each in known if each != event):
                    tx.drop_event(event.number)
                    moved.append(event)
                else:
                    moved.append(replace(event, at=at))
                    tx.save_event(moved[-1])
        return moved


def _tell(tx: Transaction, event: Event, what: str, now: datetime) -> None:
    tx.tell(Change(ChangeKind.EVENT, what, now, event.number, event.device, event.place))


def _rises(word: StatusWord, bits: StatusBits, rose: int) -> Iterator[Sighting]:
    for bit in range(32):
        if rose >> bit & 1:
            kind = event_table.of_name(bits.event(bit))
            yield Sighting(word.device, kind, word.at, Source.STATUS_WORD, word.name)


def _at(event: Event) -> datetime:
    return event.at
