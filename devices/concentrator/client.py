"""A concentrator as DLMS client: a session for one errand, by either engine.

Invocation counters are reserved in flash before they are used, a block at a time, so that a reboot
in the middle of a session cannot make it use one twice.  A counter that is not known, or that the
meter rejected because another client of the same keys has been there, is the meter's to name: in
its refusal, or when its public client asks.  What flash holds is never lowered below what was used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from devices.concentrator.flash import Counters
from devices.concentrator.table import GURUX, Entry
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import ClientEngine
from protocols.dlms.keys import COUNTER_MAX
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, Working
from protocols.dlms.script import CounterSource
from protocols.dlms.session import MayAct, Phase, Session
from protocols.dlms.settings import ClientSettings

PDU_OCTETS = 8192  # that we take at once: a PLC message has 64 segments of some 250 at most
RESERVED = 256  # counters at a time; a session has some tens of messages, a long profile more


@dataclass(frozen=True, slots=True)
class Client:
    """What a concentrator brings to each association."""

    system_title: bytes
    response_timeout_s: float = 10.0

    def open(
        self,
        entry: Entry,
        counters: Counters,
        procedure: Working[Outcome],
        *,
        engine: str,
        challenge: Callable[[], bytes],
        may_act: MayAct,
    ) -> Session:
        """A session that has not started yet."""
        public = ClientSettings(max_pdu_size=PDU_OCTETS, response_timeout_s=self.response_timeout_s)
        return Session(
            partial(self._associating, entry, counters, engine, challenge),
            procedure,
            client=entry.client,
            counter=CounterSource(_engine(engine, public), _counter_of(entry.client)),
            known=counters.next_own,
            renew=partial(_reserve, counters),
            may_act=may_act,
        )

    def _associating(
        self,
        entry: Entry,
        counters: Counters,
        engine: str,
        challenge: Callable[[], bytes],
        counter: int,
    ) -> ClientEngine:
        settings = ClientSettings(
            authentication=AuthenticationMechanism.HIGH_GMAC,
            keys=entry.keys,
            system_title=self.system_title,
            peer_system_title=entry.system_title,
            security=Security.AUTHENTICATED_ENCRYPTED,
            invocation_counter=counter,
            invocation_counter_end=_reserve(counters, counter),
            peer_invocation_counter=counters.peer_lowest,
            challenge=challenge(),
            max_pdu_size=PDU_OCTETS,
            response_timeout_s=self.response_timeout_s,
        )
        return _engine(engine, settings)


def _counter_of(client: int) -> LogicalName:
    return LogicalName(f"0.0.43.1.{client}.255")


def _reserve(counters: Counters, first: int) -> int:
    """Write into flash that a block of counters from `first` on is used; where it ends."""
    end = min(first + RESERVED, COUNTER_MAX + 1)
    counters.next_own = max(end, counters.next_own or 0)
    return end


def close(session: Session, counters: Counters) -> None:
    """Remember how far the counters have come."""
    engine = session.engine
    if engine is None or counters.next_own is None or session.phase is Phase.COUNTER:
        return  # it never came beyond the public client, which has no counters
    counters.next_own = engine.invocation_counter
    counters.peer_lowest = max(counters.peer_lowest, engine.peer_invocation_counter)


def _engine(name: str, settings: ClientSettings) -> ClientEngine:
    if name == GURUX:
        from protocols.dlms.gurux import GuruxConnection  # an extra: GPL-2.0-only

        return GuruxConnection(settings)
    return ClientConnection(settings)
