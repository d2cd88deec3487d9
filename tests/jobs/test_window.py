"""Which kinds of orders a technician's device carries out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.job import Authorisation, Job
from headend.domain.order import OWN, Kind, Order
from headend.jobs.window import window

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)  # a Monday
LATER = AT + timedelta(hours=8)
JOB = Job("j", "d", AT, AT, LATER, Authorisation.READ_AND_WRITE, b"")
BY_THE_HEAD_END = {Kind.RESET_DEMAND, Kind.LOAD_OFF, Kind.LOAD_ON}


@pytest.mark.parametrize("kind", sorted(set(Kind) - OWN))
def test_what_a_technician_may_carry_out(kind: Kind) -> None:
    amount = Decimal(3300) if kind is Kind.SET_LIMIT else None
    order = Order(1, "t", "s", "m", kind, AT, AT, AT, LATER, amount=amount)
    taken, why = window(order, JOB, policy=OrderPolicy(), days=WorkingDays(UTC, ()))
    assert (taken is None) is (kind in BY_THE_HEAD_END)
    assert bool(why) is (kind in BY_THE_HEAD_END)
