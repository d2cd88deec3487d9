"""An image of the shelf as whoever speaks with the meter needs it."""

from __future__ import annotations

from headend.domain.meter_image import MeterImage
from protocols.concentrator.meter_firmware import MeterImage as Wanted


def wanted(label: MeterImage, *, activate: bool = True) -> Wanted:
    """`activate`: the time has come to start it, once it is verified."""
    return Wanted(
        image=label.image,
        octets=label.size,
        identifier=label.identifier.encode("ascii"),
        version=label.version,
        version_object=label.version_object,
        signature=bytes.fromhex(label.signature or ""),
        activate=activate,
    )
