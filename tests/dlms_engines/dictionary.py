"""A meter as a dictionary that answers service primitives: profiles, clock, push, image transfer.

Stands directly behind a procedure, and behind our server connection in the conversations of both
engines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protocols.dlms.access_parts import carry_out
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.capture import read_capture_objects
from protocols.dlms.objects.image import ImageStatus
from protocols.dlms.objects.profile import clock_column, restored, rows_of, selected
from protocols.dlms.selective_access import RangeDescriptor, read_selection
from protocols.dlms.services import (
    AccessRequest,
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    GetResult,
    MethodReturn,
    Request,
    Response,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    OctetString,
    Structure,
    Value,
)

IMAGE = LogicalName("0.0.44.0.0.255")
Key = tuple[int, LogicalName, int]


@dataclass
class Image:
    """Class 18.  `busy`: how often it answers TEMPORARY_FAILURE; `lose`: blocks it drops once."""

    block_size: int = 4
    enabled: bool = True
    status: ImageStatus = ImageStatus.NOT_INITIATED
    size: int = 0
    identifier: bytes = b""
    blocks: dict[int, bytes] = field(default_factory=dict)
    busy: int = 0
    lose: set[int] = field(default_factory=set)
    ends: dict[int, ImageStatus] = field(default_factory=dict)
    refuse: dict[int, ActionResult] = field(default_factory=dict)
    invoked: list[int] = field(default_factory=list)

    def read(self, attribute: int) -> GetResult:
        count = -(-self.size // self.block_size)
        bits = "".join("1" if number in self.blocks else "0" for number in range(count))
        info = Structure(
            (DoubleLongUnsigned(self.size), OctetString(self.identifier), OctetString(b""))
        )
        held = (info,) if self.status >= ImageStatus.VERIFICATION_SUCCESSFUL else ()
        found: dict[int, Value] = {
            2: DoubleLongUnsigned(self.block_size),
            3: BitString.of(bits),
            5: Boolean(self.enabled),
            6: Enum(self.status),
            7: Array(held),
        }
        return found.get(attribute, DataAccessResult.OBJECT_UNDEFINED)

    def invoke(self, method: int, parameters: Any) -> ActionResult:
        self.invoked.append(method)
        if not self.enabled:
            return ActionResult.READ_WRITE_DENIED
        if method in self.refuse:
            return self.refuse[method]
        if method == 1:
            self.identifier, self.size = bytes(parameters[0]), int(parameters[1])
            self.blocks, self.status = {}, ImageStatus.INITIATED
        elif method == 2:
            number = int(parameters[0])
            if number in self.lose:
                self.lose.discard(number)
            else:
                self.blocks[number] = bytes(parameters[1])
        else:
            if self.busy:
                self.busy -= 1
                return ActionResult.TEMPORARY_FAILURE
            done = ImageStatus.VERIFICATION_SUCCESSFUL
            self.status = self.ends.get(
                method, done if method == 3 else ImageStatus.ACTIVATION_SUCCESSFUL
            )
        return ActionResult.SUCCESS

    @property
    def image(self) -> bytes:
        return b"".join(self.blocks[number] for number in sorted(self.blocks))


@dataclass
class Dictionary:
    """Attributes by class, name and number; `selects` says which selectors buffers know."""

    values: dict[Key, Value] = field(default_factory=dict)
    selects: frozenset[int] = frozenset({1, 2})
    selects_columns: bool = True
    cannot: DataAccessResult = DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    refuse: dict[Key, DataAccessResult] = field(default_factory=dict)
    image: Image = field(default_factory=Image)
    on_act: Callable[[Dictionary, Key, Value | None], ActionResult] | None = None
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        match request:
            case GetRequest(attributes):
                return GetResponse(tuple(map(self._read, attributes)))
            case SetRequest(attributes, values):
                written = map(self._write, attributes, values)
                return SetResponse(tuple(written))
            case ActionRequest(methods, parameters):
                ended = map(self._act, methods, parameters)
                return ActionResponse(tuple(MethodReturn(code) for code in ended))
            case AccessRequest():
                return carry_out(request, self.answer)
        raise AssertionError(request)

    def _read(self, attribute: AttributeDescriptor) -> GetResult:
        key = (attribute.class_id, attribute.instance, attribute.attribute)
        if key in self.refuse:
            return self.refuse[key]
        if key[:2] == (18, IMAGE):
            return self.image.read(attribute.attribute)
        value = self.values.get(key)
        if value is None:
            return DataAccessResult.OBJECT_UNDEFINED
        if attribute.selection is None:
            return value
        if attribute.selection.selector not in self.selects:
            return self.cannot
        return self._select(key, value, attribute.selection)

    def _select(self, key: Key, value: Any, selection: Any) -> GetResult:
        wanted = read_selection(selection)
        captured = read_capture_objects(self.values[7, key[1], 3])
        rows = list(restored(rows_of(value), captured, 900))  # it compresses anew what it sends
        if isinstance(wanted, RangeDescriptor):
            if wanted.columns and not self.selects_columns:
                return self.cannot
            assert captured[clock_column(captured)] == wanted.restricting
            bounds = [DateTime.from_octets(bytes(part)) for part in (wanted.first, wanted.last)]
            rows = list(selected(rows, captured, *bounds))
            places = [captured.index(column) for column in wanted.columns]
            rows = [tuple(row[at] for at in places) if places else row for row in rows]
        else:
            rows = rows[wanted.first - 1 : wanted.last or None]
            rows = [row[wanted.first_column - 1 : wanted.last_column or None] for row in rows]
        return Array(map(Structure, rows))

    def _write(self, attribute: AttributeDescriptor, value: Value) -> DataAccessResult:
        key = (attribute.class_id, attribute.instance, attribute.attribute)
        if key in self.refuse:
            return self.refuse[key]
        if key == (18, IMAGE, 5):
            self.image.enabled = bool(value)
        self.values[key] = value
        return DataAccessResult.SUCCESS

    def _act(self, method: Any, parameters: Value | None) -> ActionResult:
        key = (method.class_id, method.instance, method.method)
        if key[:2] == (18, IMAGE):
            return self.image.invoke(method.method, parameters)
        if self.on_act is None:
            return ActionResult.OBJECT_UNDEFINED
        return self.on_act(self, key, parameters)
