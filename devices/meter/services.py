"""Requests to a meter's objects: which attribute or method, may this client, and the answer.

One object that fails does not fail the others of the same request: each has its own result (Green
Book 9.3.6 to 9.3.8).  An object that the meter has, but not for this client, is `read-write-denied`
in every way; one that it has not is `object-undefined`.
"""

from __future__ import annotations

from functools import partial

from msgspec import structs

from devices.meter.clients import MANAGEMENT
from devices.meter.cosem import Context, CosemObject
from devices.meter.dirt import spoiled
from devices.meter.objects import table
from devices.meter.state import MeterState
from protocols.dlms.access_parts import by_parts
from protocols.dlms.codes import ActionResult, Conformance, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AttributeDescriptor,
    GetResult,
    MethodDescriptor,
    MethodReturn,
    Negotiated,
    Request,
    Response,
)
from protocols.dlms.values import NULL, Structure, Value


def answer(context: Context, request: Request) -> Response:
    """Carry out one request, with list or without."""
    return by_parts(
        request, get=partial(_get, context), set_=partial(_set, context), act=partial(_act, context)
    )


def _get(context: Context, asked: AttributeDescriptor) -> GetResult:
    found = _find(context, asked.class_id, asked.instance)
    if isinstance(found, DataAccessResult):
        return found
    if asked.attribute == 0:
        return _all(context, asked, found)
    attribute = found.attribute(asked.attribute)
    if attribute is None or not attribute.readers & context.client.right:
        return DataAccessResult.READ_WRITE_DENIED
    if asked.selection is None:
        result: GetResult = attribute.read(context)
    elif attribute.read_part is None:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    else:
        result = attribute.read_part(context, asked.selection)
    if context.meter.spoils and not isinstance(result, DataAccessResult):
        return spoiled(context, asked, result)
    return result


def _all(context: Context, asked: AttributeDescriptor, found: CosemObject) -> GetResult:
    """Attribute 0: all attributes in a structure, null-data where this client may not read (Green
    Book 9.1.4.3.3), if that was agreed on."""
    if not context.negotiated.conformance & Conformance.ATTRIBUTE_0_WITH_GET:
        return DataAccessResult.READ_WRITE_DENIED
    if asked.selection is not None:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    values: list[Value] = []
    for index in range(1, max(found.attributes) + 1):
        single = structs.replace(asked, attribute=index)
        result = _get(context, single)
        values.append(NULL if isinstance(result, DataAccessResult) else result)
    return Structure(values)


def _set(context: Context, asked: AttributeDescriptor, value: Value) -> DataAccessResult:
    found = _find(context, asked.class_id, asked.instance)
    if isinstance(found, DataAccessResult):
        return found
    attribute = found.attribute(asked.attribute)
    if attribute is None or attribute.write is None or not attribute.writers & context.client.right:
        return DataAccessResult.READ_WRITE_DENIED
    if asked.selection is not None:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    faults = context.meter.faults
    key = (found.name, asked.attribute)
    if key in faults.refused_sets:
        return faults.refused_sets[key]
    if key in faults.ignored_sets:
        return DataAccessResult.SUCCESS
    return attribute.write(context, value)


def _act(
    context: Context, asked: MethodDescriptor, value: Value | None
) -> ActionResult | MethodReturn:
    found = _find(context, asked.class_id, asked.instance)
    if isinstance(found, DataAccessResult):
        return ActionResult(found)
    method = found.methods.get(asked.method)
    if method is None or method.invoke is None or not method.callers & context.client.right:
        return ActionResult.READ_WRITE_DENIED
    return method.invoke(context, value)


def _find(context: Context, class_id: int, name: LogicalName) -> CosemObject | DataAccessResult:
    found = table(context.meter.type).get(name)
    if found is None:
        return DataAccessResult.OBJECT_UNDEFINED
    if not found.visible & context.client.right:
        return DataAccessResult.READ_WRITE_DENIED
    if found.class_id != class_id:
        return DataAccessResult.OBJECT_CLASS_INCONSISTENT
    return found


ITSELF = Negotiated(Conformance(0), 0, 0)


def value_of(
    meter: MeterState, class_id: int, name: LogicalName, attribute: int, now: float
) -> Value:
    """An attribute's value as the meter itself sees it; null-data for one that there is not."""
    found = table(meter.type).get(name)
    if found is None or found.class_id != class_id:
        return NULL
    readable = found.attribute(attribute)
    return NULL if readable is None else readable.read(Context(meter, MANAGEMENT, now, ITSELF))
