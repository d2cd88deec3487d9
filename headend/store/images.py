"""The words for meters' firmware."""

from __future__ import annotations

from sqlalchemy import LargeBinary, bindparam, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.meter_image import MeterFirmware, MeterImage, MeterUpdate
from headend.store import image_schema as tables
from headend.store.collected import put_over
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

IMAGE = Form(MeterImage, tables.meter_images)
UPDATE = Form(MeterUpdate, tables.meter_updates)
FIRMWARE = Form(MeterFirmware, tables.meter_firmware)

_PUT = {
    (dialect.dialect.name, form.table.name): put_over(dialect, form.table, form.names)
    for dialect in (sqlite, postgresql)
    for form in (IMAGE, UPDATE, FIRMWARE)
}
_images, _updates = IMAGE.table.c, UPDATE.table.c
LABEL = select(
    *(column for column in IMAGE.columns if column.name != "octets"),
    literal(b"", LargeBinary).label("octets"),
)
"""An image without its octets."""

_IMAGE = Prepared(IMAGE.select().where(_images.image == bindparam("of_image")))
_LABEL = Prepared(LABEL.where(_images.image == bindparam("of_image")))
_LABELS = Prepared(LABEL.order_by(_images.model, _images.added_at, _images.image))
_UPDATE = Locked(
    UPDATE.select().where(
        _updates.meter == bindparam("of_meter"), _updates.image == bindparam("of_image")
    )
)
_FIRMWARE = Prepared(FIRMWARE.select().where(FIRMWARE.table.c.meter == bindparam("of_meter")))


class ImageWords(Words):
    """Images, how far they have come, and what runs."""

    def put_image(self, image: MeterImage) -> None:
        self._change(self._into(IMAGE.table.name), IMAGE.values(image))

    def image(self, image: str) -> MeterImage | None:
        return self._one(IMAGE, _IMAGE, {"of_image": image})

    def image_label(self, image: str) -> MeterImage | None:
        return self._one(IMAGE, _LABEL, {"of_image": image})

    def image_labels(self) -> list[MeterImage]:
        return self._all(IMAGE, _LABELS)

    def put_meter_update(self, update: MeterUpdate) -> None:
        self._change(self._into(UPDATE.table.name), UPDATE.values(update))

    def meter_update(self, meter: str, image: str) -> MeterUpdate | None:
        return self._one(UPDATE, _UPDATE, {"of_meter": meter, "of_image": image})

    def put_meter_firmware(self, told: MeterFirmware) -> None:
        self._change(self._into(FIRMWARE.table.name), FIRMWARE.values(told))

    def meter_firmware(self, meter: str) -> MeterFirmware | None:
        return self._one(FIRMWARE, _FIRMWARE, {"of_meter": meter})

    def _into(self, table: str) -> Prepared:
        return _PUT[self._connection.dialect.name, table]
