"""Capture objects of a profile: which attributes its columns hold (Blue Book 4.3.6, class 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import Integer, LongUnsigned, OctetString, Structure, Value

CLOCK_CLASS = 8


@dataclass(frozen=True, slots=True)
class CaptureObject:
    """`capture_object_definition`: an attribute, or with `data_index` one element of it.

    Attribute 0 means all of them; `data_index` 0 the attribute as a whole, else elements from 1.
    Versions 1 and later of some classes append a restriction, which is kept as it came.
    """

    class_id: int
    instance: LogicalName
    attribute: int
    data_index: int = 0
    further: tuple[Value, ...] = ()

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Raises `shape.Misshapen`."""
        what = "capture object"
        class_id, instance, attribute, index, *further = shape.members(value, what, 4)
        return cls(
            shape.integer(class_id, f"class of a {what}"),
            shape.name(instance, f"name of a {what}"),
            shape.integer(attribute, f"attribute of a {what}"),
            shape.integer(index, f"data index of a {what}"),
            tuple(further),
        )

    def to_value(self) -> Structure:
        return Structure(
            (
                LongUnsigned(self.class_id),
                OctetString(self.instance),
                Integer(self.attribute),
                LongUnsigned(self.data_index),
                *self.further,
            )
        )

    @property
    def descriptor(self) -> AttributeDescriptor:
        """What to GET for the attribute itself."""
        return AttributeDescriptor(self.class_id, self.instance, self.attribute)

    @property
    def is_clock(self) -> bool:
        """Whether the column holds the time of the row."""
        return self.class_id == CLOCK_CLASS and self.attribute == 2


def read_capture_objects(value: Value) -> tuple[CaptureObject, ...]:
    """Attribute capture_objects.  Raises `shape.Misshapen`."""
    return tuple(map(CaptureObject.from_value, shape.elements(value, "capture_objects")))
