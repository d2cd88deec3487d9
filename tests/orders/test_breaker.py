"""The circuit of one concentrator does not touch another's, and one order makes the trial."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headend.config import OrderPolicy
from headend.orders.breaker import Breaker

START = datetime(2026, 7, 6, 12, tzinfo=UTC)
POLICY = OrderPolicy(breaker_failures=3, breaker_rest_s=60, backoff_max_s=200)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def opened() -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(3):
        assert breaker.blocked_until("A", START) is None
        breaker.failed("A", START)
    return breaker


def test_opens_after_failures_in_a_row() -> None:
    breaker = opened()
    assert breaker.blocked_until("A", after(1)) == after(60)
    assert breaker.blocked_until("B", after(1)) is None


def test_any_word_closes_it() -> None:
    breaker = opened()
    breaker.succeeded("A")
    assert breaker.blocked_until("A", after(1)) is None
    breaker.failed("A", after(1))
    assert breaker.blocked_until("A", after(1)) is None


def test_one_order_makes_the_trial() -> None:
    breaker = opened()
    assert breaker.blocked_until("A", after(60)) is None
    assert breaker.blocked_until("A", after(61)) is not None


def test_a_failed_trial_doubles_the_rest_up_to_the_maximum() -> None:
    breaker = opened()
    now, rests = after(60), []
    for _ in range(4):
        assert breaker.blocked_until("A", now) is None
        breaker.failed("A", now)
        until = breaker.blocked_until("A", now)
        assert until is not None
        rests.append((until - now).total_seconds())
        now = until
    assert rests == [120, 200, 200, 200]
