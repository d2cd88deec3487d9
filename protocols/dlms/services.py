"""Service primitives: what is asked and answered, without blocks, ciphering and invoke ids.

A client sends requests and gets responses as events; a server gets requests as events and sends
responses.  One request with several attributes or methods travels 'with list'; the response then
has one result for each, in the same order.  Source: Green Book 9.3.6 to 9.3.9 (GET, SET, ACTION),
9.3.2 and 9.3.3 (association), 9.3.11 (ACCESS), 9.3.12 (exception).
"""

from __future__ import annotations

import enum
import functools
import operator
from collections.abc import Sequence
from typing import Self

import msgspec

from protocols.dlms.codes import (
    ActionResult,
    Conformance,
    DataAccessResult,
    ServiceError,
    StateError,
)
from protocols.dlms.flaws import Flaw
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import NULL, Value

GetResult = Value | DataAccessResult


class SelectiveAccess(msgspec.Struct, frozen=True):
    """Which part of an attribute: selector 1 is by range, 2 by entry, for a profile's buffer."""

    selector: int
    parameters: Value

    def __post_init__(self) -> None:
        if not 0 <= self.selector <= 0xFF:
            raise ValueError(f"access selector {self.selector} does not fit")


class AttributeDescriptor(msgspec.Struct, frozen=True):
    """One attribute of one object; `attribute` 0 asks for all of them."""

    class_id: int
    instance: LogicalName
    attribute: int
    selection: SelectiveAccess | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.class_id <= 0xFFFF or not -128 <= self.attribute <= 127:
            raise ValueError(f"class {self.class_id} attribute {self.attribute} does not fit")
        if len(self.instance) != 6:
            raise ValueError(f"{self.instance!r} is no logical name")


class MethodDescriptor(msgspec.Struct, frozen=True):
    """One method of one object."""

    class_id: int
    instance: LogicalName
    method: int

    def __post_init__(self) -> None:
        if not 0 <= self.class_id <= 0xFFFF or not -128 <= self.method <= 127:
            raise ValueError(f"class {self.class_id} method {self.method} does not fit")
        if len(self.instance) != 6:
            raise ValueError(f"{self.instance!r} is no logical name")


class GetRequest(msgspec.Struct, frozen=True):
    """Read attributes.

    `as_octets` leaves what came as `EncodedValue`, for who has a faster decoder of it; an engine
    that cannot do so gives values all the same.
    """

    attributes: tuple[AttributeDescriptor, ...]
    as_octets: bool = False

    def __post_init__(self) -> None:
        if not self.attributes:
            raise ValueError("no attribute to read")

    @classmethod
    def of(cls, *attributes: AttributeDescriptor) -> Self:
        return cls(attributes)


class GetResponse(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """For each attribute its value, or why there is none.

    `flaws` says what was wrong with octets that could be understood all the same; `raw` are those
    of the results, with whatever stood behind them.  `parts` are the answers that this one was
    joined from, where the attributes were asked for one by one.
    """

    results: tuple[GetResult, ...]
    flaws: Flaw = Flaw.NONE
    raw: bytes = b""
    parts: tuple[GetResponse, ...] = ()

    @classmethod
    def of(cls, *results: GetResult) -> Self:
        return cls(results)

    @classmethod
    def joined(cls, parts: Sequence[GetResponse]) -> Self:
        """One answer of several."""
        flaws = functools.reduce(operator.or_, (part.flaws for part in parts), Flaw.NONE)
        results = tuple(result for part in parts for result in part.results)
        return cls(results, flaws, b"".join(part.raw for part in parts), tuple(parts))

    def each(self) -> tuple[GetResponse, ...]:
        """An answer for every attribute, with the flaws of the octets that brought it."""
        if self.parts:
            return tuple(single for part in self.parts for single in part.each())
        if len(self.results) == 1:
            return (self,)
        return tuple(GetResponse((result,), self.flaws) for result in self.results)


class SetRequest(msgspec.Struct, frozen=True):
    """Write attributes, one value for each."""

    attributes: tuple[AttributeDescriptor, ...]
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.attributes or len(self.attributes) != len(self.values):
            raise ValueError(f"{len(self.values)} values for {len(self.attributes)} attributes")

    @classmethod
    def of(cls, attribute: AttributeDescriptor, value: Value) -> Self:
        return cls((attribute,), (value,))


class SetResponse(msgspec.Struct, frozen=True):
    """For each attribute whether it was written."""

    results: tuple[DataAccessResult, ...]

    @classmethod
    def of(cls, *results: DataAccessResult) -> Self:
        return cls(results)


class ActionRequest(msgspec.Struct, frozen=True):
    """Invoke methods; None where a method takes no parameters."""

    methods: tuple[MethodDescriptor, ...]
    parameters: tuple[Value | None, ...]

    def __post_init__(self) -> None:
        if not self.methods or len(self.methods) != len(self.parameters):
            raise ValueError(f"{len(self.parameters)} parameters for {len(self.methods)} methods")

    @classmethod
    def of(cls, method: MethodDescriptor, parameters: Value | None = None) -> Self:
        return cls((method,), (parameters,))


class MethodReturn(msgspec.Struct, frozen=True):
    """How one method ended and, if it says so, what it returned (or why that is missing)."""

    result: ActionResult
    returned: GetResult | None = None


class ActionResponse(msgspec.Struct, frozen=True):
    """For each method how it ended."""

    results: tuple[MethodReturn, ...]

    @classmethod
    def of(cls, result: ActionResult, returned: GetResult | None = None) -> Self:
        return cls((MethodReturn(result, returned),))


class AccessService(enum.IntEnum):
    """Which service one part of an ACCESS is; the choices of access-response-specification."""

    GET = 1
    SET = 2
    ACTION = 3


class AccessGet(msgspec.Struct, frozen=True):
    """Read one attribute, or by its selection a part of it.

    `data` is what stood where null-data belongs: it means nothing, and is written again.
    """

    attribute: AttributeDescriptor
    data: Value | None = None


class AccessSet(msgspec.Struct, frozen=True):
    """Write one attribute, or by its selection a part of it."""

    attribute: AttributeDescriptor
    value: Value


class AccessAction(msgspec.Struct, frozen=True):
    """Invoke one method."""

    method: MethodDescriptor
    parameters: Value | None = None


AccessItem = AccessGet | AccessSet | AccessAction
SERVICE_OF: dict[type[AccessItem], AccessService] = {
    AccessGet: AccessService.GET,
    AccessSet: AccessService.SET,
    AccessAction: AccessService.ACTION,
}


class AccessResult(msgspec.Struct, frozen=True):
    """How one part of an ACCESS ended, with what was read or returned, else null-data."""

    service: AccessService
    code: DataAccessResult | ActionResult
    data: Value = NULL

    def __post_init__(self) -> None:
        if isinstance(self.code, ActionResult) is not (self.service is AccessService.ACTION):
            raise ValueError(f"{self.code!r} is no result of {self.service.name}")


class AccessRequest(msgspec.Struct, frozen=True):
    """Read, write and invoke in one exchange, in this order.

    `break_on_error` asks the server to do nothing more after the first part that failed;
    `self_descriptive` asks it to repeat in the response what was asked.  `date_time` is empty, or
    the 12 octets of when the request was made.
    """

    items: tuple[AccessItem, ...]
    break_on_error: bool = False
    self_descriptive: bool = False
    date_time: bytes = b""

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("nothing to access")

    @classmethod
    def of(cls, *items: AccessItem) -> Self:
        return cls(items)


class AccessResponse(msgspec.Struct, frozen=True):
    """One result for each part.  `asked` is what the server repeats, without data."""

    results: tuple[AccessResult, ...]
    date_time: bytes = b""
    asked: tuple[AccessItem, ...] | None = None

    @classmethod
    def of(cls, *results: AccessResult) -> Self:
        return cls(results)


class ExceptionResponse(msgspec.Struct, frozen=True):
    """The server will not, or cannot, process the request at all.

    With INVOCATION_COUNTER_ERROR comes the lowest counter that the server would accept.
    """

    state_error: StateError
    service_error: ServiceError
    invocation_counter: int | None = None

    def __post_init__(self) -> None:
        counted = self.service_error == ServiceError.INVOCATION_COUNTER_ERROR
        if counted is (self.invocation_counter is None):
            raise ValueError("an invocation counter goes with its own error and no other")


class AssociationRequest(msgspec.Struct, frozen=True):
    """Client: open the association that the settings describe."""


class Negotiated(msgspec.Struct, frozen=True):
    """What both sides agreed on.  A PDU size of 0 means without limit."""

    conformance: Conformance
    client_pdu_size: int  # longest APDU that the client receives, ciphering included
    server_pdu_size: int  # longest APDU that the server receives, ciphering included


class ReleaseRequest(msgspec.Struct, frozen=True):
    """Client: close the association."""


Request = GetRequest | SetRequest | ActionRequest | AccessRequest
Response = GetResponse | SetResponse | ActionResponse | AccessResponse | ExceptionResponse
