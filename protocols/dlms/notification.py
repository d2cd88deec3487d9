"""What a server says unasked: data-notification and event-notification (Green Book 9.5).

A data-notification whose service class says "confirmed" is answered by a data-notification-confirm
with the same long invoke id (editions of IEC 62056-5-3 that have the tag 16).
"""

from __future__ import annotations

import struct

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import Value
from protocols.errors import ProtocolError

CONFIRMED = 0x40000000  # service class in the long invoke id and priority
_DESCRIPTOR = struct.Struct(">H6sb")


class DataNotification(msgspec.Struct, frozen=True):
    """A push.  `date_time` holds the 12 octets of a DateTime, or none.

    Kaifa and others put the data tag 09 before the date-time, where the standard has the bare
    length; `date_time_tagged` keeps that, so that the octets can be written again as they came.
    """

    long_invoke_id_and_priority: int
    date_time: bytes
    body: Value
    date_time_tagged: bool = False

    def __post_init__(self) -> None:
        if len(self.date_time) not in (0, 12):
            raise ValueError(f"a date-time has 12 octets, not {len(self.date_time)}")

    def encode(self) -> bytes:
        return b"".join(
            (
                b"\x0f",
                self.long_invoke_id_and_priority.to_bytes(4, "big"),
                b"\x09" if self.date_time_tagged else b"",
                axdr.encode_octets(self.date_time),
                axdr.encode(self.body),
            )
        )

    @property
    def confirmed(self) -> bool:
        """Whether the server waits for a DataNotificationConfirm."""
        return bool(self.long_invoke_id_and_priority & CONFIRMED)


class DataNotificationConfirm(msgspec.Struct, frozen=True):
    """The push with this long invoke id has arrived."""

    long_invoke_id_and_priority: int
    date_time: bytes = b""

    def encode(self) -> bytes:
        invoke = self.long_invoke_id_and_priority.to_bytes(4, "big")
        return b"\x10" + invoke + axdr.encode_octets(self.date_time)


class EventNotification(msgspec.Struct, frozen=True):
    """The value of one attribute, with the time it refers to where the meter gives one."""

    time: bytes | None
    attribute: AttributeDescriptor
    value: Value

    def encode(self) -> bytes:
        target = self.attribute
        return b"".join(
            (
                b"\xc2",
                b"\x00" if self.time is None else b"\x01" + axdr.encode_octets(self.time),
                _DESCRIPTOR.pack(target.class_id, target.instance, target.attribute),
                axdr.encode(self.value),
            )
        )


def read_data(reader: Reader) -> DataNotification:
    """What follows the tag 0F."""
    invoke, start = reader.u32(), reader.offset
    tagged = reader.octets[start : start + 2] == b"\x09\x0c"  # no date-time has nine octets
    if tagged:
        reader.u8()
    date_time = reader.octet_string()
    if len(date_time) not in (0, 12):
        raise ProtocolError(start, f"a date-time has 12 octets, not {len(date_time)}")
    return DataNotification(invoke, date_time, reader.value(), tagged)


def read_confirm(reader: Reader) -> DataNotificationConfirm:
    """What follows the tag 10."""
    return DataNotificationConfirm(reader.u32(), reader.octet_string())


def read_event(reader: Reader) -> EventNotification:
    """What follows the tag C2."""
    time = reader.octet_string() if reader.flag() else None
    class_id, instance, attribute = _DESCRIPTOR.unpack(reader.take(9))
    target = AttributeDescriptor(class_id, LogicalName(instance), attribute)
    return EventNotification(time, target, reader.value())
