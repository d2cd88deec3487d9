"""A destination's end of the bus: each request is performed once, and answered in its own queue.

A state machine without I/O.  It asks for a request to be performed (`Perform`) when it comes first,
and takes the reply by `answer`.  The same request again, sent again by its requester or delivered
twice by a broker, waits with the first one or is told the same octets.  What is remembered does
not outlive the process: a system for which once is essential keeps MessageIDs itself, as this
head-end's order desk does.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from protocols.cim import xml
from protocols.cim.bus.effects import Act, Effect, Perform
from protocols.cim.bus.ledger import Bounds
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.rules import Rules
from protocols.cim.bus.station import BUSY, Station
from protocols.cim.bus.topics import Topics
from protocols.cim.envelope import Kind
from protocols.cim.errors import ReplyError
from protocols.mqtt import Packet, Properties


class Responder(Station):
    """The system called `name` on the bus.

    With `rules` it also judges requests that come past the router: whose they are and whether they
    are permitted; those from the requesters in `trusted` (the router) were judged before.
    `perform_s` is the time for requests that come without an expiry.
    """

    def __init__(
        self,
        name: str,
        *,
        topics: Topics | None = None,
        rules: Rules | None = None,
        trusted: frozenset[str] = frozenset(),
        perform_s: float = 60.0,
        bounds: Bounds | None = None,
        letter_bounds: xml.Bounds = xml.BOUNDS,
    ) -> None:
        super().__init__(
            name,
            topics=topics or Topics(),
            rules=rules,
            bounds=bounds or Bounds(),
            letter_bounds=letter_bounds,
        )
        self._trusted = trusted
        self._perform_s = perform_s

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return (self.topics.to_destination(self.name),)

    def receive(self, packet: Packet, *, now: datetime) -> list[Effect]:
        """Take a packet.  One on another's topic is passed over."""
        asked = self.topics.read_request(packet.topic)
        if asked is not None and asked[0] == self.name:
            self._request(packet, asked[1], now)
        return self._take_effects()

    def answer(self, key: str, octets: bytes, *, now: datetime) -> list[Effect]:
        """The reply to what was to be performed.  A reply that is owed no more is passed over."""
        entry = self._ledger.find(key, now)
        if entry is not None and entry.reply is None:
            self._note(Act.REPLIED, entry.letter, self.name, entry.requester, octets, now)
            self._settle(entry, octets, now)
        return self._take_effects()

    def follow(self, key: str, octets: bytes, *, now: datetime) -> list[Effect]:
        """A further message to a request that was answered PARTIAL or with an acknowledgement: to
        all that asked, while the request is remembered."""
        entry = self._ledger.find(key, now)
        if entry is not None and entry.reply is not None:
            self._note(Act.REPLIED, entry.letter, self.name, entry.requester, octets, now, "more")
            for topic, correlation in entry.askers.items():
                self._send_reply(topic, correlation, octets, now)
        return self._take_effects()

    def fail(self, key: str, error: ReplyError, *, now: datetime) -> list[Effect]:
        """It could not be performed: Reply FAILED, which is remembered as a reply is."""
        entry = self._ledger.find(key, now)
        if entry is not None and entry.reply is None:
            self._fail(entry, error, now)
        return self._take_effects()

    def handle_deadline(self, *, now: datetime) -> list[Effect]:
        """Give up what the system behind did not answer in time.  What it answers later is passed
        over."""
        for entry in self._ledger.due(now):
            error = ReplyError(
                "4.1", f"TIEMPO_AGOTADO: {self.name} no terminó; no se sabe si ejecutó la petición"
            )
            self._fail(entry, error, now)
        return self._take_effects()

    def _source(self, letter: Letter, requester: str, properties: Properties) -> str | ReplyError:
        if requester not in self._trusted:
            return super()._source(letter, requester, properties)
        if letter.source is not None or properties.correlation is None:
            return letter.source or requester
        # Of several nameless systems behind a router, the router's correlation data tells which.
        return f"{requester}:{hashlib.sha256(properties.correlation).hexdigest()}"

    def _request(self, packet: Packet, requester: str, now: datetime) -> None:
        taken = self._take_in(packet, requester, now)
        entry = taken.entry
        if entry is None or not taken.fresh:
            return
        asker, correlation = next(iter(entry.askers.items()))
        source = self._source(entry.letter, requester, packet.properties)
        assert isinstance(source, str)  # it was taken in
        if self.rules is not None and requester not in self._trusted:
            denied = self.rules.refusal_of(entry.letter, source, self.name)
            if denied is not None:
                self.refuse(entry.letter, denied, asker, correlation, now)
                return
        one_way = entry.letter.kind is Kind.EVENT
        if self._ledger.full and not one_way:
            self.refuse(entry.letter, BUSY, asker, correlation, now)
            return
        expiry_s = packet.properties.expiry_s
        wait_s = self._perform_s if expiry_s is None else min(self._perform_s, expiry_s)
        entry.until = now + timedelta(seconds=wait_s)
        if one_way:
            self._ledger.settle(entry, b"", now)
        else:
            self._ledger.open(entry)
        self._note(Act.PERFORMED, entry.letter, requester, self.name, packet.payload, now)
        self._effects.append(
            Perform(
                key=entry.key,
                letter=entry.letter,
                requester=requester,
                until=entry.until,
                one_way=one_way,
            )
        )
