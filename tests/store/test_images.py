"""Meters' firmware in the store: the shelf, what is on its way, and what runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from headend.domain.meter_image import MeterFirmware, MeterImage, MeterUpdate
from headend.store.image_queries import arrivals, sums
from headend.store.transaction import SqlTransaction

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)
OCTETS = bytes(range(256)) * 3
IMAGE = MeterImage(
    "ab" * 32, "sim-3p", "2.1", "1.0.0.2.0.255", "fw-2", len(OCTETS), AT, "ana", "0f", OCTETS
)
UPDATE = MeterUpdate("M1", IMAGE.image, 7, "transferring", AT)


def test_an_image_comes_back_whole_and_its_label_without_octets(tx: SqlTransaction) -> None:
    other = replace(IMAGE, image="cd" * 32, model="sim-1p", signature=None)
    tx.put_image(IMAGE)
    tx.put_image(other)
    assert tx.image(IMAGE.image) == IMAGE
    assert tx.image_label(IMAGE.image) == replace(IMAGE, octets=b"")
    assert tx.image_labels() == [replace(other, octets=b""), replace(IMAGE, octets=b"")]
    assert tx.image("00") is None and tx.image_label("00") is None


def test_how_far_an_image_has_come_is_the_last_that_was_written(
    tx: SqlTransaction, connection: Connection
) -> None:
    later = replace(
        UPDATE, stage="starting", at=AT + timedelta(hours=1), initiated=True, resumed=True,
        anew=True, activated_at=AT, blocks=16, missing=2, sent=9,
    )  # fmt: skip
    elsewhere = replace(UPDATE, meter="M2")
    for each in (UPDATE, elsewhere, later, replace(UPDATE, image="cd" * 32)):
        tx.put_meter_update(each)
    assert tx.meter_update("M1", IMAGE.image) == later
    assert tx.meter_update("M3", IMAGE.image) is None
    assert sums(connection, IMAGE.image) == {"starting": 1, "transferring": 1}
    assert arrivals(connection, IMAGE.image, 9) == [later, elsewhere]
    assert arrivals(connection, IMAGE.image, 1) == [later]


def test_what_runs_is_what_was_told_last(tx: SqlTransaction) -> None:
    first = MeterFirmware("M1", "1.0", AT)
    second = MeterFirmware("M1", "2.1", AT + timedelta(days=1), IMAGE.image)
    assert tx.meter_firmware("M1") is None
    for each in (first, second):
        tx.put_meter_firmware(each)
    assert tx.meter_firmware("M1") == second
