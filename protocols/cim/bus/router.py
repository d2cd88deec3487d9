"""The router: requests go to whom the rules name, replies back to whom they belong.

A state machine without I/O: packets and times in, effects out.  It asks each destination under its
own name, with its own correlation data, so that the reply comes back here; octets are carried
unchanged both ways.  Each request gets one reply: its destination's, or FAILED from here, with the
code, when no route or permission fits (2.5, 7.5), when too many wait (3.2), when the time is over
(4.1), or when the reply cannot be read (5.3).  The same request again is told the same octets.

What is lost between two nodes is asked for again by the requester: the router sends an open request
on again when it comes again, and the destination knows it for the same.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

from protocols.cim import xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.effects import Act, Effect, Send, Why
from protocols.cim.bus.ledger import CONTENT_TYPE, Bounds, Entry
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.rules import Route, Rules
from protocols.cim.bus.station import BUSY, Intake, Station
from protocols.cim.bus.topics import Topics
from protocols.cim.envelope import Kind
from protocols.cim.errors import NotAMessage, ReplyError
from protocols.mqtt import Packet, Properties

NAME: Final = "ROUTER"
MARGIN_S: Final = 1.0  # the router gives up before its requester, whose reply then has a code
TIMED_OUT: Final = ReplyError(
    "4.1", "TIEMPO_AGOTADO: el destino no respondió; no se sabe si ejecutó la petición"
)
UNREADABLE: Final = ReplyError("5.3", "RESPUESTA_ILEGIBLE: la respuesta del destino no se entiende")


class Router(Station):
    """The bus's middle."""

    def __init__(
        self,
        rules: Rules,
        *,
        name: str = NAME,
        topics: Topics | None = None,
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
        self._rules = rules

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return self.topics.to_router(), self.topics.to_requester(self.name)

    def receive(self, packet: Packet, *, now: datetime) -> list[Effect]:
        """Take a packet.  One on another's topic is passed over."""
        if (asked := self.topics.read_route(packet.topic)) is not None:
            self._request(packet, *asked, now=now)
        elif (come := self.topics.read_reply(packet.topic)) is not None and come[0] == self.name:
            self._reply(packet, come[1], now)
        return self._take_effects()

    def send_again(self, packet: Packet, *, now: datetime) -> list[Effect]:
        """A dead request, as if it had never come: what it was told is forgotten."""
        if (asked := self.topics.read_route(packet.topic)) is not None:
            try:
                letter = letters.read(packet.payload, self._letter_bounds)
            except NotAMessage:
                return self.receive(packet, now=now)
            source = self._source(letter, asked[0], packet.properties)
            if isinstance(source, str) and letter.message_id is not None:
                self._ledger.forget(f"{source}/{letter.message_id}")
        return self.receive(packet, now=now)

    def handle_deadline(self, *, now: datetime) -> list[Effect]:
        """Give up what its destination did not reply to in time."""
        for entry in self._ledger.due(now):
            asked = self.topics.route(entry.requester, entry.destination)
            packet = Packet(asked, entry.letter.octets)
            self._fail(entry, TIMED_OUT, now)
            self._lay_aside(packet, Why.TIMED_OUT, entry.destination, now, entry.letter)
        return self._take_effects()

    def _request(self, packet: Packet, requester: str, named: str | None, now: datetime) -> None:
        taken = self._take_in(packet, requester, now)
        entry = taken.entry
        if entry is None:
            return
        if not taken.fresh:
            self._forward(entry, now)  # on its way, the first one may have been lost
            return
        source = self._source(entry.letter, requester, packet.properties)
        assert isinstance(source, str)  # it was taken in
        route = self._rules.route_of(entry.letter, source, named)
        if isinstance(route, ReplyError):
            self._lay_aside(packet, Why.NO_ROUTE, route.details or "", now, entry.letter)
            if entry.letter.kind is Kind.REQUEST:
                self._fail(entry, route, now)
            return
        entry.destination = route.destination
        denied = self._rules.refusal_of(entry.letter, source, route.destination)
        if denied is not None or self._ledger.full:
            asker, correlation = next(iter(entry.askers.items()))
            self.refuse(entry.letter, denied or BUSY, asker, correlation, now)
            return
        self._admit(taken, entry, route, packet.properties.expiry_s, now)

    def _admit(
        self, taken: Intake, entry: Entry, route: Route, expiry_s: int | None, now: datetime
    ) -> None:
        wait_s = route.timeout_s
        if expiry_s is not None:
            wait_s = min(wait_s, max(expiry_s - MARGIN_S, expiry_s / 2))
        entry.until = now + timedelta(seconds=wait_s)
        if entry.letter.kind is Kind.EVENT:
            self._forward(entry, now)
            self._ledger.settle(entry, b"", now)
            return
        self._ledger.open(entry)
        self._forward(entry, now)

    def _forward(self, entry: Entry, now: datetime) -> None:
        left_s = max(1, math.ceil((entry.until - now).total_seconds()))
        letter = entry.letter
        properties = Properties(
            response_topic=self.topics.replies(self.name, entry.destination),
            correlation=entry.key.encode(),
            expiry_s=left_s,
            content_type=CONTENT_TYPE,
            user=(("noun", letter.noun), ("verb", letter.verb), ("requester", entry.requester)),
        )
        topic = self.topics.requests(entry.destination, self.name)
        self._note(Act.FORWARDED, letter, entry.requester, entry.destination, letter.octets, now)
        self._effects.append(Send(Packet(topic, letter.octets, properties), entry.until))

    def _reply(self, packet: Packet, responder: str, now: datetime) -> None:
        try:
            letter: Letter | None = letters.read(packet.payload, self._letter_bounds)
        except NotAMessage:
            letter = None
        entry = self._asked(packet, letter, responder, now)
        if entry is None or entry.destination != responder:
            self._lay_aside(packet, Why.NOT_AWAITED, f"from {responder}", now, letter)
            return
        if letter is None or letter.kind not in (Kind.RESPONSE, Kind.FAULT):
            self._lay_aside(packet, Why.UNREADABLE, f"from {responder}", now, letter)
            if entry.reply is None:
                self._fail(entry, UNREADABLE, now)
            return
        self._pass_on(entry, letter, packet, responder, now)

    def _pass_on(
        self, entry: Entry, letter: Letter, packet: Packet, responder: str, now: datetime
    ) -> None:
        about = entry.letter.message_id or entry.letter.correlation_id
        if letter.print in entry.said:
            self._note(
                Act.DROPPED, letter, responder, self.name, packet.payload, now, "repeated", about
            )
            return
        further = entry.reply is not None
        if further and not (entry.several and len(entry.said) < self._ledger.bounds.further_max):
            self._lay_aside(packet, Why.NOT_AWAITED, f"from {responder}", now, letter)
            return
        entry.said.add(letter.print)
        self._note(Act.REPLIED, letter, responder, entry.requester, packet.payload, now, "", about)
        if further:
            for topic, correlation in entry.askers.items():
                self._send_reply(topic, correlation, packet.payload, now)
            return
        entry.several = letter.is_first_of_several
        self._settle(entry, packet.payload, now)

    def _asked(
        self, packet: Packet, letter: Letter | None, responder: str, now: datetime
    ) -> Entry | None:
        """The request that a reply is to: by its correlation data, or by the header's id where the
        responder knows no MQTT 5."""
        correlation = packet.properties.correlation
        if correlation is not None:
            try:
                return self._ledger.find(correlation.decode(), now)
            except UnicodeDecodeError:
                return None
        if letter is None or letter.correlation_id is None:
            return None
        return self._ledger.referred_to(letter.correlation_id, responder, now)
