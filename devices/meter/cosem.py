"""What a COSEM object is to those who build one: attributes, methods, and who may use them.

One table serves every meter of a type: an attribute is two functions over the meter, not a stored
value, so an untouched meter holds no object at all.  The object list of an association is made from
the same table that answers requests, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from devices.meter.clients import ALL, NOBODY, READERS, Client, Right
from devices.meter.history import Deed
from devices.meter.state import MeterState
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import Negotiated, SelectiveAccess
from protocols.dlms.values import (
    NULL,
    Array,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)


@dataclass(frozen=True, slots=True)
class Context:
    """In which association, and when, something is asked."""

    meter: MeterState
    client: Client
    now: float
    negotiated: Negotiated
    client_system_title: bytes = b""

    @property
    def cause(self) -> str:
        """For the history."""
        return f"client {self.client.sap}"

    def written(self, what: str) -> None:
        """Put a parameter that was written into the history."""
        self.meter.record(self.now, Deed.PARAMETER_WRITTEN, self.cause, what)


Read = Callable[[Context], Value]
ReadPart = Callable[[Context, SelectiveAccess], Value | DataAccessResult]
Write = Callable[[Context, Value], DataAccessResult]
Invoke = Callable[[Context, Value | None], ActionResult]


@dataclass(frozen=True, slots=True)
class Attribute:
    """How an attribute is read and written, and by whom."""

    read: Read
    readers: Right = READERS
    write: Write | None = None
    writers: Right = NOBODY
    read_part: ReadPart | None = None
    selectors: tuple[int, ...] = ()

    def access_mode(self, right: Right) -> int:
        """0 no access, 1 read only, 2 write only, 3 read and write (Blue Book 4.4.4)."""
        return bool(right & self.readers) + 2 * bool(right & self.writers)


@dataclass(frozen=True, slots=True)
class Method:
    """What a method does; the association's own, such as reply_to_HLS, is done by the protocol."""

    callers: Right
    invoke: Invoke | None = None


@dataclass(frozen=True, slots=True)
class CosemObject:
    """One instance of an interface class.  Attribute 1, the logical name, comes by itself."""

    class_id: int
    version: int
    name: LogicalName
    attributes: Mapping[int, Attribute]
    methods: Mapping[int, Method] = field(default_factory=dict)
    visible: Right = READERS

    def attribute(self, index: int) -> Attribute | None:
        """Attribute 1 is readable by whoever sees the object."""
        if index == 1:
            return Attribute(constant(OctetString(self.name)), self.visible)
        return self.attributes.get(index)

    def list_element(self, right: Right) -> Structure:
        """This object's element of an object list, as this kind of client sees it: class 15
        version 1, `object_list_element`."""
        selectors = {i: a.selectors for i, a in self.attributes.items() if a.selectors}
        attributes = Array(
            Structure(
                (
                    Integer(index),
                    Enum(cast(Attribute, self.attribute(index)).access_mode(right)),
                    Array(map(Integer, selectors[index])) if index in selectors else NULL,
                )
            )
            for index in (1, *self.attributes)
        )
        methods = Array(
            Structure((Integer(index), Enum(bool(method.callers & right))))
            for index, method in self.methods.items()
        )
        return Structure(
            (
                LongUnsigned(self.class_id),
                Unsigned(self.version),
                OctetString(self.name),
                Structure((attributes, methods)),
            )
        )


def constant(value: Value) -> Read:
    """An attribute that never changes."""
    return lambda _: value


DATA = 1
REGISTER = 3
PROFILE_GENERIC = 7
CLOCK = 8
SCRIPT_TABLE = 9
ASSOCIATION_LN = 15
SAP_ASSIGNMENT = 17
SECURITY_SETUP = 64
DISCONNECT_CONTROL = 70
LIMITER = 71
"""Class ids (Blue Book 4)."""

UNIT_W = 27
UNIT_VAR = 29
UNIT_WH = 30
UNIT_VARH = 32
UNIT_A = 33
UNIT_V = 35
"""Blue Book 4.3.2, enumeration of units."""


def data(name: str, read: Read, *, readers: Right = ALL) -> CosemObject:
    """Class 1: one value."""
    return CosemObject(DATA, 0, LogicalName(name), {2: Attribute(read, readers)}, visible=readers)


def register(
    name: str, read: Callable[[Context], int], kind: type, unit: int, scaler: int = 0
) -> CosemObject:
    """Class 3: a value in `10**scaler` of its unit."""
    scaler_unit = Structure((Integer(scaler), Enum(unit)))
    return CosemObject(
        REGISTER,
        0,
        LogicalName(name),
        {
            2: Attribute(lambda context: kind(read(context))),
            3: Attribute(constant(scaler_unit)),
        },
        {1: Method(NOBODY)},
    )


def capture(class_id: int, name: LogicalName, attribute: int) -> Structure:
    """A `capture_object_definition`, without data index."""
    return Structure(
        (LongUnsigned(class_id), OctetString(name), Integer(attribute), LongUnsigned(0))
    )


def wrapped(number: int) -> DoubleLongUnsigned:
    """A register that begins again at 0 when its digits are used up."""
    return DoubleLongUnsigned(number % (DoubleLongUnsigned.MAX + 1))
