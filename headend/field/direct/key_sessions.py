"""Sessions for a key change: one conversation each, with the keys and counters that it names.

`registry.key_change` says which keys, which procedure, in which order; here it is carried out at a
meter that is reached directly.  What is not known of an answer is left to the next session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.field.direct.access import Access, Credentials
from headend.field.direct.conversation import Conversation
from headend.field.direct.line import Line
from headend.field.direct.trace import Trace
from headend.models import Association, Model
from headend.ports import Chance, Clock, Generation, Vault
from protocols.concentrator.messages import Status
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, Procedure

_STATUS = {
    ReasonCode.WRONG_KEY_OR_COUNTER: Status.KEY_REJECTED,
    ReasonCode.REFUSED_ASSOCIATION: Status.REFUSED,
    ReasonCode.LINE_UNAVAILABLE: Status.UNREACHABLE,
    ReasonCode.EXPIRED: Status.STALE,
}
"""Of a session in which nothing acted; any other one got no answer that says anything."""


@dataclass(slots=True)
class KeySessions:
    """Holds one session after another with one meter; `line` makes the line for each.

    `failure` is how the last one failed, None where it came to its end; `unsettled` how the last
    one did in which something acted and got no answer.
    """

    line: Callable[[], Line]
    model: Model
    vault: Vault
    clock: Clock
    chance: Chance
    system_title: bytes
    meter_title: bytes | None
    role: str = "management"
    trace: Trace | None = None  # of all sessions together; nothing in it is deciphered
    may_act: Callable[[], bool] = lambda: True
    failure: Failure | None = None
    unsettled: Failure | None = None

    async def __call__(self, generation: Generation, procedure: Procedure) -> Outcome:
        """One session with these keys.  Implements `registry.key_change.Converse`."""
        pairs = None
        if self.model.association[self.role].signs:
            pairs = await self.vault.key_pairs(generation.meter, generation.client)
        credentials = Credentials(keys=generation.keys, pairs=pairs, meter_title=self.meter_title)
        access = Access(self.system_title, credentials, self.vault.counters(generation))
        talk = Conversation(
            self.line(),
            self.model,
            access,
            clock=self.clock,
            chance=self.chance,
            role=self.role,
            trace=self.trace,
        )
        async with talk:
            opened = await talk.open()
            if isinstance(opened, Failure):
                procedure.close()
                return self._failed(opened)
            found = await talk.perform(procedure, may_act=self.may_act, confidential=True)
            if isinstance(found, Failure):
                return self._failed(found)
            self.failure = None
            return found

    def _failed(self, failure: Failure) -> Outcome:
        """A session's failure, as a key change tells it: does the meter have these keys or not?"""
        self.failure = failure
        status = _STATUS.get(failure.reason, Status.NO_ANSWER)
        if failure.acted:
            status, self.unsettled = Status.UNKNOWN, failure
        return Outcome(status, acted=failure.acted, detail=str(failure))


def security_setup(association: Association) -> LogicalName | None:
    """The security setup of an association's client, None where the model does not tell.

    Setup and counter of one client share value group E: 0.0.43.0.E and 0.0.43.1.E (Blue Book, 6.2).
    """
    if not association.counter:
        return None
    return LogicalName(association.counter.replace("0.0.43.1.", "0.0.43.0.", 1))
