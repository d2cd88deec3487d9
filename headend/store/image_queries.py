"""Questions about images on their way to meters, for pages and commands."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, tuple_

from headend.domain.meter_image import MeterImage, MeterUpdate
from headend.store.images import IMAGE, LABEL, UPDATE

_images, _updates = IMAGE.table.c, UPDATE.table.c
_BY_MODEL = (_images.model, _images.added_at, _images.image)


def labels(connection: Connection, *, after: str = "", limit: int) -> list[MeterImage]:
    """The shelf, by model and time, without octets; `after` continues behind an image, which stays
    on the shelf for good."""
    asked = LABEL.order_by(*_BY_MODEL).limit(limit)
    if after:
        there = select(*_BY_MODEL).where(_images.image == after).scalar_subquery()
        asked = asked.where(tuple_(*_BY_MODEL) > there)
    return [IMAGE.read(row) for row in connection.execute(asked)]


def label(connection: Connection, image: str) -> MeterImage | None:
    """One image, without octets."""
    row = connection.execute(LABEL.where(_images.image == image)).one_or_none()
    return None if row is None else IMAGE.read(row)


def sums(connection: Connection, image: str) -> dict[str, int]:
    """How many meters an image has brought to each stage."""
    asked = (
        select(_updates.stage, func.count())
        .where(_updates.image == image)
        .group_by(_updates.stage)
        .order_by(_updates.stage)
    )
    return {str(stage): int(count) for stage, count in connection.execute(asked)}


def arrivals(connection: Connection, image: str, most: int) -> list[MeterUpdate]:
    """How far an image has come at each meter: those that moved last first."""
    asked = (
        UPDATE.select()
        .where(_updates.image == image)
        .order_by(_updates.at.desc(), _updates.meter)
        .limit(most)
    )
    return [UPDATE.read(row) for row in connection.execute(asked)]
