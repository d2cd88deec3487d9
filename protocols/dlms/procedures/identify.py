"""Who a meter is: its names and numbers, firmware, time, and what the association may do."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import clock, shape
from protocols.dlms.procedures.steps import Answer, Request, get_alone, procedure
from protocols.dlms.services import AttributeDescriptor, GetResult
from protocols.dlms.values import NullData, OctetString, Utf8String, VisibleString

LOGICAL_DEVICE_NAME = LogicalName("0.0.42.0.0.255")
SERIAL_NUMBER = LogicalName("0.0.96.1.0.255")
FIRMWARE = (LogicalName("1.0.0.2.0.255"), LogicalName("0.0.0.2.0.255"))
METER_TYPE = LogicalName("0.0.96.1.1.255")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a meter says of itself; None for what it does not say to this client."""

    logical_device_name: str | None
    serial_number: str | None
    firmware: str | None
    meter_type: str | None
    time: DateTime | None

    @property
    def manufacturer(self) -> str | None:
        """The three letters of the FLAG Association that begin a logical device name."""
        name = self.logical_device_name
        letters = (name or "")[:3]
        return letters if letters.isascii() and letters.isalpha() and len(letters) == 3 else None


@procedure
def identify() -> Generator[Request, Answer, Identity]:
    """Ask for the names that every meter has, and those that most have."""
    names = (LOGICAL_DEVICE_NAME, SERIAL_NUMBER, METER_TYPE, *FIRMWARE)
    attributes = [AttributeDescriptor(1, name, 2) for name in names]
    attributes.append(AttributeDescriptor(clock.CLOCK_CLASS, clock.CLOCK, 2))
    *texts, time = yield from get_alone(*attributes)
    device, serial, kind, *firmware = map(text_of, texts)
    return Identity(device, serial, next(filter(None, firmware), None), kind, _time(time))


def text_of(result: GetResult) -> str | None:
    """A name as text: printable octets as they are, others in hexadecimal, numbers in digits."""
    match result:
        case DataAccessResult() | NullData():
            return None
        case OctetString():
            text = bytes(result).rstrip(b"\x00").decode("latin-1")
            return text if text.isascii() and text.isprintable() else bytes(result).hex()
        case VisibleString() | Utf8String():
            return str.__str__(result)
        case int():
            return str(int(result))
        case _:
            return None


def _time(result: GetResult) -> DateTime | None:
    if isinstance(result, DataAccessResult):
        return None
    try:
        return clock.read_time(result)[0]
    except shape.Misshapen:
        return None
