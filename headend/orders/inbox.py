"""Each commercial message takes effect once, however often it comes.

The key Source + MessageID makes a repeat harmless: the same body gets the octets of the first
answer again, another body is refused.  The message, its effect and the answer are kept by one
transaction, so that there is never one without the others; only then is the answer given.
What is refused as a whole takes no effect and is not kept: it may come again under its key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from headend.ports import Chance, Clock, InboundMessage, Store, Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Received:
    """A message at the door.  `digest` is of its body without time stamps, `octets` are kept for
    whoever asks how an order came about.  One without `message_id` is never recognised when it
    comes again."""

    source: str
    message_id: str | None
    digest: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Taken(Generic[T]):
    """Kept, with its effect."""

    transaction_id: str
    effect: T
    answer: bytes


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same message was here before; `answer` is what it was told then."""

    transaction_id: str
    answer: bytes


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another body came under the same Source and MessageID before; nothing is kept."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where every message goes first, whatever it asks for."""

    store: Store
    clock: Clock
    chance: Chance

    async def take(
        self,
        message: Received,
        effect: Callable[[Transaction, str], tuple[T, bytes]],
    ) -> Taken[T] | Repeated | Conflict:
        """Carry out `effect(tx, transaction_id)`, which returns what it did and the answer to it,
        unless the message was here before.  What it raises leaves nothing behind.

        Raises `StoreUnavailable`; nothing was kept then.
        """
        now = self.clock.now()
        transaction_id = self.chance.uuid()

        def work(tx: Transaction) -> Taken[T] | Repeated | Conflict:
            if message.message_id is not None:
                seen = tx.inbound(message.source, message.message_id)
                if seen is not None:
                    if seen.digest != message.digest or seen.answer is None:
                        return Conflict()
                    return Repeated(seen.transaction_id, seen.answer)
            done, answer = effect(tx, transaction_id)
            tx.add_inbound(
                InboundMessage(
                    message.source,
                    message.message_id,
                    message.digest,
                    now,
                    transaction_id,
                    message.octets,
                    answer,
                )
            )
            return Taken(transaction_id, done, answer)

        return await self.store.run(work)
