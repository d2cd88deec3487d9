"""Sessions for a key change: one conversation each, with the keys and counters that it names.

`registry.key_change` says which keys, which procedure, in which order; here it is carried out at a
meter that is reached directly.  What is not known of an answer is left to the next session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.field.direct.access import Access, Credentials
from headend.field.direct.conversation import Conversation
from headend.field.direct.line import Line
from headend.models import Model
from headend.ports import Chance, Clock, Generation, Vault
from protocols.concentrator.messages import Status
from protocols.dlms.procedures import Outcome, Procedure

_STATUS = {
    ReasonCode.WRONG_KEY_OR_COUNTER: Status.KEY_REJECTED,
    ReasonCode.REFUSED_ASSOCIATION: Status.REFUSED,
    ReasonCode.LINE_UNAVAILABLE: Status.UNREACHABLE,
}
"""Of a session in which nothing acted; any other one got no answer that says anything."""


def sessions(
    line: Callable[[], Line],
    model: Model,
    vault: Vault,
    *,
    clock: Clock,
    chance: Chance,
    system_title: bytes,
    meter_title: bytes | None,
    role: str = "management",
) -> Callable[[Generation, Procedure], Awaitable[Outcome]]:
    """Holds one session after another with one meter; `line` makes the line for each."""

    async def converse(generation: Generation, procedure: Procedure) -> Outcome:
        credentials = Credentials(keys=generation.keys, meter_title=meter_title)
        access = Access(system_title, credentials, vault.counters(generation))
        talk = Conversation(line(), model, access, clock=clock, chance=chance, role=role)
        async with talk:
            opened = await talk.open()
            if isinstance(opened, Failure):
                procedure.close()
                return _outcome(opened)
            found = await talk.perform(procedure)
            return _outcome(found) if isinstance(found, Failure) else found

    return converse


def _outcome(failure: Failure) -> Outcome:
    """A session's failure, as a key change tells it: does the meter have these keys or not?"""
    status = _STATUS.get(failure.reason, Status.NO_ANSWER)
    if failure.acted:
        status = Status.UNKNOWN
    return Outcome(status, acted=failure.acted, detail=str(failure))
