"""What pages and commands look up, also from another process while the server writes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Attempt, Kind, State
from headend.domain.reason import ReasonCode
from headend.ports import InboundMessage, StoreUnavailable, Transaction
from headend.store import queries
from headend.store.queries import ChannelState, OrderFilter
from headend.store.store import Reader, SqlStore
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.store.making import STORY, T0, at, order, outgoing

ORDERS = (
    order(1, source="MDM"),
    order(2, kind=Kind.SET_LIMIT, state=State.DONE, accepted_at=at(10)),
    order(3, meter="M2", state=State.FAILED, reason=ReasonCode.PACKET_LOSS, accepted_at=at(20)),
    order(4, concentrator="C2", correlation_id="k", accepted_at=at(30)),
    order(5, concentrator=None, state=State.REJECTED, reason=ReasonCode.UNKNOWN_METER),
)

FILTERS: dict[str, tuple[OrderFilter, list[int]]] = {
    # name: (filter, orders found)
    "all": (OrderFilter(), [5, 4, 3, 2, 1]),
    "states": (OrderFilter(states={State.QUEUED, State.DONE}), [4, 2, 1]),
    "kind": (OrderFilter(kinds=[Kind.SET_LIMIT]), [2]),
    "reason": (OrderFilter(reasons=[ReasonCode.PACKET_LOSS, ReasonCode.UNKNOWN_METER]), [5, 3]),
    "meter": (OrderFilter(meter="M2"), [3]),
    "concentrator": (OrderFilter(concentrator="C2"), [4]),
    "source": (OrderFilter(source="MDM"), [1]),
    "transaction": (OrderFilter(transaction_id="t3"), [3]),
    "correlation": (OrderFilter(correlation_id="k"), [4]),
    "since": (OrderFilter(since=at(10)), [4, 3, 2]),
    "until": (OrderFilter(until=at(10)), [5, 1]),
    "together": (OrderFilter(meter="M1", states=[State.QUEUED], since=at(1)), [4]),
    "nothing": (OrderFilter(meter="M9"), []),
}


@pytest.mark.parametrize("which, found", FILTERS.values(), ids=FILTERS)
def test_orders(
    tx: SqlTransaction, connection: Connection, which: OrderFilter, found: list[int]
) -> None:
    for made in ORDERS:
        tx.add_order(made, STORY)
    assert [one.number for one in queries.orders(connection, which)] == found


def test_orders_page_by_page(tx: SqlTransaction, connection: Connection) -> None:
    for made in ORDERS:
        tx.add_order(made, STORY)
    pages = [queries.orders(connection, before=before, limit=2) for before in (None, 4, 2)]
    assert pages == [[ORDERS[4], ORDERS[3]], [ORDERS[2], ORDERS[1]], [ORDERS[0]]]


def test_all_about_an_order(tx: SqlTransaction, connection: Connection) -> None:
    made = order(1)
    message = InboundMessage("CIS", "m", "d", T0, "t1", b"<order/>", b"<reply/>")
    tx.add_order(made, STORY)
    tx.add_inbound(message)
    tx.begin_attempt(Attempt(1, 1, T0))
    tx.post(outgoing("a"))
    tx.post(outgoing("b", kind="event"))
    tx.settle("a", at=at(1))
    assert queries.order(connection, 1) == made
    assert queries.order(connection, 2) is None
    assert [line.cause for line in queries.journal(connection, 1)] == ["from CIS", "waits"]
    assert queries.attempts(connection, 1) == [Attempt(1, 1, T0)]
    assert queries.inbound_of(connection, "t1") == message
    assert queries.inbound_of(connection, "t2") is None
    assert queries.outgoing_of(connection, 1) == [
        replace(outgoing("a"), sequence=1, settled_at=at(1)),
        replace(outgoing("b"), sequence=2, kind="event"),
    ]


def test_who_has_an_order_in_hand(tx: SqlTransaction, connection: Connection) -> None:
    tx.add_order(order(1), STORY)
    assert queries.lease(connection, 1) is None
    tx.claim("C1", worker="w", now=T0, lease_until=at(60))
    assert queries.lease(connection, 1) == ("w", at(60))
    assert queries.lease(connection, 2) is None


def test_what_is_owed(tx: SqlTransaction, connection: Connection) -> None:
    assert queries.outbox(connection) == []
    tx.add_order(order(1), STORY)
    tx.post(outgoing("a"))
    tx.post(outgoing("b", created_at=at(5)))
    tx.post(outgoing("c", channel="soap"))
    tx.post(outgoing("d", channel="legacy"))
    tx.settle("d", at=T0)
    tx.postpone("a", until=at(30))
    assert queries.outbox(connection) == [
        ChannelState("queue", unsettled=2, oldest=T0, most_tries=1, next_due=at(30)),
        ChannelState("soap", unsettled=1, oldest=T0, most_tries=0, next_due=T0),
    ]


def test_how_much_there_is(tx: SqlTransaction, connection: Connection) -> None:
    for made in ORDERS:
        tx.add_order(made, STORY)
    assert queries.waiting(connection) == {"C1": 1, "C2": 1}
    assert queries.count_states(connection)[State.QUEUED] == 2


def test_devices_page_by_page(tx: SqlTransaction, connection: Connection) -> None:
    meters = [Meter(f"M{number}", f"C{number % 2}") for number in range(5)]
    tx.put_meters(reversed(meters))
    tx.put_concentrators([Concentrator("C1"), Concentrator("C0", "sim")])
    assert queries.meter(connection, "M3") == meters[3]
    assert queries.meters(connection, limit=2) == meters[:2]
    assert queries.meters(connection, after="M1", limit=9) == meters[2:]
    assert queries.meters(connection, concentrator="C1") == [meters[1], meters[3]]
    assert queries.concentrators(connection) == [Concentrator("C0", "sim"), Concentrator("C1")]
    assert queries.concentrators(connection, after="C0") == [Concentrator("C1")]


# --- beside the writer ---------------------------------------------------------------------------


def add(number: int) -> Callable[[Transaction], None]:
    return lambda tx: tx.add_order(order(number), STORY)


async def test_the_store_reads_in_memory_too() -> None:
    store = SqlStore(databases.memory(), live=False)
    await store.run(add(1))
    assert store.read(lambda connection: queries.order(connection, 1)) == order(1)
    await store.close()


def reader_sees_only_what_is_committed(store: SqlStore) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        add(2)(tx)
        assert store.read(lambda connection: queries.order(connection, 2)) is None

    return work


async def test_a_reader_neither_waits_for_the_writer_nor_sees_its_halves(tmp_path: Path) -> None:
    store = SqlStore(databases.at(tmp_path / "x.db"), live=False)
    await store.run(reader_sees_only_what_is_committed(store))
    assert store.read(lambda connection: queries.order(connection, 2)) == order(2)
    await store.close()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    store = SqlStore(url, live=False)
    await store.run(add(1))
    reader = Reader(url)
    refused: dict[Any, Any] = {
        store.read: (DBAPIError, StoreUnavailable),
        reader.read: StoreUnavailable,
    }
    for read, error in refused.items():
        with pytest.raises(error, match="read-?only"):
            read(lambda connection: connection.exec_driver_sql("DELETE FROM orders"))
    reader.close()
    await store.close()


READING: dict[str, tuple[str, type[Exception]]] = {
    "no such file": ("sqlite:///{path}/nothing.db", FileNotFoundError),
    "in memory": ("sqlite://", StoreUnavailable),
    "no such kind": ("nonsense://x", StoreUnavailable),
    "no URL": ("://", StoreUnavailable),
}


@pytest.mark.parametrize("url, error", READING.values(), ids=READING)
def test_there_must_be_something_to_read(url: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        Reader(url.format(path=tmp_path))
    assert list(tmp_path.iterdir()) == []


OTHER_PROCESS = """
import sys
from headend.store import queries
from headend.store.store import Reader

reader = Reader(sys.argv[1])
for line in sys.stdin:
    def look(connection):
        return [(one.number, one.state.value, len(queries.journal(connection, one.number)))
                for one in queries.orders(connection, limit=1000)]
    print(reader.read(look), flush=True)
"""


@pytest.mark.live
async def test_another_process_reads_while_this_one_writes(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    store = SqlStore(url, live=True)
    other = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OTHER_PROCESS, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def look() -> Any:
        assert other.stdin is not None and other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        return eval(other.stdout.readline(), {})

    assert await asyncio.to_thread(look) == []
    for first in range(1, 201, 20):
        await asyncio.gather(*(store.run(add(number)) for number in range(first, first + 20)))
        writing = asyncio.gather(
            *(
                store.run(
                    lambda tx, n=number: tx.save_order(
                        order(n, state=State.DONE), at=T0, cause="done"
                    )
                )
                for number in range(first, first + 20)
            )
        )
        seen = await asyncio.to_thread(look)
        await writing
        # Whatever moment it saw, order and journal agree, and nothing that was told is missing.
        assert [number for number, _, _ in seen] == list(range(first + 19, 0, -1))
        assert all(lines == (3 if state == "done" else 2) for _, state, lines in seen)
        assert all(state == "done" for number, state, _ in seen if number < first)
    other.communicate(timeout=30)
    assert other.returncode == 0
    await store.close()
