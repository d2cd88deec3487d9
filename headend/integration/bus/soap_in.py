"""A SOAP door in front of the bus: a client reaches what is behind a queue without knowing.

HTTP in, a question on the bus, its answer, HTTP out; the message's octets are those of the SOAP
body both ways.  A Reply, FAILED or not, is an answer; a FaultMessage becomes a SOAP fault.  What
cannot be read or has no question in it is refused here, as the order desk's door does it.

`handle` is that of `headend.soap.door.server.SoapServer`, so that its `route` serves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from headend.integration.bus.asking import Asking
from headend.ports import Chance, Clock
from headend.soap.door.admission import Admission, Caller
from headend.soap.door.posted import admitted, read_posted, told
from headend.soap.door.raw_soap import SoapFault
from headend.soap.door.server import XML, SoapAnswer, fault_answer
from headend.soap.door.told import FAULT
from protocols.cim import envelope, xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.requester import KeyInUse
from protocols.cim.bus.station import BUSY
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.soap_octets import wrap
from protocols.cim.xml import Bounds

TIMEOUT_S: Final = 60.0
OPEN_MAX: Final = 1000  # questions of one door that wait for their answer


@dataclass(slots=True)
class SoapToBus:
    """The proxy.  Its name on the bus needs a `speaker` rule for the sources it lets in.

    `destination` None leaves it to the router who answers.  With mutual TLS Header/Source must be
    the certificate's name, and must stand in the message, whose octets are not touched here.
    """

    asking: Asking
    clock: Clock
    chance: Chance
    timeout_s: float = TIMEOUT_S
    destination: str | None = None
    bounds: Bounds = xml.BOUNDS
    open_max: int = OPEN_MAX
    admission: Admission | None = None
    _admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        self._admission = self.admission or Admission(clock=self.clock, reply_addresses=None)

    async def handle(
        self,
        body: bytes,
        *,
        soap_action: str = "",
        client_source: str | None = None,
        client_address: str = "",
    ) -> SoapAnswer:
        """Answer one POST."""
        letter = read_posted(body, self.bounds, self._admission.understood)
        if isinstance(letter, SoapAnswer):
            return letter
        caller = Caller(certificate=client_source, address=client_address)
        try:
            user = await admitted(letter, body, self.bounds, self._admission, caller)
        except RequestRefused as refused:
            return self._failed(letter, refused.errors[0], None)
        return await self._ask(letter, user)

    async def _ask(self, letter: Letter, user: str | None) -> SoapAnswer:
        if self.asking.open_count >= self.open_max:
            return self._failed(letter, BUSY, user)
        name = letter.message_id or self.chance.uuid()
        try:
            answer = await self.asking.ask(
                f"{letter.source or self.asking.name}/{name}",
                letter,
                timeout_s=self.timeout_s,
                destination=self.destination,
            )
        except KeyInUse:
            return self._failed(letter, _OTHER_CONTENT, user)
        if answer.kind is Kind.FAULT:
            return replace(_as_fault(answer), told=told(letter, user, FAULT, answer.codes))
        outcome = told(letter, user, answer.result, answer.codes)
        return SoapAnswer(200, XML, wrap(answer.octets), outcome)

    def _failed(self, letter: Letter, error: ReplyError, user: str | None) -> SoapAnswer:
        octets = letters.refusal(letter, error, by=self.asking.name, at=self.clock.now())
        outcome = told(letter, user, Result.FAILED, (error.code,), error.key)
        return SoapAnswer(200, XML, wrap(octets), outcome)


_OTHER_CONTENT: Final = ReplyError(
    "2.15",
    "MENSAJE_REPETIDO_CON_OTRO_CONTENIDO: el mismo MessageID está en curso con otro contenido",
    xpath="MessageID",
)


def _as_fault(answer: Letter) -> SoapAnswer:
    """A SOAP fault with the error of a FaultMessage: the client's where its message was wrong
    (codes 1 and 2 of IEC 61968-9, Annex B), the server's otherwise."""
    message = envelope.read(xml.parse(answer.octets))
    errors = () if message.reply is None else message.reply.errors
    error = errors[0] if errors else ReplyError("5.3")
    side = "Client" if error.code.startswith(("1.", "2.", "3.1")) else "Server"
    return fault_answer(500, SoapFault(side, error, message.typed))
