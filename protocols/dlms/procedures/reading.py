"""Read any attributes, and registers in engineering units.

Objects that refuse to be read do not end these procedures: an unknown meter shows what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.association import ListedObject
from protocols.dlms.objects.units import Quantity, ScalerUnit
from protocols.dlms.procedures.steps import Answer, Request, get_told, procedure
from protocols.dlms.services import AttributeDescriptor, GetResponse, GetResult
from protocols.dlms.values import Value

# class -> (attribute with the value, attribute scaler_unit), Blue Book 4.3.1 to 4.3.4.
VALUE_AND_SCALE: dict[int, tuple[int, int | None]] = {1: (2, None), 3: (2, 3), 4: (2, 3), 5: (3, 4)}
AT_ONCE = 8  # attributes a request; more would make the answer long, and one refusal costly
Progress = Callable[[int, int], None]
"""Told of how many are done, and of how many."""


def _untold(done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Register:
    """A data, register, extended or demand register: its raw value and its unit."""

    class_id: int
    instance: LogicalName
    value: Value | DataAccessResult
    scale: ScalerUnit | None = None
    told: GetResponse | None = None  # the answer that brought the value, with its flaws

    @property
    def quantity(self) -> Quantity | None:
        """The value in engineering units; None where it is no number or was not read."""
        if self.scale is None or isinstance(self.value, DataAccessResult):
            return None
        return self.scale.apply(self.value)


@procedure
def read_told(
    attributes: Sequence[AttributeDescriptor],
    *,
    at_once: int = AT_ONCE,
    progress: Progress = _untold,
) -> Generator[Request, Answer, tuple[GetResponse, ...]]:
    """Read any attributes, in requests of `at_once`: an answer for each, with what was odd."""
    return (yield from _told(attributes, at_once, progress))


@procedure
def read_attributes(
    attributes: Sequence[AttributeDescriptor],
    *,
    at_once: int = AT_ONCE,
    progress: Progress = _untold,
) -> Generator[Request, Answer, tuple[GetResult, ...]]:
    """Read any attributes, in requests of `at_once`: each its value or why there is none."""
    told = yield from _told(attributes, at_once, progress)
    return tuple(each.results[0] for each in told)


def _told(
    attributes: Sequence[AttributeDescriptor], at_once: int, progress: Progress
) -> Generator[Request, Answer, tuple[GetResponse, ...]]:
    found: list[GetResponse] = []
    for start in range(0, len(attributes), at_once):
        found += yield from get_told(*attributes[start : start + at_once])
        progress(len(found), len(attributes))
    return tuple(found)


def is_register(listed: ListedObject) -> bool:
    """Whether `read_registers` can read it, and the association may."""
    index = VALUE_AND_SCALE.get(listed.class_id)
    return index is not None and listed.readable(index[0])


@procedure
def read_registers(
    registers: Sequence[tuple[int, LogicalName]],
    *,
    at_once: int = AT_ONCE,
    progress: Progress = _untold,
) -> Generator[Request, Answer, tuple[Register, ...]]:
    """Read registers, each by class and name, with their scaler and unit.

    Raises ValueError for a class that has no single value.
    """
    unknown = {class_id for class_id, _ in registers} - set(VALUE_AND_SCALE)
    if unknown:
        raise ValueError(f"class {min(unknown)} has no single value")
    attributes = [
        AttributeDescriptor(class_id, name, index)
        for class_id, name in registers
        for index in VALUE_AND_SCALE[class_id]
        if index is not None
    ]
    answers = iter((yield from _told(attributes, at_once, progress)))
    found = []
    for class_id, name in registers:
        told = next(answers)
        scaled = VALUE_AND_SCALE[class_id][1] is not None
        scale = scale_of(next(answers).results[0]) if scaled else None
        found.append(Register(class_id, name, told.results[0], scale, told))
    return tuple(found)


def scale_of(result: GetResult) -> ScalerUnit | None:
    """The scaler and unit, or None where the meter gives none that can be read."""
    if isinstance(result, DataAccessResult):
        return None
    try:
        return ScalerUnit.from_value(result)
    except shape.Misshapen:
        return None
