"""Requests at the concentrator's own port: which attribute or method, may this client, the answer.

Each part of a request has a result of its own (Green Book 9.3.6 to 9.3.8).  An object that there
is, but not for this client, is `read-write-denied`; one that there is not is `object-undefined`.
"""

from __future__ import annotations

from functools import partial

from devices.concentrator.local_cosem import MANAGERS, Asked, LocalObject
from devices.concentrator.local_objects import table
from protocols.dlms.access_parts import by_parts
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AttributeDescriptor,
    GetResult,
    MethodDescriptor,
    Request,
    Response,
)
from protocols.dlms.values import Value


def answer(asked: Asked, request: Request) -> Response:
    """Carry out one request, with list or without."""
    return by_parts(
        request, get=partial(_get, asked), set_=partial(_set, asked), act=partial(_act, asked)
    )


def _get(asked: Asked, wanted: AttributeDescriptor) -> GetResult:
    found = _find(asked, wanted.class_id, wanted.instance)
    if isinstance(found, DataAccessResult):
        return found
    attribute = found.attribute(wanted.attribute)
    if attribute is None or not attribute.readers & asked.client.right:
        return DataAccessResult.READ_WRITE_DENIED
    if wanted.selection is None:
        return attribute.read(asked)
    if attribute.read_part is None:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    return attribute.read_part(asked, wanted.selection)


def _set(asked: Asked, wanted: AttributeDescriptor, value: Value) -> DataAccessResult:
    found = _find(asked, wanted.class_id, wanted.instance)
    if isinstance(found, DataAccessResult):
        return found
    attribute = found.attribute(wanted.attribute)
    if attribute is None or attribute.write is None or not attribute.writers & asked.client.right:
        return DataAccessResult.READ_WRITE_DENIED
    if wanted.selection is not None:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    return attribute.write(asked, value)


def _act(asked: Asked, wanted: MethodDescriptor, value: Value | None) -> ActionResult:
    found = _find(asked, wanted.class_id, wanted.instance)
    if isinstance(found, DataAccessResult):
        return ActionResult(found)
    invoke = found.methods.get(wanted.method)
    if invoke is None or not asked.client.right & MANAGERS:
        return ActionResult.READ_WRITE_DENIED
    return invoke(asked, value)


def _find(asked: Asked, class_id: int, name: LogicalName) -> LocalObject | DataAccessResult:
    found = table().get(name)
    if found is None:
        return DataAccessResult.OBJECT_UNDEFINED
    if not found.visible & asked.client.right:
        return DataAccessResult.READ_WRITE_DENIED
    if found.class_id != class_id:
        return DataAccessResult.OBJECT_CLASS_INCONSISTENT
    return found
