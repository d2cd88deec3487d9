"""Malformed messages: examples of every noun and pattern, in both styles, taken apart and put
together wrongly.  A message depends on nothing but the seed and its number."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, Final

from lxml import etree

from devices.chance import stream
from protocols.cim import namespaces as ns
from protocols.cim.envelope import Kind, identify
from protocols.cim.errors import NotAMessage
from protocols.cim.examples import every
from protocols.cim.nouns import NOUNS, QUERIES
from tests.cim import orders_as_xml as a

Tree = Any

TEXTS: Final = (
    "", " ", "0", "-1", "true", "maybe", "NaN", "INF", "1e309", "9" * 400, "x" * 3000, "\u202e",
    "ñ", "2026-07-06T14:00:00Z", "0000-00-00T00:00:00Z", "9999-12-31T24:00:00Z",
    "urn:uuid:0",
    "90000001", "90000099", "3.31.0.23", "3.31.139.13", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0",
    "' OR 1=1 --", "../../etc/passwd", "${jndi:ldap://x}", "%s%n", "]]>", "<a/>", "\t\n",
    "create", "get", "execute", "OperationSet", *NOUNS, *QUERIES,
)  # fmt: skip
SPACES: Final = (
    "", "urn:x", ns.MESSAGE, ns.MESSAGE_2022, ns.SOAP_11, ns.XSI, *map(ns.profile, NOUNS),
    *map(ns.typed, (*NOUNS, *QUERIES)),
)  # fmt: skip


@cache
def bases() -> tuple[bytes, ...]:
    """The requests among the examples, and orders as others write them, without envelope."""
    found = [a.typed(), a.generic(), a.meter_config()] * 6
    for each in every():
        root = etree.fromstring(each.octets)
        try:
            kind, _ = identify(root)
        except NotAMessage:  # an example of an adapter
            continue
        # Others are refused as a whole, whatever is in them: one of each will do.
        found += [etree.tostring(root)] * (6 if kind is Kind.REQUEST else 1)
    return tuple(found)


def malformed(seed: int, number: int) -> bytes:
    """A SOAP envelope with up to four things wrong."""
    chance = stream(seed, "malformed", number)
    root = etree.fromstring(chance.choice(bases()))
    _name_anew(root, number, chance)
    for _ in range(chance.randint(0, 3)):
        chance.choice(_ON_TREES)(root, chance)
    octets = a.soap(etree.tostring(root))
    if chance.random() < 0.35:
        octets = chance.choice(_ON_OCTETS)(octets, chance)
    return octets


def meter(number: int) -> str:
    """That which the message of this number is mostly about."""
    return f"{50_000_000 + number}"


def _name_anew(root: Tree, number: int, chance: Random) -> None:
    """Mostly a MessageID and a meter of its own: otherwise all but one would be repetitions, or
    about a meter that was taken down."""
    if chance.random() < 0.8:
        for element in root.iter(etree.Element):
            if element.text == "90000001":
                element.text = meter(number)
    if chance.random() < 0.9:
        for element in root.iter(f"{{{ns.MESSAGE}}}MessageID"):
            element.text = f"m-{number}"


def _any(root: Tree, chance: Random) -> Tree:
    return chance.choice([*root.iter(etree.Element)])


def _below(root: Tree, chance: Random) -> Tree | None:
    found = [*root.iter(etree.Element)][1:]
    return chance.choice(found) if found else None


def _delete(root: Tree, chance: Random) -> None:
    element = _below(root, chance)
    if element is not None:
        element.getparent().remove(element)


def _double(root: Tree, chance: Random) -> None:
    element = _below(root, chance)
    if element is not None:
        for _ in range(chance.choice((1, 1, 1, 50))):
            element.addnext(copy.deepcopy(element))


def _swap(root: Tree, chance: Random) -> None:
    element = _any(root, chance)
    children = list(element)
    chance.shuffle(children)
    element[:] = children


def _move(root: Tree, chance: Random) -> None:
    element, target = _below(root, chance), _any(root, chance)
    if element is not None and element not in (target, *target.iterancestors()):
        target.insert(chance.randint(0, len(target)), element)


def _rename(root: Tree, chance: Random) -> None:
    name = chance.choice(("Header", "Payload", "Request", "Verb", "mRID", "x", "OperationSet"))
    element = _any(root, chance)
    element.tag = etree.QName(etree.QName(element).namespace, name).text


def _other_space(root: Tree, chance: Random) -> None:
    element, space = _any(root, chance), chance.choice(SPACES)
    element.tag = etree.QName(space or None, etree.QName(element).localname).text


def _text(root: Tree, chance: Random) -> None:
    _any(root, chance).text = chance.choice(TEXTS)


def _leaf_text(root: Tree, chance: Random) -> None:
    leaves = [each for each in root.iter(etree.Element) if not len(each)]
    chance.choice(leaves).text = chance.choice(TEXTS)


def _tail(root: Tree, chance: Random) -> None:
    element = _below(root, chance)
    if element is not None:
        element.tail = chance.choice(TEXTS)


def _attribute(root: Tree, chance: Random) -> None:
    name = chance.choice(
        ("ref", "kind", "x", f"{{{ns.XSI}}}nil", f"{{{ns.XSI}}}type", "objectType")
    )
    _any(root, chance).set(name, chance.choice(TEXTS))


def _strange_child(root: Tree, chance: Random) -> None:
    element = _any(root, chance)
    child = etree.Element(f"{{{chance.choice(SPACES) or 'urn:y'}}}x")
    child.text = chance.choice(TEXTS)
    element.insert(chance.randint(0, len(element)), child)


def _empty(root: Tree, chance: Random) -> None:
    element = _any(root, chance)
    element[:] = []


def _header(root: Tree, chance: Random) -> None:
    """A field of the header: another verb or noun, a flag, an address, times."""
    for element in root.iter("{*}Header"):
        name = chance.choice(("Verb", "Noun", "AsyncReplyFlag", "ReplyAddress", "Timestamp",
                              "AckRequired", "Source", "Context", "Revision"))  # fmt: skip
        part = element.find(f"{{{ns.MESSAGE}}}{name}")
        if part is not None:
            part.text = chance.choice(TEXTS)


def _flip(octets: bytes, chance: Random) -> bytes:
    changed = bytearray(octets)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(octets: bytes, chance: Random) -> bytes:
    return octets[: chance.randrange(len(octets))]


def _take_out(octets: bytes, chance: Random) -> bytes:
    first = chance.randrange(len(octets))
    return octets[:first] + octets[first + chance.randint(1, 200) :]


def _put_in(octets: bytes, chance: Random) -> bytes:
    pieces = (b"<", b">", b"&", b"&x;", b"&#0;", b"\0", b"<![CDATA[", b"<!--", b"<?x?>", b"\xff",
              b"<!DOCTYPE a>", b"</s:Body>", b"<s:Body/>", b"xmlns=''", b"]]>")  # fmt: skip
    at = chance.randrange(len(octets))
    return octets[:at] + chance.choice(pieces) + octets[at:]


def _again(octets: bytes, chance: Random) -> bytes:
    first = chance.randrange(len(octets))
    last = min(len(octets), first + chance.randint(1, 400))
    return octets[:last] + octets[first:]


def _other_encoding(octets: bytes, chance: Random) -> bytes:
    name = chance.choice(("utf-16", "utf-16-be", "utf-32", "utf-7", "cp037", "utf-8-sig"))
    return octets.decode().encode(name)


_ON_TREES: Final[tuple[Callable[[Tree, Random], None], ...]] = (
    _delete, _double, _swap, _move, _rename, _other_space, _text, _leaf_text, _leaf_text, _tail,
    _attribute, _strange_child, _empty, _header, _header,
)  # fmt: skip
_ON_OCTETS: Final[tuple[Callable[[bytes, Random], bytes], ...]] = (
    _flip, _cut, _take_out, _put_in, _again, _other_encoding,
)  # fmt: skip
