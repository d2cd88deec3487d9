"""Meters' firmware: the shelf, how far an image has come at a meter, and what runs."""

from __future__ import annotations

from typing import Protocol

from headend.domain.meter_image import MeterFirmware, MeterImage, MeterUpdate


class ImageWords(Protocol):
    """Meters' firmware: the shelf, how far an image has come at a meter, and what runs."""

    def put_image(self, image: MeterImage) -> None: ...
    def image(self, image: str) -> MeterImage | None:
        """An image by its SHA-256, with its octets."""
        ...

    def image_label(self, image: str) -> MeterImage | None:
        """The same without its octets."""
        ...

    def image_labels(self) -> list[MeterImage]:
        """All of the shelf without octets, by model and age."""
        ...

    def put_meter_update(self, update: MeterUpdate) -> None: ...
    def meter_update(self, meter: str, image: str) -> MeterUpdate | None: ...
    def put_meter_firmware(self, told: MeterFirmware) -> None: ...
    def meter_firmware(self, meter: str) -> MeterFirmware | None: ...
