"""Whether anything came of a day that its counts are made of, and of a meter at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from headend.domain.order import State
from headend.store import schema
from headend.store.collected_schema import interval_days
from headend.store.event_schema import events
from headend.store.meter_clocks import meter_clocks
from headend.store.service_level_items import OfDay, accepted_in
from headend.store.upkeep_schema import concentrator_clocks

_o, _e, _d = schema.orders.c, events.c, interval_days.c
_c, _k, _r = concentrator_clocks.c, meter_clocks.c, schema.readings.c


def newest_change(connection: Connection, of: OfDay, profiles: Iterable[str]) -> datetime | None:
    """When something last came that a day's counts are made of."""
    numbered = accepted_in(connection, of)
    questions = [
        select(func.max(_d.updated_at)).where(_d.profile.in_(sorted(profiles)), _d.day == of.day),
        select(func.max(_o.ended_at)).where(numbered),
        select(func.max(_o.accepted_at)).where(numbered),
        select(func.max(_e.received_at)).where(of.holds(_e.at)),
        select(func.max(_c.at)).where(of.holds(_c.at)),
        select(func.max(_k.at)).where(of.holds(_k.at)),
    ]
    found = [connection.execute(query).scalar_one() for query in questions]
    return max((each for each in found if each is not None), default=None)


def heard(connection: Connection, names: Iterable[str], of: OfDay, silent_s: int) -> set[str]:
    """Those of some meters of which anything came in so long a time before a day's end."""
    since = of.end - timedelta(seconds=silent_s)
    first = since.astimezone(of.zone).date()
    mine = sorted(names)
    pushes = schema.pushes.c
    questions = [
        select(_d.meter).where(
            _d.meter.in_(mine), _d.day.between(first, of.day), _d.received > 0
        ),
        select(_r.meter).where(
            _r.meter.in_(mine), _r.received_at >= since, _r.received_at < of.end
        ),
        select(pushes.meter).where(
            pushes.meter.in_(mine), pushes.received_at >= since, pushes.received_at < of.end
        ),
        select(_o.meter).where(
            _o.meter.in_(mine), _o.state == State.DONE,
            _o.ended_at >= since, _o.ended_at < of.end,
        ),
        select(_e.device).where(
            _e.device.in_(mine), _e.received_at >= since, _e.received_at < of.end
        ),
    ]  # fmt: skip
    return {name for query in questions for name in connection.execute(query.distinct()).scalars()}
