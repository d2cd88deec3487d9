"""Image transfer (class 18) as attributes and methods, and which firmware runs.

Blue Book 4.3.9.  Its state machine is `image_transfer`.
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.meter.clients import BROADCASTERS, FIRMWARE_WRITERS, OPERATORS, Right
from devices.meter.cosem import (
    IMAGE_TRANSFER,
    Attribute,
    Context,
    CosemObject,
    Method,
    constant,
    data,
)
from devices.meter.image_transfer import BLOCK_SIZE, ImageTransfer, Status
from devices.meter.meter_type import MeterType
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    OctetString,
    Structure,
    Value,
)

IMAGE = LogicalName("0.0.44.0.0.255")
READERS: Right = OPERATORS | FIRMWARE_WRITERS
IDENTIFIER_MAX = 64
SLOW = 12.0
"""How much longer a meter with that fault verifies and activates."""


def _of(context: Context) -> ImageTransfer:
    return context.meter.part(ImageTransfer)


def _status_bits(context: Context) -> Value:
    got = _of(context).got
    return BitString.of("".join("1" if each else "0" for each in got or b""))


def _write_enabled(context: Context, value: Value) -> DataAccessResult:
    if type(value) is not Boolean:
        return DataAccessResult.TYPE_UNMATCHED
    _of(context).enabled = bool(value)
    context.written(f"image transfer enabled {bool(value)}")
    return DataAccessResult.SUCCESS


def _to_activate(context: Context) -> Value:
    transfer = _of(context)
    if transfer.verified is None or transfer.status is not Status.VERIFICATION_SUCCESSFUL:
        return Array()
    row = Structure(
        (
            DoubleLongUnsigned(transfer.size),
            OctetString(transfer.identifier),
            OctetString(transfer.verified.proof),
        )
    )
    return Array([row])


def _initiate(context: Context, parameter: Value | None) -> ActionResult:
    kinds = [OctetString, DoubleLongUnsigned]
    if type(parameter) is not Structure or [type(each) for each in parameter] != kinds:
        return ActionResult.TYPE_UNMATCHED
    identifier, size = parameter
    assert isinstance(identifier, bytes)
    assert isinstance(size, int)
    if not 0 < len(identifier) <= IDENTIFIER_MAX:
        return ActionResult.OTHER_REASON
    result = _of(context).initiate(bytes(identifier), int(size))
    if result is ActionResult.SUCCESS:
        context.written(f"image of {int(size)} octets")
    return result


def _take(context: Context, parameter: Value | None) -> ActionResult:
    kinds = [DoubleLongUnsigned, OctetString]
    if type(parameter) is not Structure or [type(each) for each in parameter] != kinds:
        return ActionResult.TYPE_UNMATCHED
    number, block = parameter
    assert isinstance(number, int)
    assert isinstance(block, bytes)
    return _of(context).take(int(number), bytes(block))


def _slow(context: Context) -> float:
    return SLOW if context.meter.dirty("image-slow") else 1


def _verify(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not Integer:
        return ActionResult.TYPE_UNMATCHED
    return _of(context).verify(context.now, _slow(context))


def _activate(context: Context, parameter: Value | None) -> ActionResult:
    if type(parameter) is not Integer:
        return ActionResult.TYPE_UNMATCHED
    return _of(context).activate(context.now, _slow(context))


_transfer = CosemObject(
    IMAGE_TRANSFER,
    0,
    IMAGE,
    {
        2: Attribute(constant(DoubleLongUnsigned(BLOCK_SIZE)), READERS),
        3: Attribute(_status_bits, READERS),
        4: Attribute(lambda context: DoubleLongUnsigned(_of(context).first_missing), READERS),
        5: Attribute(
            lambda context: Boolean(_of(context).enabled), READERS, _write_enabled, READERS
        ),
        6: Attribute(lambda context: Enum(_of(context).status), READERS),
        7: Attribute(_to_activate, READERS),
    },
    {
        1: Method(READERS, _initiate),
        2: Method(READERS | BROADCASTERS, _take),
        3: Method(READERS, _verify),
        4: Method(READERS, _activate),
    },
    visible=READERS | BROADCASTERS,
)


def version(context: Context) -> str:
    """The firmware that runs."""
    transfer = context.meter.existing(ImageTransfer)
    running = None if transfer is None else transfer.running
    return context.meter.type.firmware if running is None else running.version


def firmware_objects(meter_type: MeterType) -> Iterator[CosemObject]:
    """Which firmware runs; and, where the model has it, the way to another."""
    yield data("1.0.0.2.0.255", lambda context: OctetString(version(context).encode("ascii")))
    if "image" in meter_type.features:
        yield _transfer
