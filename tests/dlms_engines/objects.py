"""A meter as a dictionary: just enough limiter and disconnect control to talk to.

It answers service primitives, so it stands behind our server connection in the conversation tests
and directly behind a procedure in the tests of procedures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import DISCONNECT_CONTROL, LIMITER
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    MethodReturn,
    Request,
    Response,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import (
    Array,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Value,
)

POWER = LogicalName("1.0.1.4.0.255")  # demand register, +P average
COUNTER = LogicalName("0.0.43.1.1.255")
PROFILE = LogicalName("1.0.99.1.0.255")
# control_mode -> control_state that remote_reconnect leads to (Blue Book, 4.5.8)
RECONNECTS_TO = {0: 1, 1: 2, 2: 1, 3: 2, 4: 1, 5: 2, 6: 2}

Key = tuple[int, LogicalName, int]


def limiter(threshold: Value, *, unit: int = 27, scaler: int = 0, emergency: bool = False) -> dict:
    """A limiter that monitors the current average of a demand register."""
    return {
        (71, LIMITER, 2): Structure((LongUnsigned(5), OctetString(POWER), Integer(2))),
        (71, LIMITER, 3): threshold,
        (71, LIMITER, 4): threshold,
        (71, LIMITER, 10): Boolean(emergency),
        (5, POWER, 2): type(threshold)(7),
        (5, POWER, 4): Structure((Integer(scaler), Enum(unit))),
    }


def control(state: int, mode: int) -> dict:
    """A disconnect control; its output follows its state."""
    return {
        (70, DISCONNECT_CONTROL, 2): Boolean(state == 1),
        (70, DISCONNECT_CONTROL, 3): Enum(state),
        (70, DISCONNECT_CONTROL, 4): Enum(mode),
    }


def profile(rows: int) -> dict:
    """A load profile long enough to travel in blocks."""
    row = Structure((OctetString(range(12)), DoubleLongUnsigned(123456), Integer(-3)))
    return {(7, PROFILE, 2): Array(row for _ in range(rows))}


@dataclass
class Objects:
    """Attribute values, and what writing and invoking does to them."""

    values: dict[Key, Value]
    refuse: dict[Key, DataAccessResult | ActionResult | ExceptionResponse] = field(
        default_factory=dict
    )
    on_write: Callable[[Objects, Key, Value], None] | None = None
    relay_stuck: bool = False
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        match request:
            case GetRequest(attributes):
                results = [self._read(attribute) for attribute in attributes]
                whole = [found for found in results if isinstance(found, ExceptionResponse)]
                return whole[0] if whole else GetResponse(tuple(results))
            case SetRequest((attribute,), (value,)):
                written = self._write(attribute, value)
                return (
                    written if isinstance(written, ExceptionResponse) else SetResponse((written,))
                )
            case ActionRequest((method,), _):
                key = (method.class_id, method.instance, method.method + 100)
                refused = self.refuse.get(key)
                if isinstance(refused, ExceptionResponse):
                    return refused
                if refused is None:
                    self._switch(method.method)
                return ActionResponse((MethodReturn(refused or ActionResult.SUCCESS),))
        raise AssertionError(request)

    def _read(self, attribute: AttributeDescriptor):
        key = (attribute.class_id, attribute.instance, attribute.attribute)
        if key in self.refuse and not self._write_only(key):
            return self.refuse[key]
        return self.values.get(key, DataAccessResult.OBJECT_UNDEFINED)

    def _write_only(self, key: Key) -> bool:
        return key == (71, LIMITER, 4)

    def _write(self, attribute: AttributeDescriptor, value: Value):
        key = (attribute.class_id, attribute.instance, attribute.attribute)
        if key in self.refuse:
            return self.refuse[key]
        if self.on_write is not None:
            self.on_write(self, key, value)
            return DataAccessResult.SUCCESS
        self.values[key] = value
        if key == (71, LIMITER, 4) and not self.values[71, LIMITER, 10]:
            self.values[71, LIMITER, 3] = value
        return DataAccessResult.SUCCESS

    def _switch(self, method: int) -> None:
        mode = int(self.values[70, DISCONNECT_CONTROL, 4])
        state = 0 if method == 1 else RECONNECTS_TO[mode]
        if mode == 0:
            return  # always connected; the method has no effect
        self.values[70, DISCONNECT_CONTROL, 3] = Enum(state)
        if not self.relay_stuck:
            self.values[70, DISCONNECT_CONTROL, 2] = Boolean(state == 1)
