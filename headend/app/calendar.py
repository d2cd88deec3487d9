"""The working days of the configured country."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import holidays

from headend.config import BadConfig, OrderPolicy
from headend.domain.calendar import WorkingDays


def working_days(policy: OrderPolicy) -> WorkingDays:
    """The utility's calendar.  Raises `BadConfig` for a country or zone that is not known."""
    try:
        days = holidays.country_holidays(policy.country, subdiv=policy.subdivision)
        return WorkingDays(ZoneInfo(policy.zone), days)
    except (NotImplementedError, KeyError, ValueError) as error:
        raise BadConfig(f"orders: {error}") from error
