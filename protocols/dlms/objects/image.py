"""Image transfer, class 18 (Blue Book 4.4.6): states and what a meter holds to activate."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Self

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.values import BitString, Value

IMAGE_TRANSFER = LogicalName("0.0.44.0.0.255")
IMAGE_TRANSFER_CLASS = 18


class ImageStatus(enum.IntEnum):
    """image_transfer_status."""

    NOT_INITIATED = 0
    INITIATED = 1
    VERIFICATION_INITIATED = 2
    VERIFICATION_SUCCESSFUL = 3
    VERIFICATION_FAILED = 4
    ACTIVATION_INITIATED = 5
    ACTIVATION_SUCCESSFUL = 6
    ACTIVATION_FAILED = 7


@dataclass(frozen=True, slots=True)
class ImageToActivate:
    """One element of image_to_activate_info."""

    size: int  # octets
    identification: bytes
    signature: bytes

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Raises `shape.Misshapen`."""
        what = "image_to_activate_info"
        size, identification, signature = shape.members(value, what, 3)[:3]
        return cls(
            shape.integer(size, what),
            shape.octets(identification, what),
            shape.octets(signature, what),
        )


def read_status(value: Value) -> ImageStatus:
    """Raises `shape.Misshapen`."""
    number = shape.integer(value, "image_transfer_status")
    try:
        return ImageStatus(number)
    except ValueError:
        raise shape.Misshapen(f"{number} is no image_transfer_status") from None


def missing_blocks(value: Value, blocks: int) -> tuple[int, ...]:
    """Numbers, from 0, of the blocks not yet transferred, by image_transferred_blocks_status.

    Bits beyond `blocks` are padding; blocks beyond the bits are missing.  Raises
    `shape.Misshapen`.
    """
    if not isinstance(value, BitString):
        raise shape.Misshapen("image_transferred_blocks_status is no bit-string")
    bits = value.bits[:blocks].ljust(blocks, "0")
    return tuple(number for number, bit in enumerate(bits) if bit == "0")
