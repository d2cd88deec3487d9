"""Why a meter is not reading, as a database tells: the verdict, and the likeliest cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from headend.domain.cause import Cause, InSpanish
from headend.domain.event import Event, Incident, IncidentKind, Severity, Source
from headend.domain.life_cycle import LifeLine, Step
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.order import State
from headend.domain.reason import ReasonCode
from headend.domain.upkeep import HourHeard, SessionChange
from headend.domain.utility_day import span_of
from headend.domain.why import HourHeld, Verdict, Why
from headend.store.transaction import SqlTransaction
from headend.store.why_queries import why
from headend.why.page import page
from headend.why.words import evidence_of, next_step_of, sentence, text_of
from tests.store.making import STORY, order
from tests.store.test_ledger import ZONE
from tests.store.test_service_levels import DAY, collected

NOON = datetime.fromtimestamp(span_of(DAY, ZONE).begin, UTC) + timedelta(hours=12)
WHOLE = dict.fromkeys(range(1, 97), 3600)


def asked(connection: Connection, name: str = "m", days: int = 3) -> Why:
    found = why(connection, name, ZONE, NOON, days=days)
    assert found is not None
    return found


def days(tx: SqlTransaction, *held: dict[int, int]) -> None:
    """What is here of the days up to today, the earliest first."""
    for back, after_s in zip(range(len(held) - 1, -1, -1), held, strict=True):
        if after_s:
            collected(tx, "m", after_s, DAY - timedelta(days=back))


def linked(tx: SqlTransaction) -> None:
    tx.put_concentrators([Concentrator("C1")])
    tx.put_meters([Meter("m", "C1", commissioned=True)])


def reads(tx: SqlTransaction) -> None:
    linked(tx)
    days(tx, WHOLE, WHOLE, dict.fromkeys(range(1, 40), 3600))


def for_a_day(tx: SqlTransaction) -> None:
    """The newest is 24 hours old; nothing that had 24 hours to come is missing."""
    linked(tx)
    days(tx, WHOLE, dict.fromkeys(range(1, 49), 3600), {})
    tx.add_session(SessionChange("C1", NOON, False, 1))


def gaps(tx: SqlTransaction) -> None:
    linked(tx)
    days(tx, dict.fromkeys(range(11, 97), 3600), WHOLE, {1: 60})


def silent(tx: SqlTransaction) -> None:
    linked(tx)
    days(tx, WHOLE, {}, {})
    tx.add_session(SessionChange("C1", NOON - timedelta(hours=30), False, 1))


def never(tx: SqlTransaction) -> None:
    linked(tx)


def unregistered(tx: SqlTransaction) -> None:
    tx.put_meters([Meter("m", stage=Stage.IN_STOCK)])


def new(tx: SqlTransaction) -> None:
    """Commissioned and linked ten minutes ago, far down a line that does not carry orders yet."""
    linked(tx)
    tx.put_meters([Meter("m", "C1", commissioned=True, stage=Stage.LINKED)])
    at = NOON - timedelta(minutes=10)
    tx.add_life(
        [
            LifeLine("m", at, Step.COMMISSION, Stage.INSTALLED, Stage.COMMISSIONED, "a", ""),
            LifeLine("m", at, Step.LINK, Stage.COMMISSIONED, Stage.LINKED, "a", ""),
        ]
    )
    tx.next_order_number()
    tx.add_order(
        order(
            1, meter="m", state=State.FAILED, reason=ReasonCode.LIMIT_NOT_REPRESENTABLE,
            ended_at=NOON, accepted_at=at,
        ),
        [*STORY, (State.FAILED, "it ended")],
    )  # fmt: skip


def failing(tx: SqlTransaction) -> None:
    silent(tx)
    tx.add_session(SessionChange("C1", NOON - timedelta(hours=20), True, 2))
    tx.next_order_number()
    tx.add_order(
        order(
            1, meter="m", state=State.FAILED, reason=ReasonCode.METER_DOES_NOT_ANSWER,
            ended_at=NOON, accepted_at=NOON - timedelta(hours=1),
        ),
        [*STORY, (State.FAILED, "it ended")],
    )  # fmt: skip


def without_supply(tx: SqlTransaction) -> None:
    failing(tx)
    at = NOON - timedelta(hours=30)
    tx.add_event(Event("m", "power-up", Severity.INFO, at, at, (Source.LOG,)))
    at += timedelta(hours=1)
    tx.add_event(Event("m", "power-down", Severity.CRITICAL, at, at, (Source.PUSH,)))


def in_an_outage(tx: SqlTransaction) -> None:
    without_supply(tx)
    at = NOON - timedelta(hours=29)
    number = tx.add_incident(
        Incident(IncidentKind.OUTAGE, "transformer T-7", at, at, members=80, without=80)
    )
    tx.add_event(
        Event("m", "last-gasp", Severity.CRITICAL, at, at, (Source.PUSH,), incident=number)
    )


CASES: dict[str, tuple[Callable[[SqlTransaction], None], Verdict, str, str]] = {
    # what is there: the verdict, and both sentences
    "whole": (
        reads, Verdict.READS,
        ("Meter m is reading: all 144 intervals of the last 3 days that had 24 hours to come are"
        " here."),
        ("El medidor m lee: están los 144 intervalos de los últimos 3 días que tuvieron 24 horas"
        " para llegar."),
    ),
    "nothing for a day, and nothing missing": (
        for_a_day, Verdict.SILENT,
        "Meter m has no values since 2026-07-05 12:00-04:00: its concentrator C1 is not on line.",
        ("El medidor m no tiene valores desde 2026-07-05 12:00-04:00: su concentrador C1 no está en"
        " línea."),
    ),
    "gaps": (
        gaps, Verdict.GAPS,
        ("Meter m is reading with gaps: of the last 3 days' 144 intervals that had 24 hours to"
        " come, 10 are missing: C1 was not told to collect this profile."),
        ("El medidor m lee con vacíos: faltan 10 de los 144 intervalos de los últimos 3 días que"
        " tuvieron 24 horas para llegar: a C1 no se le pidió recoger este perfil."),
    ),
    "silent": (
        silent, Verdict.SILENT,
        "Meter m has no values since 2026-07-05 00:00-04:00: its concentrator C1 is not on line.",
        ("El medidor m no tiene valores desde 2026-07-05 00:00-04:00: su concentrador C1 no está en"
        " línea."),
    ),
    "never": (
        never, Verdict.SILENT,
        ("Meter m was never read, and 240 intervals are due: C1 was not told to collect this"
        " profile."),
        ("El medidor m nunca fue leído, y se esperan 240 intervalos: a C1 no se le pidió recoger"
        " este perfil."),
    ),
    "in stock": (
        unregistered, Verdict.NOT_EXPECTED,
        "Nothing is expected of meter m: it is not commissioned.",
        "Del medidor m no se espera nada: no está comisionado.",
    ),
    "ours for twenty minutes, and its last order failed": (
        new, Verdict.NOT_EXPECTED,
        ("Nothing is expected of meter m: it is ours to read since 2026-07-06 11:50-04:00, and its"
        " first interval ends at 2026-07-06 12:15-04:00."),
        ("Del medidor m no se espera nada: lo leemos desde 2026-07-06 11:50-04:00, y su primer"
        " intervalo termina a las 2026-07-06 12:15-04:00."),
    ),
    "its last order failed": (
        failing, Verdict.SILENT,
        ("Meter m has no values since 2026-07-05 00:00-04:00: its last order, 1, ended failed: the"
        " meter's module is reached, but the meter does not answer."),
        ("El medidor m no tiene valores desde 2026-07-05 00:00-04:00: su última orden, 1, terminó"
        " fallida: el módulo del medidor responde, pero el medidor no."),
    ),
    "no supply, which is why its order failed": (
        without_supply, Verdict.SILENT,
        ("Meter m has no values since 2026-07-05 00:00-04:00: its supply went, and it has not told"
        " that it came back."),
        ("El medidor m no tiene valores desde 2026-07-05 00:00-04:00: se le cortó el suministro, y"
        " no ha dicho que volvió."),
    ),
    "a part of an outage": (
        in_an_outage, Verdict.SILENT,
        ("Meter m has no values since 2026-07-05 00:00-04:00: it is part of an outage at"
        " transformer T-7 that is not over."),
        ("El medidor m no tiene valores desde 2026-07-05 00:00-04:00: es parte de un corte de"
        " suministro en transformador T-7 que no ha terminado."),
    ),
}  # fmt: skip


@pytest.mark.parametrize("made, verdict, english, spanish", CASES.values(), ids=CASES)
def test_the_verdict_and_its_cause(
    connection: Connection,
    tx: SqlTransaction,
    made: Callable[[SqlTransaction], None],
    verdict: Verdict,
    english: str,
    spanish: str,
) -> None:
    made(tx)
    found = asked(connection)
    assert found.verdict is verdict
    assert sentence(found, "en", ZONE) == english
    assert sentence(found, "es", ZONE) == spanish
    for cause in found.causes:
        assert text_of(cause, "es", ZONE) and evidence_of(cause, "es", ZONE)
        assert bool(next_step_of(cause, "en", ZONE)) is bool(next_step_of(cause, "es", ZONE))
    for language in ("en", "es"):
        written = page(found, language, ZONE)  # type: ignore[arg-type]
        assert "http" not in written and "<script" not in written


def test_hours_of_the_last_days(connection: Connection, tx: SqlTransaction) -> None:
    """Yesterday's first hour is whole, of its second half is here, and the rest is not; today's
    thirteenth hour has not come yet."""
    linked(tx)
    days(tx, {}, dict.fromkeys(range(1, 7), 60), {})
    _, yesterday, today = asked(connection).days
    assert yesterday.hours[:3] == (HourHeld(4, 4), HourHeld(4, 2), HourHeld(4, 0))
    assert len(yesterday.hours) == 24 and yesterday.begin == NOON - timedelta(hours=36)
    assert (yesterday.due, yesterday.received) == (96, 6)
    assert (today.hours[11], today.hours[12]) == (HourHeld(4, 0), HourHeld(0, 0))


def test_what_a_device_says_never_becomes_a_part_of_the_page(
    connection: Connection, tx: SqlTransaction
) -> None:
    tx.put_meters([Meter("m", commissioned=True, model="<script>alert(1)</script>")])
    assert "<script>" not in page(asked(connection), "en", ZONE)


def test_the_page_draws_orders_events_and_the_link(
    connection: Connection, tx: SqlTransaction
) -> None:
    without_supply(tx)
    tx.put_hours(
        HourHeard("C1", "m", NOON - timedelta(hours=back), heard, 10)
        for back, heard in ((1, 10), (2, 5), (3, 0))
    )
    drawn = page(asked(connection), "en", ZONE)
    for kind in ("heard", "weak", "unheard"):
        assert drawn.count(f'<rect class="{kind}" x=') == 1
    assert drawn.count('<circle class="bad" cx=') == 1
    assert drawn.count('<path class="alarm" d="M') == 2  # and the legend's
    assert drawn.count('<path class="event" d="M') == 1
    assert ">0 / 48</text>" in drawn


def test_what_came_later_is_not_told(connection: Connection, tx: SqlTransaction) -> None:
    """As of eleven nothing is known of what noon brought: not of the order that failed then, nor of
    the last event, the last session and the values that came."""
    linked(tx)
    days(tx, WHOLE, WHOLE, dict.fromkeys(range(1, 40), 3 * 3600))  # the last until 12:45
    eleven = NOON - timedelta(hours=1)
    tx.add_session(SessionChange("C1", eleven, True, 1))
    tx.add_session(SessionChange("C1", NOON, False, 1))
    tx.add_event(Event("m", "power-down", Severity.CRITICAL, NOON, NOON, (Source.PUSH,)))
    for number in (1, 2):
        tx.next_order_number()
        accepted = eleven - timedelta(minutes=5) if number == 1 else NOON
        made = order(number, meter="m", accepted_at=accepted)
        tx.add_order(made, STORY)
        failed = ReasonCode.METER_DOES_NOT_ANSWER
        ended = made.to(State.FAILED, reason=failed, ended_at=NOON)
        tx.save_order(ended, at=NOON, cause="it ended")
    then = why(connection, "m", ZONE, eleven, days=3)
    assert then is not None
    assert [(each.number, each.state, each.reason) for each in then.orders] == [
        (1, State.QUEUED, None)
    ]
    assert then.events == () and [each.online for each in then.sessions] == [True]
    assert then.last_at == eleven - timedelta(hours=3), "what ended at eight came at eleven"
    assert then.days[-1].received == 32
    assert not [each for each in then.causes if each.at is not None and each.at > eleven]
    texts = " ".join(each.text for each in asked(connection).causes)
    assert "its last order, 2" in texts and "is not on line" in texts
    assert "order" not in " ".join(each.text for each in then.causes)


TIMES = {
    # what a cause says, when it was: the same by the utility's clock
    "a time of day": ("at 04:41:20Z", NOON, "at 2026-07-06 00:41:20-04:00"),
    "the day before there": ("at 00:30Z", NOON - timedelta(hours=10), "at 2026-07-05 20:30-04:00"),
    "the nearest such time": (
        "at 23:50Z", NOON - timedelta(hours=15, minutes=50), "at 2026-07-05 19:50-04:00",
    ),
    "with its day": ("until 2026-01-02 03:04:05Z", None, "until 2026-01-02 00:04:05-03:00"),
    "of no day": ("at 04:41:20Z", None, "at 04:41:20Z"),
    "no time at all": ("at 25:61Z", NOON, "at 25:61Z"),
    "a name": ("module 1Z", NOON, "module 1Z"),
}  # fmt: skip


@pytest.mark.parametrize("text, at, expected", TIMES.values(), ids=TIMES)
def test_times_are_told_by_one_clock(text: str, at: datetime | None, expected: str) -> None:
    cause = Cause(text, text, InSpanish(text, text, text), at, text)
    for word in (text_of, evidence_of, next_step_of):
        for language in ("en", "es"):
            assert word(cause, language, ZONE) == expected  # type: ignore[arg-type]


def test_nobody(connection: Connection) -> None:
    assert why(connection, "nobody", ZONE, NOON) is None
