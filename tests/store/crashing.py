"""A process that accepts, claims and settles orders as fast as it can, and tells on stdout what it
was told is safe.  It is killed in the middle of it (test_crash)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from headend.domain.order import State
from headend.ports import InboundMessage, Transaction
from headend.store.store import SqlStore
from tests.store.making import STORY, T0, at, order, outgoing

CLIENTS = 16


class ThisOneFails(Exception):
    """A work that takes its own writes back."""


def accept(name: str, *, fail: bool) -> Callable[[Transaction], int]:
    def work(tx: Transaction) -> int:
        number = tx.next_order_number()
        tx.add_order(order(number, transaction_id=name, meter=name, message_id=name), STORY)
        tx.add_inbound(InboundMessage("CIS", name, "d", T0, name, b"<order/>", b"<reply/>"))
        if fail:
            raise ThisOneFails
        return number

    return work


def settle(number: int) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.save_order(order(number, state=State.DONE, ended_at=T0), at=T0, cause="done")
        tx.post(outgoing(f"reply-{number}", order=number))
        tx.post(outgoing(f"event-{number}", order=number, kind="event"))

    return work


def tell(*words: Any) -> None:
    print(*words, flush=True)


async def client(store: SqlStore, run: str, me: int) -> None:
    for count in range(1_000_000):
        name = f"{run}-{me}-{count}"
        fail = count % 5 == 4
        try:
            tell("accepted", name, await store.run(accept(name, fail=fail)))
        except ThisOneFails:
            tell("refused", name)
        if count % 2:
            claimed = await store.run(
                lambda tx: tx.claim("C1", worker="w", now=T0, lease_until=at(60))
            )
            if claimed is not None:
                await store.run(settle(claimed.number))
                tell("settled", claimed.number)


async def main(url: str, run: str) -> None:
    store = SqlStore(url, live=True)
    await asyncio.gather(*(client(store, run, me) for me in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
