"""Our XSDs and WSDLs, loaded from this package and nowhere else.

What the schema refuses becomes a Reply error: 1.5, 1.6 and 1.7 where a mandatory part of the
envelope is missing, 1.9 where it is of the edition of 2022, 2.9 for a verb outside the list, 1.8
for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Final

from lxml import etree

from protocols.cim import complaints, wsdl_text, xml, xsd_text
from protocols.cim import namespaces as ns
from protocols.cim.envelope import LATER_EDITION, Kind, identify
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.nouns import subject
from protocols.cim.outline import outline
from protocols.cim.profile import messages as profile_messages
from protocols.cim.profile import reading
from protocols.cim.profile import xsd as profile_xsd
from protocols.cim.xml import Element
from protocols.cim.xsd_text import Width

_KINDS: Final = ("", "Message")
WSDLS: Final = tuple(sorted(wsdl_text.services()))
XSDS: Final = tuple(
    sorted(["Message.xsd", *(f"{n}{kind}.xsd" for n in ns.NOUNS for kind in _KINDS)])
)
ERRORS_MAX: Final = 5  # one wrong element often causes a dozen complaints
LARGE: Final = 2000  # elements; an order of a hundred meters has 400

_NOUN_OF: Final = {f"{{{ns.profile(noun)}}}{noun}": noun for noun in ns.NOUNS}
CONTENTS: Final = frozenset(_NOUN_OF)
"""The elements of nouns that a Request or a Payload holds."""
_VERB: Final = f"Element '{{{ns.MESSAGE}}}Verb': [facet"
_PACKAGE = files("protocols.cim")


@cache
def _of_adapters() -> dict[str, bytes]:
    """The schemas of the adapters' payloads and typed messages, by the names of their files."""
    found: dict[str, bytes] = {}
    for profile in (*map(reading.profile, reading.ADAPTERS), reading.utility()):
        found[profile_xsd.file_name(profile)] = profile_xsd.xsd(profile)
        found[profile_messages.file_name(profile)] = profile_messages.xsd(profile)
    return found


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
        return self.resolve_string(_taken(url.rpartition("/")[2]), context)


@cache
def _schema(name: str) -> Element:
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_FromPackage())
    return etree.XMLSchema(etree.fromstring(_taken(name), parser, base_url=f"package:/{name}"))


def _taken(name: str) -> bytes:
    """A schema as what comes in is held against it: wider than the published one where we composed
    a class."""
    noun = name.removesuffix(".xsd")
    if noun not in ns.NOUNS:
        return xsd(name) if name in XSDS else _of_adapters()[name]
    return xsd_text.payload(outline(noun), Width.TAKEN).encode()


@cache
def _strict_schema(noun: str) -> Element:
    text = xsd_text.payload(outline(noun), Width.STRICT)
    return etree.XMLSchema(etree.fromstring(text.encode()))


def check_strict(root: Element) -> None:
    """Hold a message's payload and question against the profile without extensions.

    Raises `RequestRefused` with what is no part of the profile.
    """
    for content, noun in _known(root):
        _validate(_strict_schema(noun), content)


def check_content(element: Element) -> None:
    """Hold one noun's element against its schema.  Raises `RequestRefused`; 2.5 for an element of
    no noun."""
    noun = _NOUN_OF.get(element.tag)
    if noun is None:
        details = xml.clean(f"SUSTANTIVO_NO_ADMITIDO: {xml.local(element)}", 100)
        raise RequestRefused(ReplyError("2.5", details, xpath="Payload"))
    _validate(_schema(f"{noun}.xsd"), element)


def _known(root: Element) -> list[tuple[Element, str]]:
    """The elements of nouns in a message's Request and Payload, each with its noun."""
    parts = (xml.child(root, "Request"), xml.child(root, "Payload"))
    return [
        (content, _NOUN_OF[content.tag])
        for part in parts
        if part is not None
        for content in part
        if content.tag in _NOUN_OF
    ]


def check(root: Element) -> None:
    """Hold a message against its schema, payload included.

    Raises `RequestRefused` with what is wrong, or `NotAMessage` when it is no message of ours.
    A payload of a noun without schema here passes; judging the noun is the reader's part.
    """
    check_envelope(root)
    for schema, element in judges(root):
        _validate(schema, element)


def judges(root: Element) -> Iterator[tuple[Element, Element]]:
    """Which schema judges which element of a message: the envelope's, then those of its content.
    Raises `NotAMessage`."""
    _, noun = identify(root)
    yield _schema("Message.xsd" if noun is None else f"{noun}Message.xsd"), root
    for content, known in _known(root):
        if noun is None or known not in (subject(noun), noun):  # these its typed schema has judged
            yield _schema(f"{known}.xsd"), content


def judge_of(content: Element) -> Element | None:
    """The schema of a content that stands alone: a noun's element, or one in the namespace of an
    adapter's payload, whatever its name."""
    noun = _NOUN_OF.get(content.tag)
    if noun is not None:
        return _schema(f"{noun}.xsd")
    for profile in map(reading.profile, reading.ADAPTERS):
        if xml.namespace(content) == profile.namespace:
            return _schema(profile_xsd.file_name(profile))
    return None


def check_envelope(root: Element) -> None:
    """Hold a message against what every envelope has.  Raises `RequestRefused`, `NotAMessage`."""
    kind, _ = identify(root)
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
    messages = _read_anew(schema, element) if _is_large(element) else _judged(schema, element)
    if not messages:
        return
    errors = [complaint(message) for message in messages[:ERRORS_MAX]]
    for error in errors:
        if error.code == "2.9":
            raise RequestRefused(error)
    raise RequestRefused(*errors)


def _judged(schema: Element, element: Element) -> list[str]:
    if schema.validate(element):
        return []
    return [entry.message for entry in schema.error_log[:ERRORS_MAX]]


def _is_large(element: Element) -> bool:
    return next(islice(element.iter(), LARGE, None), None) is not None


def _read_anew(schema: Element, element: Element) -> list[str]:
    """What is wrong with a large element, judged while it is read once more.

    For each error in a tree libxml2 counts the siblings before it, for an XPath: of a hundred
    thousand wrong siblings that takes minutes.  While it reads there is no tree to count in.
    """
    parser = etree.XMLParser(schema=schema, resolve_entities=False, no_network=True)
    try:
        etree.fromstring(etree.tostring(element, encoding="UTF-8", with_tail=False), parser)
    except etree.XMLSyntaxError as error:
        return [entry.message for entry in parser.error_log[:ERRORS_MAX]] or [str(error)]
    return []


def complaint(message: str) -> ReplyError:
    """What the validator says, as an error of a reply."""
    what = xml.clean(complaints.told(message), 300)
    if message.startswith(_VERB):
        return ReplyError("2.9", f"VERBO_DESCONOCIDO: {what}", xpath="Verb")
    return ReplyError("1.8", f"ESQUEMA: {what}", xpath=complaints.name_of(message))
