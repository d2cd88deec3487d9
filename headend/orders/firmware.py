"""What an attempt told of a meter's firmware, written down with the order's next standing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headend.domain.meter_image import MeterFirmware, MeterUpdate
from headend.domain.order import Order
from headend.ports import Transaction
from protocols.concentrator.meter_firmware import Stage, UpdateTold


def note_update(tx: Transaction, order: Order, told: UpdateTold, now: datetime) -> None:
    """Keep how far the image has come and, once the meter tells its version, that it runs."""
    assert order.image is not None
    known = tx.meter_update(order.meter, order.image)
    before = known or MeterUpdate(order.meter, order.image, order.number, told.stage, now)
    tx.put_meter_update(
        replace(
            before,
            order=order.number,
            stage=told.stage,
            at=now,
            blocks=told.blocks or before.blocks,
            missing=told.missing,
            sent=before.sent + told.sent,
        )
    )
    if told.version:
        brought = order.image if told.stage is Stage.RUNNING else None
        tx.put_meter_firmware(MeterFirmware(order.meter, told.version, now, brought))


def reached(told: UpdateTold | None) -> str:
    """How far it has come, in words."""
    if told is None:
        return "the image is on its way"
    text = f"the image is {told.stage}"
    if told.stage is Stage.TRANSFERRING and told.blocks:
        text += f", {told.blocks - told.missing} of {told.blocks} blocks"
    return text
