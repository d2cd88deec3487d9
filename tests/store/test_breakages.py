"""The words that count breakages and end an order without reading it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from headend.domain.order import Order, State
from headend.domain.reason import ReasonCode
from headend.ports import Standing, Unreadable
from headend.store.transaction import SqlTransaction
from tests.store.making import STORY, T0, at, order

ME, ANOTHER = "w", "another"
ENDED: dict[str, Any] = {"state": State.FAILED, "ended_at": T0}


def claimed(tx: SqlTransaction, worker: str = ME, seconds: float = 0) -> Order | None:
    return tx.claim("C1", worker=worker, now=at(seconds), lease_until=at(seconds + 60))


def standing(tx: SqlTransaction, seconds: float = 0, worker: str = ME) -> Standing | None:
    return tx.standing(1, worker=worker, now=at(seconds), looks_since=at(seconds - 3600))


def rest(tx: SqlTransaction, until: datetime, seconds: float = 0, worker: str = ME) -> None:
    tx.rest(1, worker=worker, now=at(seconds), until=until, cause="broke")


def close(tx: SqlTransaction, look_at: datetime | None = None, worker: str = ME) -> bool:
    return tx.close(
        1,
        worker=worker,
        now=at(5),
        reason=ReasonCode.INTERNAL_ERROR,
        look_at=look_at,
        cause="ended",
    )


@pytest.mark.parametrize("worker", [ME, ANOTHER])
def test_only_who_holds_an_order_ends_it(tx: SqlTransaction, worker: str) -> None:
    tx.add_order(order(1), STORY)
    assert claimed(tx, worker)
    mine = worker == ME
    assert (standing(tx) is not None) is mine
    rest(tx, at(60))
    assert tx.look_no_more(1, worker=ME, now=T0, cause="-") is False  # it is open
    assert close(tx) is mine
    assert len(tx.journal(1)) == 2 + 2 * mine


def test_it_is_told_as_it_stands(tx: SqlTransaction) -> None:
    about = {"message_id": "m", "correlation_id": "c", "reply_address": "https://cis/reply"}
    tx.add_order(order(1, commanded=2, until=at(9), noun="MeterConfig", **about), STORY)
    rest(tx, at(60))
    assert standing(tx) == Standing(
        number=1,
        transaction_id="t1",
        source="CIS",
        meter="M1",
        kind="disconnect",
        noun="MeterConfig",
        amount=None,
        unit=None,
        generic=False,
        unfinished=True,
        bounded=True,
        commanded=2,
        breakages=1,
        out_of_time=False,
        **about,
    )


@pytest.mark.parametrize(
    ("standing_at", "changes", "out"),
    [
        (6 * 3600 - 1, {}, False),
        (6 * 3600, {}, True),
        (3599, {**ENDED, "verify_at": T0}, False),
        (3600, {**ENDED, "verify_at": T0}, True),
    ],
)
def test_what_is_out_of_time(
    tx: SqlTransaction, standing_at: float, changes: dict[str, Any], out: bool
) -> None:
    tx.add_order(order(1, **changes), STORY)
    found = standing(tx, standing_at)
    assert found is not None and found.out_of_time is out


RESTS: dict[str, tuple[dict[str, Any], float, float]] = {
    # the order, until when it is to rest, and until when it does
    "an open one": ({}, 60, 60),
    "until its deadline": ({"deadline": at(30)}, 60, 30),
    "behind its deadline": ({"deadline": at(-1)}, 60, 60),
    "one whose effect is looked for": ({**ENDED, "verify_at": T0, "deadline": at(30)}, 60, 60),
}


@pytest.mark.parametrize(("changes", "until", "rests_until"), RESTS.values(), ids=RESTS)
def test_a_rest(
    tx: SqlTransaction, changes: dict[str, Any], until: float, rests_until: float
) -> None:
    tx.add_order(order(1, **changes), STORY)
    assert claimed(tx)
    rest(tx, at(until))
    assert tx.hasten("C1", at(1)) == 0
    assert claimed(tx, seconds=rests_until - 1) is None
    assert claimed(tx, seconds=rests_until) is not None
    assert tx.journal(1)[-1].cause == "broke"


@pytest.mark.parametrize(
    ("commanded", "reason"), [(0, ReasonCode.INTERNAL_ERROR), (1, ReasonCode.PACKET_LOSS)]
)
def test_before_anything_was_sent_a_breakage_is_the_reason(
    tx: SqlTransaction, commanded: int, reason: ReasonCode
) -> None:
    tx.add_order(order(1, commanded=commanded, reason=ReasonCode.PACKET_LOSS), STORY)
    rest(tx, at(60))
    rested = tx.order(1)
    assert rested is not None and rested.reason is reason


@pytest.mark.parametrize("look_at", [None, at(20)])
def test_an_end_comes_once(tx: SqlTransaction, look_at: datetime | None) -> None:
    tx.add_order(order(1), STORY)
    tx.add_order(order(2), STORY)
    assert claimed(tx)
    assert close(tx, look_at) is True
    assert close(tx, look_at) is False
    ended = tx.order(1)
    assert ended is not None
    assert (ended.state, ended.reason, ended.ended_at, ended.verify_at) == (
        State.FAILED,
        ReasonCode.INTERNAL_ERROR,
        at(5),
        look_at,
    )
    assert tx.waiting_orders() == 1
    assert [line.state for line in tx.journal(1)][2:] == [State.FAILED]
    behind = claimed(tx)
    assert behind is not None and behind.number == 2


def test_a_look_is_given_up_once(tx: SqlTransaction) -> None:
    tx.add_order(order(1, verify_at=T0, **ENDED), STORY)
    assert claimed(tx)
    assert tx.look_no_more(1, worker=ME, now=at(5), cause="given up") is True
    assert tx.look_no_more(1, worker=ME, now=at(5), cause="given up") is False
    assert claimed(tx, seconds=3600) is None and tx.waiting_orders() == 0


def _rests(tx: SqlTransaction) -> None:
    rest(tx, at(60))


def _ends(tx: SqlTransaction) -> None:
    assert close(tx)


@pytest.mark.parametrize("what", [_rests, _ends])
@pytest.mark.parametrize("column", ["evidence", "value_read", "state", "kind", "amount", "reason"])
def test_what_cannot_be_read_can_be_ended(
    tx: SqlTransaction, column: str, what: Callable[[SqlTransaction], None]
) -> None:
    tx.add_order(order(1), STORY)
    tx.add_order(order(2, meter="M2"), STORY)
    tx._connection.execute(text(f"UPDATE orders SET {column} = '?' WHERE number = 1"))
    with pytest.raises(Unreadable) as broken:
        claimed(tx)
    assert broken.value.number == 1
    # The store rolls back what raised; here the lease is still there, and this worker's.
    assert standing(tx) is not None
    what(tx)
    other = claimed(tx)
    assert other is not None and other.number == 2
