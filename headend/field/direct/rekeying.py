"""New keys for a meter that is reached directly, for each of the head-end's own clients there.

A change that was cut stands in the vault with both sets of keys: the next one takes it up, and
before anything else is asked of the meter it is found out which of the two the meter has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from headend.domain.failure import Failure
from headend.domain.meter import Meter
from headend.domain.reason import ReasonCode
from headend.field.direct.key_sessions import KeySessions, security_setup
from headend.field.direct.line import Line
from headend.field.direct.own_access import title_of
from headend.field.direct.trace import Trace
from headend.models import Model
from headend.ports import Chance, Clock, Vault
from headend.registry import key_change
from protocols.concentrator.messages import Status
from protocols.dlms.procedures import Outcome

_SESSION_FAILED = frozenset(
    {Status.UNREACHABLE, Status.NO_ANSWER, Status.UNKNOWN, Status.STALE, Status.REFUSED}
)
"""Where these are a session's end, how it failed says more than the change can."""

INSTALL = "ami meter add METER --key CLIENT:ENCRYPTION:AUTHENTICATION:MASTER"


@dataclass(frozen=True, slots=True)
class Rekeying:
    """Changes keys, and settles changes that were cut."""

    vault: Vault
    clock: Clock
    chance: Chance
    system_title: bytes

    async def change(
        self, meter: Meter, model: Model, line: Line, trace: Trace, may_act: Callable[[], bool]
    ) -> Outcome | Failure:
        """Give every client of ours new keys, one after the other; the first that fails ends it.

        Raises KeysUnreadable.
        """
        done = Outcome(Status.DONE)
        for role in _roles(model):
            association = model.association[role]
            if await self.vault.keys(meter.name, association.client) is None:
                if role == model.acts_as:
                    return _missing(f"no keys of client {association.client} are known")
                continue
            setup = security_setup(association)
            if setup is None:
                return _missing(f"the model {model.name} names no security setup for {role}")
            sessions = self._sessions(meter, model, role, line, trace)
            sessions.may_act = may_act
            outcome = await key_change.change(
                self.vault,
                meter.name,
                association.client,
                lambda current: key_change.fresh_keys(current, self._secret),
                sessions,
                setup,
            )
            if outcome.status is Status.UNREPRESENTABLE:
                return _missing(f"the master key of client {association.client} is not known")
            if outcome.status is not Status.DONE:
                failure = sessions.failure
                if failure is None or outcome.status not in _SESSION_FAILED:
                    return outcome
                if failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER:
                    # After a transfer that got no answer this says that the meter kept its old
                    # keys: what failed is the transfer, and it may be made again.
                    failure = sessions.unsettled or failure
                return replace(failure, acted=failure.acted or outcome.acted)
            done = outcome
        return done

    async def settle(self, meter: Meter, model: Model, role: str, line: Line, trace: Trace) -> None:
        """Before a session: where a change was cut, find out which keys the meter has.

        What this does not find out the session itself will tell.  Raises KeysUnreadable.
        """
        association = model.association[role]
        if association.ciphers:
            sessions = self._sessions(meter, model, role, line, trace)
            await key_change.settle(self.vault, meter.name, association.client, sessions)

    def _sessions(
        self, meter: Meter, model: Model, role: str, line: Line, trace: Trace
    ) -> KeySessions:
        return KeySessions(
            lambda: line,
            model,
            self.vault,
            self.clock,
            self.chance,
            self.system_title,
            title_of(meter),
            role,
            trace,
        )

    def _secret(self, count: int) -> bytes:
        return self.chance.octets("meter keys", count)


def _roles(model: Model) -> Iterator[str]:
    """Associations under keys of our own, of each client one."""
    yield model.acts_as
    reader = model.association[model.reads_as]
    if reader.ciphers and reader.client != model.association[model.acts_as].client:
        yield model.reads_as


def _missing(why: str) -> Failure:
    return Failure(ReasonCode.KEY_NOT_KNOWN, why, f"enter it: {INSTALL}")
