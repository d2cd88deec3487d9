"""Read the object list of the current association: all that an unknown meter holds."""

from __future__ import annotations

from collections.abc import Generator

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.association import ASSOCIATION_CLASS, ObjectList
from protocols.dlms.procedures.steps import Answer, Request, get, procedure
from protocols.dlms.services import AttributeDescriptor

CURRENT_ASSOCIATION = LogicalName("0.0.40.0.0.255")


@procedure
def read_object_list(
    association: LogicalName = CURRENT_ASSOCIATION, *, version: int | None = None
) -> Generator[Request, Answer, ObjectList]:
    """Attribute 2 of class 15.  Its version is read off the list where it is not given."""
    (value,) = yield from get(AttributeDescriptor(ASSOCIATION_CLASS, association, 2))
    return ObjectList.from_value(value, version)
