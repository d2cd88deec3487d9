"""An adapter's SOAP door: HTTP's body in, the adapter's reply out, its octets as on the bus.

`handle` is that of `headend.soap.door.server.SoapServer`, so that its `route` serves it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from headend.integration.cim.adapter import Adapter
from headend.soap.door.admission import Admission, Caller
from headend.soap.door.documents import Described
from headend.soap.door.posted import admitted, not_offered, read_posted, told
from headend.soap.door.raw_soap import SoapFault
from headend.soap.door.server import XML, SoapAnswer, fault_answer
from headend.soap.door.told import FAULT
from protocols.cim import schema
from protocols.cim.bus import letter as letters
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.rules import Rules
from protocols.cim.codes import Result
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.profile import messages, wsdl, xsd
from protocols.cim.profile.model import Profile
from protocols.cim.soap_octets import wrap

log = logging.getLogger(__name__)

_BROKEN: Final = "ERROR_INTERNO: {} no pudo atender la petición"


@dataclass(slots=True)
class AdapterDoor:
    """Who asks under a certificate or a token is held to its name, and to the permits of `rules`.

    `admission` says what is asked for besides a certificate.
    """

    adapter: Adapter
    rules: Rules = Rules()
    admission: Admission | None = None
    _admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        default = Admission(clock=self.adapter.clock, reply_addresses=None)
        self._admission = self.admission or default

    async def handle(
        self,
        body: bytes,
        *,
        soap_action: str = "",
        client_source: str | None = None,
        client_address: str = "",
    ) -> SoapAnswer:
        """Answer one POST."""
        bounds, admission = self.adapter.bounds, self._admission
        letter = read_posted(body, bounds, admission.understood)
        if isinstance(letter, SoapAnswer):
            return letter
        if not self.adapter.offers(letter):
            return not_offered(letter.name, letter)
        user: str | None = None
        caller = Caller(certificate=client_source, address=client_address)
        try:
            user = await admitted(letter, body, bounds, admission, caller)
            self._check_permitted(letter, client_source or user)
        except RequestRefused as refused:
            return self._failed(letter, refused.errors[0], user)
        try:
            answer = await self.adapter(letter, letter.source or "")
        except Exception:
            log.exception("an adapter could not answer")
            error = ReplyError("5.3", _BROKEN.format(self.adapter.name))
            fault = fault_answer(500, SoapFault("Server", error, letter.typed))
            return replace(fault, told=told(letter, user, FAULT, (error.code,), error.key))
        reply = letters.read(answer)
        return SoapAnswer(200, XML, wrap(answer), told(letter, user, reply.result, reply.codes))

    def _check_permitted(self, letter: Letter, proven: str | None) -> None:
        """On loopback, where nobody proves a name, everybody may.  Raises `RequestRefused`."""
        if proven is None:
            return
        error = self.rules.refusal_of(letter, letter.source or proven, self.adapter.name)
        if error is not None:
            raise RequestRefused(error)

    def _failed(self, letter: Letter, error: ReplyError, user: str | None) -> SoapAnswer:
        now = self.adapter.clock.now()
        octets = letters.refusal(letter, error, by=self.adapter.name, at=now)
        outcome = told(letter, user, Result.FAILED, (error.code,), error.key)
        return SoapAnswer(200, XML, wrap(octets), outcome)


def described(name: str, profile: Profile) -> Described:
    """What a client of the adapter called `name` loads: its WSDL, and the schemas beside it."""
    root = wsdl.ADDRESS + name
    return Described(
        root,
        {root: partial(wsdl.wsdl, profile)},
        {
            "Message.xsd": partial(schema.xsd, "Message.xsd"),
            xsd.file_name(profile): partial(xsd.xsd, profile),
            messages.file_name(profile): partial(messages.xsd, profile),
        },
    )
