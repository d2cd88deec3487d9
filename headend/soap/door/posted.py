"""What was posted to a SOAP door whose answers are made elsewhere: on the bus, or by an adapter.

The message's octets are those of the SOAP body.  What cannot be read, or has no question in it, is
refused here with a fault, as the order desk's door does it; so is whoever uses another's name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from headend.soap.door.admission import Admission, Caller
from headend.soap.door.raw_soap import SoapFault, body_of
from headend.soap.door.server import SoapAnswer, fault_answer
from headend.soap.door.told import Told
from protocols.cim import envelope, xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.letter import Letter
from protocols.cim.envelope import Kind, Message
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused
from protocols.cim.soap_octets import unwrap
from protocols.cim.xml import Bounds


def read_posted(
    body: bytes, bounds: Bounds, understood: Collection[str] = ()
) -> Letter | SoapAnswer:
    """The request in a SOAP envelope, or the fault that answers what is none; `understood` as
    `raw_soap.body_of`."""
    try:
        content = body_of(xml.parse(body, bounds), understood)
        letter = letters.read(unwrap(body, content), bounds)
    except NotAMessage as refused:
        status = 400 if not body.strip() else 413 if refused.error.code == "3.1" else 500
        return fault_answer(status, SoapFault("Client", refused.error))
    except SoapFault as fault:
        return fault_answer(500, fault)
    if letter.kind is not Kind.REQUEST:
        return not_offered(str(letter.kind), letter)
    return letter


def not_offered(operation: str, letter: Letter) -> SoapAnswer:
    """The fault for a message that this door has no operation for."""
    error = ReplyError("2.9", f"OPERACION_NO_OFRECIDA: {operation}")
    return fault_answer(500, SoapFault("Client", error, letter.typed))


async def admitted(
    letter: Letter, body: bytes, bounds: Bounds, admission: Admission, caller: Caller
) -> str | None:
    """Pass who may ask: by the certificate's name, and by all that this door asks for besides; the
    name on the token, where it asks for one.  Raises `RequestRefused`.

    Beside a certificate Source must stand in the message, whose octets nobody touches here.
    """
    if caller.certificate and letter.source is None:
        raise RequestRefused(ReplyError("1.5", "CAMPO_FALTA: falta Source", xpath="Source"))
    root = xml.parse(body, bounds)
    token = admission.token_of(root)
    content = body_of(root, admission.understood)
    header = envelope.read_header(xml.child(content, "Header"))
    message = Message(kind=letter.kind, typed=letter.typed, header=header, name=letter.name)
    await admission.admit(message, letter.print, replace(caller, token=token))
    return None if token is None else token.name


def told(
    letter: Letter, user: str | None, result: str, codes: tuple[str, ...] = (), key: str = ""
) -> Told:
    """What the log is told, without reading an answer of megabytes anew."""
    return Told(
        verb=letter.verb,
        noun=letter.noun,
        source=letter.source,
        user=user,
        message_id=letter.message_id,
        correlation_id=letter.correlation_id,
        result=result,
        code=codes[0] if codes else "",
        key=key,
    )
