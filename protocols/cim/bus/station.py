"""What router and responder do alike with a request that comes in.

It is read, its source held against the rules, its reply queue against its requester's name, and it
is looked up among those that came before.  What is refused here is answered at once, Reply FAILED
with its code, in the style of the question.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from protocols.cim import xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.effects import Act, DeadLetter, Effect, Hop, Send, Why
from protocols.cim.bus.ledger import CONTENT_TYPE, Bounds, Entry, Ledger
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.rules import Rules
from protocols.cim.bus.topics import Topics, is_name
from protocols.cim.envelope import Kind
from protocols.cim.errors import NotAMessage, ReplyError
from protocols.mqtt import Packet, Properties

ASKERS_MAX: Final = 16  # reply queues of one request: instances of one requester
BUSY: Final = ReplyError("3.2", "COLA_LLENA: hay demasiadas peticiones en espera")


@dataclass(frozen=True, slots=True)
class Intake:
    """A request that came in: its entry, unless it was dealt with, and whether it is `fresh` or an
    open one come again."""

    entry: Entry | None = None
    fresh: bool = False


class Station:
    """A node that takes requests.  Without `rules` it believes every Source."""

    def __init__(
        self,
        name: str,
        *,
        topics: Topics,
        rules: Rules | None,
        bounds: Bounds,
        letter_bounds: xml.Bounds,
    ) -> None:
        if not is_name(name):
            raise ValueError(f"no name for a system on the bus: {name!r}")
        self.name = name
        self.topics = topics
        self.rules = rules
        self._ledger = Ledger(bounds)
        self._letter_bounds = letter_bounds
        self._effects: list[Effect] = []

    @property
    def open_count(self) -> int:
        """How many requests wait for their reply."""
        return self._ledger.open_count

    @property
    def told_count(self) -> int:
        """How many replies are remembered."""
        return self._ledger.told_count

    def next_deadline(self) -> datetime | None:
        """When `handle_deadline` has something to do."""
        return self._ledger.next_deadline()

    def _take_effects(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects

    def _take_in(self, packet: Packet, requester: str, now: datetime) -> Intake:
        """Read and judge a request."""
        properties = packet.properties
        own_queue = self.topics.replies(requester, self.name)
        try:
            letter = letters.read(packet.payload, self._letter_bounds)
        except NotAMessage as refused:
            self._lay_aside(packet, Why.UNREADABLE, refused.error.details or "", now)
            topic = properties.response_topic or own_queue
            if self.topics.read_reply(topic) == (requester, self.name):
                answer = letters.fault(refused.error)
                self._send_reply(topic, properties.correlation, answer, now)
            return Intake()
        self._note(Act.RECEIVED, letter, requester, self.name, packet.payload, now)
        if letter.kind in (Kind.RESPONSE, Kind.FAULT):
            self._lay_aside(packet, Why.NOT_A_REQUEST, str(letter.kind), now, letter)
            return Intake()
        asker = self._reply_queue(packet, letter, requester)
        source = self._source(letter, requester, properties)
        if asker is None or isinstance(source, ReplyError):
            error = source if isinstance(source, ReplyError) else _FOREIGN_QUEUE
            self.refuse(letter, error, asker or own_queue, properties.correlation, now)
            return Intake()
        key = _key(letter, source, properties)
        if key is None:
            error = ReplyError("1.5", "CAMPO_FALTA: falta MessageID", xpath="MessageID")
            self.refuse(letter, error, asker, properties.correlation, now)
            return Intake()
        return self._look_up(key, letter, requester, asker, properties.correlation, now)

    def _look_up(
        self,
        key: str,
        letter: Letter,
        requester: str,
        asker: str,
        correlation: bytes | None,
        now: datetime,
    ) -> Intake:
        known = self._ledger.find(key, now)
        if known is None:
            until = now + timedelta(seconds=self._ledger.bounds.told_s)
            entry = Entry(key, letter, requester, "", until, {asker: correlation})
            return Intake(entry, fresh=True)
        if known.letter.print != letter.print:
            self.refuse(letter, _OTHER_CONTENT, asker, correlation, now)
            return Intake()
        if letter.kind is Kind.EVENT:
            self._note(Act.DROPPED, letter, requester, self.name, letter.octets, now, "repeated")
            return Intake()
        if asker in known.askers or len(known.askers) < ASKERS_MAX:
            known.askers[asker] = correlation
        if known.reply is None:
            return Intake(known)
        self._note(Act.REPEATED, letter, self.name, requester, known.reply, now)
        self._send_reply(asker, correlation, known.reply, now)
        return Intake()

    def _source(self, letter: Letter, requester: str, properties: Properties) -> str | ReplyError:
        """Whose request it is; an error where the requester may not speak for that source."""
        if self.rules is None:
            return letter.source or requester
        return self.rules.source_of(letter, requester)

    def _reply_queue(self, packet: Packet, letter: Letter, requester: str) -> str | None:
        """The requester's own queue, or an instance's below it; None where another's is named."""
        wanted = packet.properties.response_topic
        if wanted is None and (letter.reply_address or "").startswith(f"{self.topics.root}/"):
            wanted = letter.reply_address
        if wanted is None:
            return self.topics.replies(requester, self.name)
        return wanted if self.topics.read_reply(wanted) == (requester, self.name) else None

    def refuse(
        self,
        letter: Letter,
        error: ReplyError,
        asker: str,
        correlation: bytes | None,
        now: datetime,
    ) -> None:
        """Reply FAILED, remembering nothing.  An event is owed no reply."""
        answer = letters.refusal(letter, error, by=self.name, at=now)
        why = error.details or error.code
        self._note(Act.REFUSED, letter, self.name, letter.source or "", answer, now, why)
        if letter.kind is Kind.REQUEST:
            self._send_reply(asker, correlation, answer, now)

    def _fail(self, entry: Entry, error: ReplyError, now: datetime) -> None:
        """Reply FAILED to all that wait, and remember it."""
        answer = letters.refusal(entry.letter, error, by=self.name, at=now)
        why = error.details or error.code
        self._note(Act.REFUSED, entry.letter, self.name, entry.requester, answer, now, why)
        self._settle(entry, answer, now)

    def _settle(self, entry: Entry, octets: bytes, now: datetime) -> None:
        self._ledger.settle(entry, octets, now)
        for topic, correlation in entry.askers.items():
            self._send_reply(topic, correlation, octets, now)

    def _send_reply(
        self, topic: str, correlation: bytes | None, octets: bytes, now: datetime
    ) -> None:
        life_s = self._ledger.bounds.told_s
        properties = Properties(
            correlation=correlation, expiry_s=int(life_s), content_type=CONTENT_TYPE
        )
        packet = Packet(topic, octets, properties)
        self._effects.append(Send(packet, now + timedelta(seconds=life_s)))

    def _lay_aside(
        self, packet: Packet, why: Why, details: str, now: datetime, letter: Letter | None = None
    ) -> None:
        dead = DeadLetter(
            at=now,
            node=self.name,
            why=why,
            details=xml.clean(details, 300),
            packet=packet,
            message_id=None if letter is None else letter.message_id,
            source=None if letter is None else letter.source,
        )
        self._effects.append(dead)
        if letter is not None:
            self._note(Act.LAID_ASIDE, letter, self.name, "", packet.payload, now, str(why))

    def _note(
        self,
        act: Act,
        letter: Letter,
        came_from: str,
        goes_to: str,
        octets: bytes,
        now: datetime,
        why: str = "",
        about: str | None = None,
    ) -> None:
        self._effects.append(
            Hop(
                at=now,
                node=self.name,
                act=act,
                about=about or letter.message_id or letter.correlation_id or letter.print,
                message_id=letter.message_id,
                came_from=came_from,
                goes_to=goes_to,
                print=letters.octets_print(octets),
                octets=len(octets),
                why=xml.clean(why, 300),
            )
        )


_FOREIGN_QUEUE: Final = ReplyError(
    "7.7", "DIRECCION_NO_AUTORIZADA: la cola de respuesta es de otro", xpath="ReplyAddress"
)
_OTHER_CONTENT: Final = ReplyError(
    "2.15",
    "MENSAJE_REPETIDO_CON_OTRO_CONTENIDO: el mismo MessageID llegó antes con otro contenido",
    xpath="MessageID",
)


def _key(letter: Letter, source: str, properties: Properties) -> str | None:
    """What a request is known by; None where nothing tells it from another."""
    if letter.message_id is not None:
        return f"{source}/{letter.message_id}"
    if properties.correlation is not None:
        return f"{source}//{hashlib.sha256(properties.correlation).hexdigest()}"
    if letter.correlation_id is not None:
        return f"{source}///{letter.correlation_id}"
    return f"{source}////{letter.print}" if letter.kind is Kind.EVENT else None
