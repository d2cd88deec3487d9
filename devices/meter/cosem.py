"""What a COSEM object is to those who build one: attributes, methods, and who may use them.

One table serves every meter of a type: an attribute is two functions over the meter, not a stored
value, so an untouched meter holds no object at all.  The object list of an association is made from
the same table that answers requests, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from devices.meter import meter_clock
from devices.meter.clients import ALL, NOBODY, OPERATORS, READERS, Client, Right
from devices.meter.columns import ColumnRead, Integers, Rows, integers
from devices.meter.history import Deed
from devices.meter.load import Energy, PhaseLoad
from devices.meter.state import MeterState
from devices.meter.timeline import Piece
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import ClockStatus
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.row_status import RowStatus
from protocols.dlms.services import MethodReturn, Negotiated, SelectiveAccess
from protocols.dlms.values import (
    NULL,
    Array,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)


@dataclass(slots=True)
class Context:
    """In which association, and when, something is asked."""

    meter: MeterState
    client: Client
    now: float
    negotiated: Negotiated
    client_system_title: bytes = b""
    row_status: RowStatus = RowStatus.OK
    """Of a row of a profile: what it is worth."""
    _piece: Piece | None = None
    _meter_time: float | None = None
    _energy: Energy | None = None
    _phases: tuple[PhaseLoad, ...] | None = None
    _asked_by: int | None = None

    @property
    def cause(self) -> str:
        """For the history."""
        return f"client {self.client.sap if self._asked_by is None else self._asked_by}"

    @property
    def piece(self) -> Piece:
        """How the clock ran at this moment."""
        if self._piece is None:
            self._piece = self.meter.timeline.at(self.now)
        return self._piece

    @property
    def meter_time(self) -> float:
        """What the meter's clock shows at this moment."""
        if self._meter_time is None:
            self._meter_time = self.piece.meter_time(self.now)
        return self._meter_time

    def clock_octets(self) -> bytes:
        """The clock's date-time at this moment, 12 octets."""
        piece = self.piece
        status = ClockStatus.OK if piece.valid else ClockStatus.INVALID
        return meter_clock.octets(self.meter_time, piece.rules, status)

    def energy(self) -> Energy:
        """The four integrals at this moment; computed once for all columns of a row."""
        if self._energy is None:
            self._energy = self.meter.metering.energy(self.now)
        return self._energy

    def phases(self) -> tuple[PhaseLoad, ...]:
        """What each phase measures at this moment."""
        if self._phases is None:
            self._phases = self.meter.phases(self.now)
        return self._phases

    def then(self, now: float, meter_time: float, piece: Piece, status: RowStatus) -> Context:
        """The same association at a moment of the past."""
        return Context(
            self.meter,
            self.client,
            now,
            self.negotiated,
            self.client_system_title,
            status,
            piece,
            meter_time,
        )

    def of_client(self, client: Client) -> Context:
        """What belongs to `client`, asked by the client of this association."""
        asker = self.client.sap
        if client.sap == asker:
            return self
        return Context(self.meter, client, self.now, self.negotiated, _asked_by=asker)

    def written(self, what: str) -> None:
        """Put a parameter that was written into the history."""
        self.meter.record(self.now, Deed.PARAMETER_WRITTEN, self.cause, what)


Read = Callable[[Context], Value]
ReadPart = Callable[[Context, SelectiveAccess], Value | DataAccessResult]
Write = Callable[[Context, Value], DataAccessResult]
Invoke = Callable[[Context, Value | None], ActionResult | MethodReturn]


@dataclass(frozen=True, slots=True)
class Attribute:
    """How an attribute is read and written, and by whom."""

    read: Read
    readers: Right = READERS
    write: Write | None = None
    writers: Right = NOBODY
    read_part: ReadPart | None = None
    selectors: tuple[int, ...] = ()
    historic: bool = False
    """Whether `read` answers for any moment of the past: such attributes can be captured."""
    read_column: ColumnRead | None = None
    """The same for many rows at once, of a meter that nobody disturbed."""

    def access_mode(self, right: Right) -> int:
        """0 no access, 1 read only, 2 write only, 3 read and write (Blue Book 4.4.4).

        Version 3 of class 15 has bits in the place of these numbers, and its lowest two are the
        same: 1 read, 2 write.
        """
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

    def list_element(self, right: Right, association_version: int = 1) -> Structure:
        """This object's element of an object list, as this kind of client sees it: class 15,
        `object_list_element`."""
        attributes = ((i, cast(Attribute, self.attribute(i))) for i in (1, *self.attributes))
        return list_element(
            self.class_id,
            self.version,
            self.name,
            ((index, each.access_mode(right), each.selectors) for index, each in attributes),
            ((index, bool(method.callers & right)) for index, method in self.methods.items()),
            association_version,
        )


def list_element(
    class_id: int,
    version: int,
    name: LogicalName,
    attributes: Iterable[tuple[int, int, tuple[int, ...]]],
    methods: Iterable[tuple[int, bool]],
    association_version: int = 1,
) -> Structure:
    """An `object_list_element` of class 15: of each attribute its index, access mode and selectors,
    of each method its index and whether it may be called."""
    may = Boolean if association_version == 0 else Enum
    rights = (
        Array(
            Structure(
                (
                    Integer(index),
                    Enum(mode),
                    Array(map(Integer, selectors)) if selectors else NULL,
                )
            )
            for index, mode, selectors in attributes
        ),
        Array(Structure((Integer(index), may(called))) for index, called in methods),
    )
    return Structure(
        (LongUnsigned(class_id), Unsigned(version), OctetString(name), Structure(rights))
    )


def constant(value: Value) -> Read:
    """An attribute that never changes."""
    return lambda _: value


DATA = 1
REGISTER = 3
EXTENDED_REGISTER = 4
DEMAND_REGISTER = 5
REGISTER_ACTIVATION = 6
PROFILE_GENERIC = 7
CLOCK = 8
SCRIPT_TABLE = 9
SPECIAL_DAYS = 11
ASSOCIATION_LN = 15
SAP_ASSIGNMENT = 17
IMAGE_TRANSFER = 18
ACTIVITY_CALENDAR = 20
REGISTER_MONITOR = 21
SINGLE_ACTION_SCHEDULE = 22
PUSH_SETUP = 40
SECURITY_SETUP = 64
DISCONNECT_CONTROL = 70
LIMITER = 71
"""Class ids (Blue Book 4)."""

UNIT_DEGREE = 8
UNIT_W = 27
UNIT_VA = 28
UNIT_VAR = 29
UNIT_WH = 30
UNIT_VARH = 32
UNIT_A = 33
UNIT_V = 35
UNIT_HZ = 44
UNIT_NONE = 255
"""Blue Book 4.3.2, enumeration of units."""


def data(
    name: str,
    read: Read,
    *,
    readers: Right = ALL,
    historic: bool = False,
    read_column: ColumnRead | None = None,
) -> CosemObject:
    """Class 1: one value."""
    return CosemObject(
        DATA,
        0,
        LogicalName(name),
        {2: Attribute(read, readers, historic=historic, read_column=read_column)},
        visible=readers,
    )


def scaler_unit(scaler: int, unit: int) -> Structure:
    """A `scal_unit_type`."""
    return Structure((Integer(scaler), Enum(unit)))


def register(
    name: str,
    read: Callable[[Context], int],
    kind: type,
    unit: int,
    scaler: int = 0,
    *,
    encoded: type | None = None,
    many: Callable[[Rows], Integers] | None = None,
) -> CosemObject:
    """Class 3: a value in `10**scaler` of its unit, which answers for any moment of the past.

    `many` answers for many moments at once, in the type `encoded` where `kind` makes it of another.
    """
    return CosemObject(
        REGISTER,
        0,
        LogicalName(name),
        {
            2: Attribute(
                lambda context: kind(read(context)),
                historic=True,
                read_column=None if many is None else integers(encoded or kind, many),
            ),
            3: Attribute(constant(scaler_unit(scaler, unit)), historic=True),
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


def kept(
    name: LogicalName,
    attribute: int,
    delivered: Value,
    *,
    readers: Right = READERS,
    writers: Right = OPERATORS,
    accept: Callable[[Value], bool] | None = None,
) -> Attribute:
    """An attribute that does nothing but keep what was written to it, if it is of its type."""

    def write(context: Context, value: Value) -> DataAccessResult:
        if type(value) is not type(delivered):
            return DataAccessResult.TYPE_UNMATCHED
        if accept is not None and not accept(value):
            return DataAccessResult.OTHER_REASON
        context.meter.write(name, attribute, value)
        context.written(f"{name} attribute {attribute}")
        return DataAccessResult.SUCCESS

    def read(context: Context) -> Value:
        found = context.meter.written(name, attribute)
        return delivered if found is None else found

    return Attribute(read, readers, write, writers)
