"""Our XSDs and WSDLs, loaded from this package and nowhere else.

What the schema refuses becomes a Reply error: 1.5, 1.6 and 1.7 where a mandatory part of the
envelope is missing, 1.9 where it is of the edition of 2022, 2.9 for a verb outside the list, 1.8
for the rest.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from lxml import etree

from protocols.cim import complaints, xml
from protocols.cim import namespaces as ns
from protocols.cim.envelope import LATER_EDITION, Kind, identify
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.xml import Element

WSDLS: Final = (
    "ExecuteEndDeviceControls.wsdl",
    "ExecuteMeterConfig.wsdl",
    "Generic.wsdl",
    "ReceiveEndDeviceEvents.wsdl",
    "ReplyEndDeviceControls.wsdl",
    "ReplyMeterConfig.wsdl",
)
XSDS: Final = (
    "EndDeviceControls.xsd",
    "EndDeviceControlsMessage.xsd",
    "EndDeviceEvents.xsd",
    "EndDeviceEventsMessage.xsd",
    "Message.xsd",
    "MeterConfig.xsd",
    "MeterConfigMessage.xsd",
)
ERRORS_MAX: Final = 5  # one wrong element often causes a dozen complaints

_VERB: Final = f"Element '{{{ns.MESSAGE}}}Verb': [facet"
_PACKAGE = files("protocols.cim")


@cache
def xsd(name: str) -> bytes:
    """The text of one of `XSDS`.  Raises `KeyError` for any other name."""
    if name not in XSDS:
        raise KeyError(name)
    return _PACKAGE.joinpath("xsd", name).read_bytes()


@cache
def wsdl(name: str) -> bytes:
    """The text of one of `WSDLS`.  Raises `KeyError` for any other name."""
    if name not in WSDLS:
        raise KeyError(name)
    return _PACKAGE.joinpath("wsdl", name).read_bytes()


class _FromPackage(etree.Resolver):
    def resolve(self, url: str, public_id: str | None, context: object) -> object:
        return self.resolve_string(xsd(url.rpartition("/")[2]), context)


@cache
def _schema(name: str) -> Element:
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_FromPackage())
    return etree.XMLSchema(etree.fromstring(xsd(name), parser, base_url=f"package:/{name}"))


def check(root: Element) -> None:
    """Hold a message against its schema, payload included.

    Raises `RequestRefused` with what is wrong, or `NotAMessage` when it is no message of ours.
    A payload of a noun without schema here passes; judging the noun is the reader's part.
    """
    kind, noun = identify(root)
    _check_envelope(root, kind)
    _validate(_schema("Message.xsd" if noun is None else f"{noun}Message.xsd"), root)
    if noun is None:
        payload = xml.child(root, "Payload")
        for content in () if payload is None else payload:
            for known in ns.NOUNS:
                if content.tag == f"{{{ns.profile(known)}}}{known}":
                    _validate(_schema(f"{known}.xsd"), content)


def _check_envelope(root: Element, kind: Kind) -> None:
    if kind is not Kind.FAULT:
        header = xml.child(root, "Header")
        if header is None:
            raise RequestRefused(_missing("1.5", "Header"))
        for name in ("Verb", "Noun"):
            if not xml.text_of(header.find(f"{{{ns.MESSAGE}}}{name}")):
                if header.find(f"{{{ns.MESSAGE_2022}}}{name}") is not None:
                    raise RequestRefused(LATER_EDITION)
                raise RequestRefused(_missing("1.5", name))
    if kind in (Kind.RESPONSE, Kind.FAULT) and xml.child(root, "Reply") is None:
        raise RequestRefused(_missing("1.6", "Reply"))


def _missing(code: str, name: str) -> ReplyError:
    return ReplyError(code, f"CAMPO_FALTA: falta {name}", xpath=name)


def _validate(schema: Element, element: Element) -> None:
    if schema.validate(element):
        return
    errors: list[ReplyError] = []
    for entry in schema.error_log[:ERRORS_MAX]:
        what = xml.clean(complaints.told(entry.message), 300)
        if entry.message.startswith(_VERB):
            raise RequestRefused(ReplyError("2.9", f"VERBO_DESCONOCIDO: {what}", xpath="Verb"))
        name = complaints.name_of(entry.message)
        errors.append(ReplyError("1.8", f"ESQUEMA: {what}", xpath=name))
    raise RequestRefused(*errors)
