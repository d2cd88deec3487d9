"""What a question changes, once for one Idempotency-Key, with its line in the audit log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from headend.access import lines
from headend.domain.account import Caller, Permission
from headend.orders.inbox import Conflict, Received
from headend.ports import Transaction
from headend.registry.lives import NotTaken
from headend.rest.asking import Parts, source_of
from headend.rest.problems import Problem


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that changes something: by what permission, under which key, of what.

    `octets` tell it from any other; they are kept, so no secret stands in them.
    """

    caller: Caller
    permission: Permission
    key: str
    octets: bytes
    subject: str
    told: str


async def once(
    request: Request, parts: Parts, asking: Asking, work: Callable[[Transaction], bytes]
) -> bytes:
    """Do it in one transaction; the answer, which is that of the first time.  Raises `Problem`."""
    now, source, account = parts.clock.now(), source_of(request), asking.caller.account

    def effect(tx: Transaction, _transaction_id: str) -> tuple[None, bytes]:
        answer = work(tx)
        line = lines.done(
            now, account, asking.permission, asking.subject, asking.told, source=source
        )
        tx.add_audit(line)
        return None, answer

    digest = hashlib.sha256(asking.octets).hexdigest()
    try:
        taken = await parts.placing.inbox.take(
            Received(account, asking.key, digest, asking.octets), effect
        )
    except NotTaken as error:
        status = 404 if error.code.startswith("no-such-") else 409
        raise Problem(
            status, error.code, "Nothing was changed.", str(error), error.next_step
        ) from error
    if isinstance(taken, Conflict):
        raise Problem(
            422, "key-reused", "Nothing was changed.",
            "another question came with this Idempotency-Key before",
            "Make a new key for each step.",
        )  # fmt: skip
    return taken.answer
