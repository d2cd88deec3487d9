"""An adapter: a message in, its reply's octets out, the same on the bus and at a SOAP door.

It takes the generic RequestMessage and its own noun's question (GetSIAD), and replies in the style
that it was asked in.  Where the message came from is not its business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from headend.integration.cim.answering import answer
from headend.integration.cim.layer import DataLayer
from headend.integration.cim.limits import LIMITS, Limits
from headend.ports import Chance, Clock
from protocols.cim import envelope, replies, schema, xml
from protocols.cim.bus.letter import Letter
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind, Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.profile import messages
from protocols.cim.profile.model import Profile
from protocols.cim.replies import Stamp
from protocols.cim.xml import BOUNDS, Bounds


@dataclass(frozen=True, slots=True)
class Adapter:
    """The adapter called `name` (`headend.integration.bus.answering.System`)."""

    name: str
    profile: Profile
    layer: DataLayer
    clock: Clock
    chance: Chance
    limits: Limits = LIMITS
    bounds: Bounds = BOUNDS

    def offers(self, letter: Letter) -> bool:
        """Whether it has an operation for a message: the generic one, or its own."""
        own = messages.query(self.profile)
        return letter.kind is Kind.REQUEST and letter.typed in (None, own)

    async def __call__(self, asked: Letter, requester: str) -> bytes:
        """The reply's octets.  What is refused is a Reply FAILED, not an exception."""
        stamp = Stamp(
            source=self.name,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=asked.correlation_id or asked.message_id or self.chance.uuid(),
        )
        try:
            message = self._read(asked)
        except RequestRefused as refused:
            reply = replies.reply(asked.noun, stamp, Result.FAILED, refused.errors, typed=False)
        else:
            reply = await answer(message, self.profile, self.layer, stamp, self.limits)
        return xml.serialize(envelope.write(replace(reply, typed=asked.typed)))

    def _read(self, asked: Letter) -> Message:
        """Raises `RequestRefused`."""
        if not self.offers(asked):
            raise RequestRefused(ReplyError("2.9", f"OPERACION_NO_OFRECIDA: {asked.name}"))
        root = xml.parse(asked.octets, self.bounds)
        schema.check(root)
        return envelope.read(root)
