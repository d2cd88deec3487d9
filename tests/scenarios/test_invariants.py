"""No invariant is empty: each is broken here, by a record that lies or a meter that strays, and
each break is seen by those it concerns and by no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from devices.meter.history import Deed
from devices.meter.profiles import LOAD_PROFILE
from headend.collection.intervals import empty_day
from headend.domain.interval import Row, RowQuality
from headend.domain.order import JournalLine, State
from headend.domain.reason import ReasonCode
from scenarios.expectations import invariants
from scenarios.intervals import own_rows
from scenarios.invariants import ALWAYS
from scenarios.key_changes import APART
from scenarios.story import Record, Story
from tests.scenarios.shared import CUT, LIMITED, REFUSING, told

Spoil = Callable[[Story], Story]

ERROR = "no error inside the head-end"
STORED = "every acknowledged message has its orders"
ENDED = "every order ended"
ONE_STATE = "every order has one final state"
ONE_REPLY = "one reply an order"
REACHED = "every result reached the commercial side"
TRUE_REPLY = "replies say what was recorded"
TRUE_REASON = "no reason was given that was not so"
WAS_DONE = "what was recorded as done was done"
ORDERED = "nothing was done that was not ordered"
ONCE = "nothing was done twice"
IN_TIME = "nothing acted out of its time"
OWN_ROWS = "stored intervals are the meters' own"
ROWS_ONCE = "each interval is stored once"
KEYS = "no change of keys loses a meter"
ENERGY = "energy closes on every transformer"
UNTOUCHED = "90000004"


def changed(story: Story, number: int, **changes: object) -> Story:
    """The story with another record of one order."""
    return replace(
        story,
        records=tuple(
            replace(record, **changes) if record.order.number == number else record
            for record in story.records
        ),
    )


def record_of(story: Story, number: int) -> Record:
    return next(record for record in story.records if record.order.number == number)


def with_order(story: Story, number: int, **changes: object) -> Story:
    order = record_of(story, number).order
    return changed(story, number, order=replace(order, **changes))


def order_lost(story: Story) -> Story:
    return replace(story, records=tuple(r for r in story.records if r.order.number != 3))


def order_from_nowhere(story: Story) -> Story:
    return with_order(story, 3, transaction_id="none that was ever given")


def order_for_another_meter(story: Story) -> Story:
    return with_order(story, 3, meter=UNTOUCHED)


def order_left_open(story: Story) -> Story:
    order = record_of(story, 3).order
    return with_order(
        story,
        3,
        state=State.QUEUED,
        reason=None,
        deadline=order.accepted_at + timedelta(minutes=2),
    )


def ended_twice(story: Story) -> Story:
    record = record_of(story, 3)
    last = record.journal[-1]
    again = JournalLine(3, last.at, State.UNKNOWN, "a doubt"), last
    return changed(story, 3, journal=(*record.journal, *again))


def ended_otherwise_than_the_journal_says(story: Story) -> Story:
    record = record_of(story, 3)
    last = replace(record.journal[-1], state=State.CANCELLED)
    return changed(story, 3, journal=(*record.journal[:-1], last))


def two_replies(story: Story) -> Story:
    record = record_of(story, 3)
    reply = next(out for out in record.outgoing if out.channel == "queue")
    return changed(story, 3, outgoing=(*record.outgoing, reply))


def no_event(story: Story) -> Story:
    record = record_of(story, 1)
    return changed(story, 1, outgoing=tuple(o for o in record.outgoing if o.kind != "event"))


def reply_forgotten_on_its_way(story: Story) -> Story:
    story.commercial.replies.popitem()
    return story


def event_forgotten_on_its_way(story: Story) -> Story:
    story.commercial.events.popitem()
    return story


def legacy_row_never_written(story: Story) -> Story:
    record = record_of(story, 2)
    outgoing = tuple(
        replace(out, settled_at=None) if out.channel == "legacy" else out for out in record.outgoing
    )
    return changed(story, 2, outgoing=outgoing)


def replies_mixed_up(story: Story) -> Story:
    replies = story.commercial.replies
    done, _, failed = replies
    replies[done], replies[failed] = replies[failed], replies[done]
    return story


def other_reason_recorded(story: Story) -> Story:
    return with_order(story, 3, reason=ReasonCode.METER_UNREACHABLE)


def fault_blamed_that_was_not(story: Story) -> Story:
    return with_order(story, 3, reason=ReasonCode.SIM_FAULT)


def error_inside(story: Story) -> Story:
    return replace(story, errors=(RuntimeError("a lane died"),))


def write(
    story: Story, meter: str, watts: int, *, after_s: float, cause: str = "client 5"
) -> Story:
    """A limit written so many seconds after the first order was accepted."""
    at = record_of(story, 1).order.accepted_at.timestamp() + after_s
    story.world.meter(meter).record(at, Deed.LIMIT_WRITTEN, cause, "threshold_normal", watts)
    return story


def limit_behind_our_back(story: Story) -> Story:
    return write(story, UNTOUCHED, 1234, after_s=100)


def limit_of_the_failed_order(story: Story) -> Story:
    """The head-end recorded that nothing was written."""
    return write(story, REFUSING, 3300, after_s=100)


def other_limit_later(story: Story) -> Story:
    return write(story, LIMITED, 1234, after_s=100)


def same_limit_again(story: Story) -> Story:
    return write(story, LIMITED, 3300, after_s=10)


def same_limit_too_late(story: Story) -> Story:
    return write(story, LIMITED, 3300, after_s=400)  # its attempt's time was 300 s


def limit_lost_at_the_meter(story: Story) -> Story:
    return write(story, LIMITED, 1234, after_s=100, cause="button")


def supply_back_by_hand(story: Story) -> Story:
    at = record_of(story, 2).order.accepted_at.timestamp() + 100
    story.world.meter(CUT).record(at, Deed.RELAY_CLOSED, "button", "manual_reconnect a")
    return story


def cut_again(story: Story) -> Story:
    at = record_of(story, 2).order.accepted_at.timestamp() + 10
    story.world.meter(CUT).record(at, Deed.SUPPLY_UNCHANGED, "client 5", "remote_disconnect")
    return story


def connected_unasked(story: Story) -> Story:
    at = record_of(story, 2).order.accepted_at.timestamp() + 10
    story.world.meter(UNTOUCHED).record(at, Deed.SUPPLY_UNCHANGED, "client 5", "remote_reconnect")
    return story


def other_amount_recorded(story: Story) -> Story:
    return with_order(story, 1, amount=Decimal(4400))


def accepted_after_it_was_done(story: Story) -> Story:
    order = record_of(story, 2).order
    return with_order(story, 2, accepted_at=order.accepted_at + timedelta(minutes=1))


def with_page(story: Story, *, but: Callable[[tuple[Row, ...]], tuple[Row, ...]]) -> Story:
    """The story with the meter's own hour stored, but for what is spoilt."""
    until = story.world.env.now
    own = own_rows(story.world, UNTOUCHED, LOAD_PROFILE, until - 3600, until)
    rows = tuple(Row(at, at, 1, 0, cells) for at, (cells,) in sorted(own.items()))
    assert len(rows) == 4
    page = empty_day(UNTOUCHED, str(LOAD_PROFILE), date(2026, 7, 6), 900, ZoneInfo("UTC"))
    return replace(story, pages=(replace(page, rows=but(rows)),))


def other_value_stored(story: Story) -> Story:
    def one_more(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        *cells, last = rows[2].cells
        return (*rows[:2], rows[2]._replace(cells=(*cells, last + 1)), *rows[3:])

    return with_page(story, but=one_more)


def value_of_another_time_stored(story: Story) -> Story:
    return with_page(story, but=lambda rows: (rows[0]._replace(cells=rows[3].cells), *rows[1:]))


def value_of_another_time_flagged(story: Story) -> Story:
    """A flag excuses what a meter spelled, and this one spells its times well."""

    def moved(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        doubtful = rows[0]._replace(cells=rows[3].cells, quality=RowQuality.CLOCK_DOUBTFUL)
        return doubtful, *rows[1:]

    return with_page(story, but=moved)


def interval_stored_twice(story: Story) -> Story:
    return with_page(story, but=lambda rows: (*rows, rows[1]))


def power_from_nowhere(story: Story) -> Story:
    """A customer's meter counts what never flowed through the transformer's."""
    assert story.world.grid is not None
    feeder = story.world.grid.feeder("T-001")
    begin = story.scenario.start_utc.timestamp()
    for at in (begin, begin + story.simulated_s):
        feeder.head_totals(at)
    feeder.fixed = {UNTOUCHED: (90_000,) * feeder.connections(UNTOUCHED)}
    feeder._drawn.clear()
    feeder._of_days.clear()
    feeder._counted.clear()
    return story


def keys_lost(story: Story) -> Story:
    return replace(story, keys={UNTOUCHED: APART})


SPOILT: dict[Spoil, set[str]] = {
    error_inside: {ERROR},
    order_lost: {STORED},
    order_from_nowhere: {STORED},
    order_for_another_meter: {STORED},
    order_left_open: {ENDED, ONE_STATE, ONE_REPLY, TRUE_REPLY},
    ended_twice: {ONE_STATE},
    ended_otherwise_than_the_journal_says: {ONE_STATE},
    two_replies: {ONE_REPLY},
    no_event: {ONE_REPLY},
    reply_forgotten_on_its_way: {REACHED},
    event_forgotten_on_its_way: {REACHED},
    legacy_row_never_written: {REACHED},
    replies_mixed_up: {TRUE_REPLY},
    other_reason_recorded: {TRUE_REPLY},
    fault_blamed_that_was_not: {TRUE_REASON, TRUE_REPLY},
    limit_behind_our_back: {ORDERED},
    limit_of_the_failed_order: {ORDERED},
    connected_unasked: {ORDERED},
    other_limit_later: {ORDERED, WAS_DONE},
    other_amount_recorded: {ORDERED, WAS_DONE},
    same_limit_again: {ONCE},
    cut_again: {ONCE},
    same_limit_too_late: {IN_TIME},
    accepted_after_it_was_done: {IN_TIME},
    limit_lost_at_the_meter: {WAS_DONE},
    supply_back_by_hand: {WAS_DONE},
    other_value_stored: {OWN_ROWS},
    value_of_another_time_stored: {OWN_ROWS},
    value_of_another_time_flagged: {OWN_ROWS},
    interval_stored_twice: {ROWS_ONCE},
    power_from_nowhere: {ENERGY},
    keys_lost: {KEYS},
}


def broken(story: Story) -> set[str]:
    return {check.name for check in invariants(story) if not check.ok}


def test_the_story_itself_breaks_none() -> None:
    assert broken(told()) == set()
    assert broken(with_page(told(), but=lambda rows: rows)) == set()


@pytest.mark.parametrize(
    ("spoil", "seen"), SPOILT.items(), ids=[spoil.__name__ for spoil in SPOILT]
)
def test_what_is_spoilt_is_seen(spoil: Spoil, seen: set[str]) -> None:
    assert broken(spoil(told())) == seen


def test_every_invariant_is_spoilt() -> None:
    assert set().union(*SPOILT.values()) == set(ALWAYS)
