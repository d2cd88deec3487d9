"""SOAP 1.1 as Spyne speaks it, with the bodies left as XML.

Spyne's own models cannot express these messages: a reference to an element of another namespace is
lost, `xs:any` is dropped on input.  So this protocol hands the body's element to the operation and
takes an element back; Spyne keeps what it is good at, the envelope, the dispatch and the faults.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from lxml import etree

from headend.soap.door.shim import Fault, Soap11
from protocols.cim import envelope, xml
from protocols.cim import namespaces as ns
from protocols.cim.codes import reason_of
from protocols.cim.errors import NotAMessage, ReplyError
from protocols.cim.xml import Element

_SOAP: Final = f"{{{ns.SOAP_11}}}"
_MUST_UNDERSTAND: Final = f"{_SOAP}mustUnderstand"


class SoapFault(Fault):
    """A SOAP fault whose detail is a FaultMessage with the CIM code and the reason.

    `faultcode` is one of SOAP 1.1's: Client, Server, VersionMismatch, MustUnderstand.
    """

    def __init__(self, faultcode: str, error: ReplyError, noun: str | None = None) -> None:
        super().__init__(faultcode, error.details or reason_of(error.code))
        self.error = error
        self.noun = noun


def body_of(root: Element, understood: Collection[str] = ()) -> Element:
    """The one element in the body of a SOAP 1.1 envelope; `understood` are the header blocks that
    the caller reads.  Raises `SoapFault`.

    Two headers or two bodies are refused: each reader might take another one.
    """
    if root.tag != f"{_SOAP}Envelope":
        if root.tag == f"{{{ns.SOAP_12}}}Envelope":
            raise _fault("VersionMismatch", "SOAP_1_2_NO_ADMITIDO: se admite SOAP 1.1")
        raise _fault("Client", "SOBRE_FALTA: se espera un sobre SOAP 1.1")
    headers = root.findall(f"{_SOAP}Header")
    bodies = root.findall(f"{_SOAP}Body")
    if len(headers) > 1 or len(bodies) > 1:
        raise _fault("Client", "SOBRE_INVALIDO: soap:Header o soap:Body repetidos")
    for block in headers[0] if headers else ():
        if block.get(_MUST_UNDERSTAND) in ("1", "true") and block.tag not in understood:
            name = xml.clean(block.tag, 200)
            raise _fault("MustUnderstand", f"CABECERA_NO_COMPRENDIDA: {name}")
    if not bodies or len(bodies[0]) != 1:
        raise _fault("Client", "CUERPO_INVALIDO: se espera un único elemento en soap:Body")
    return bodies[0][0]


def _fault(faultcode: str, details: str) -> SoapFault:
    return SoapFault(faultcode, ReplyError("1.8", details))


def write_fault(fault: SoapFault) -> Element:
    """The envelope of a fault, its parts in the order of SOAP 1.1."""
    root = etree.Element(f"{_SOAP}Envelope", nsmap={"soap": ns.SOAP_11})
    element = etree.SubElement(etree.SubElement(root, f"{_SOAP}Body"), f"{_SOAP}Fault")
    etree.SubElement(element, "faultcode").text = f"soap:{fault.faultcode}"
    etree.SubElement(element, "faultstring").text = xml.clean(fault.faultstring, 500)
    detail = etree.SubElement(element, "detail")
    detail.append(envelope.write_fault_reply(fault.error, fault.noun))
    return root


class RawSoap11(Soap11):
    """Bodies in and out as elements; the document was parsed, within bounds, before."""

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """Nothing to parse: the server put the checked tree into `ctx.in_document`."""

    def decompose_incoming_envelope(self, ctx: Any, message: object = None) -> None:
        body = ctx.in_document.find(f"{_SOAP}Body")[0]  # the server has looked at all of it
        try:
            _, noun = envelope.identify(body)
        except NotAMessage as refused:
            raise SoapFault("Client", refused.error) from refused
        if body.tag not in self.app.interface.service_method_map:
            details = f"OPERACION_NO_OFRECIDA: {xml.local(body)}"
            raise SoapFault("Client", ReplyError("2.9", details), noun)
        ctx.in_body_doc = body
        ctx.method_request_string = body.tag

    def deserialize(self, ctx: Any, message: object) -> None:
        ctx.in_object = ctx.in_body_doc

    def serialize(self, ctx: Any, message: object) -> None:
        if ctx.out_error is not None:
            ctx.out_document = write_fault(ctx.out_error)
            return
        root = etree.Element(f"{_SOAP}Envelope", nsmap={"soap": ns.SOAP_11})
        etree.SubElement(root, f"{_SOAP}Body").append(ctx.out_object[0])
        ctx.out_document = root
