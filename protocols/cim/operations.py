"""OperationSet: several operations in one message (IEC 61968-100:2013, 7.7).

Each has a number that replies refer to, a verb and noun of its own, and its content.  The set says
whether they must be done in order, and whether all of them or none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.xml import Element

OPERATIONS_MAX = 1_000  # of one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.  `element_operation`: it is about a part of an object, not the whole."""

    id: int
    noun: str | None = None
    verb: str | None = None
    element_operation: bool = False
    content: Element | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSet:
    """Operations in their order."""

    operations: tuple[Operation, ...] = ()
    in_sequence: bool | None = None
    all_or_none: bool | None = None


def read_operations(element: Element) -> OperationSet:
    """An OperationSet element that its schema accepts.

    Raises `RequestRefused`: 3.1 for more than `OPERATIONS_MAX`, 1.8 for a number used twice.
    """
    parts = element.findall(f"{{{ns.MESSAGE}}}Operation")
    if len(parts) > OPERATIONS_MAX:
        raise RequestRefused(
            ReplyError("3.1", f"DEMASIADAS_OPERACIONES: se admiten {OPERATIONS_MAX} por mensaje")
        )
    operations = tuple(map(_read, parts))
    numbers = [operation.id for operation in operations]
    if len(set(numbers)) < len(numbers):
        raise RequestRefused(
            ReplyError("1.8", "OPERACION_REPETIDA: operationId se repite", xpath="operationId")
        )
    return OperationSet(
        operations=operations,
        in_sequence=xml.boolean(_text(element, "enforceMsgSequence")),
        all_or_none=xml.boolean(_text(element, "enforceTransactionalIntegrity")),
    )


def _read(element: Element) -> Operation:
    return Operation(
        id=xml.integer(_text(element, "operationId") or "") or 0,
        noun=_text(element, "noun"),
        verb=_text(element, "verb"),
        element_operation=bool(xml.boolean(_text(element, "elementOperation") or None)),
        content=next((part for part in element if xml.namespace(part) != ns.MESSAGE), None),
    )


def _text(element: Element, name: str) -> str | None:
    return xml.text_of(element.find(f"{{{ns.MESSAGE}}}{name}"))


def write_operations(parent: Element, operations: OperationSet) -> None:
    """Fill an OperationSet element.  Contents are moved into it."""
    _flag(parent, "enforceMsgSequence", operations.in_sequence)
    _flag(parent, "enforceTransactionalIntegrity", operations.all_or_none)
    for operation in operations.operations:
        element = _add(parent, "Operation")
        _add(element, "operationId", str(operation.id))
        if operation.noun is not None:
            _add(element, "noun", operation.noun)
        if operation.verb is not None:
            _add(element, "verb", operation.verb)
        _flag(element, "elementOperation", operation.element_operation or None)
        if operation.content is not None:
            element.append(operation.content)


def _flag(parent: Element, name: str, value: bool | None) -> None:
    if value is not None:
        _add(parent, name, str(value).lower())


def _add(parent: Element, name: str, text: str | None = None) -> Element:
    element = etree.SubElement(parent, f"{{{ns.MESSAGE}}}{name}")
    if text is not None:
        element.text = xml.clean(text)
    return element
