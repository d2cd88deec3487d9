"""A process that claims orders and carries them out beside others, and says what it does.

It ends when it has found nothing to claim for a while, or is killed (test_workers).  Each order
takes it three transactions: claim, begin, end.
"""

from __future__ import annotations

import asyncio
import sys

from headend.domain.order import Order, State
from headend.ports import Transaction
from headend.store.store import SqlStore
from tests.store.making import T0, at, outgoing

LANES = 4  # looks for work at once
LOOKS = 20  # in vain, until it is believed that there is none


async def lane(store: SqlStore, worker: str, seconds: float) -> None:
    in_vain = 0
    while in_vain < LOOKS:
        order = await store.run(
            lambda tx: tx.claim("C1", worker=worker, now=at(seconds), lease_until=at(seconds + 60))
        )
        if order is None:
            in_vain += 1
            await asyncio.sleep(0.005)
            continue
        in_vain = 0
        await carry_out(store, order, worker)


async def carry_out(store: SqlStore, order: Order, worker: str) -> None:
    def begin(tx: Transaction) -> None:
        begun = order.to(State.DISPATCHED) if order.state is State.QUEUED else order
        tx.save_order(begun, at=T0, cause=f"begun by {worker}")

    def end(tx: Transaction) -> bool:
        current = tx.order(order.number)
        if current is None or current.final:
            return False
        done = current.to(State.EXECUTING).to(State.DONE, ended_at=T0)
        tx.save_order(done, at=T0, cause=f"done by {worker}")
        tx.post(outgoing(f"reply-{order.number}", order=order.number))
        tx.release(order.number, worker=worker)
        return True

    await store.run(begin)
    print("begun", order.number, flush=True)
    if await store.run(end):
        print("done", order.number, flush=True)


async def main(url: str, worker: str, seconds: str) -> None:
    store = SqlStore(url, live=True)
    print("ready", flush=True)
    sys.stdin.readline()  # all begin together
    await asyncio.gather(*(lane(store, worker, float(seconds)) for _ in range(LANES)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
