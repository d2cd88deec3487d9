"""What `ami collection` is asked about: which days, profile and meters, on which database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from headend.clock import WallClock
from headend.collection.tasks import DELIVERED_S, QUARTER_HOUR_S, BadTask, periods_s
from headend.config import BadConfig, Config
from headend.models import Shelf
from headend.store.ledger_queries import Wanted
from headend.store.queries import meter as meter_of
from headend.store.registry_queries import MeterFilter
from headend.store.retention_queries import INTERVAL_DAYS, first_day
from protocols.dlms.logical_name import LogicalName
from tools.database.opening import configured, reading
from tools.terminal import err, wrong_usage

T = TypeVar("T")

LOAD_PROFILE = "1.0.99.1.0.255"
DAYS_MAX = 400

Profile = Annotated[str, typer.Option(help="Logical name of the profile.")]
Period = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=44_640,
        help="Minutes of an interval, where no row has told; 43200 is a month [configured].",
    ),
]
OfConcentrator = Annotated[
    str | None, typer.Option("--concentrator", help="Only meters behind this one.")
]
InPlace = Annotated[
    str | None, typer.Option("--place", help="Only meters that hang in this place, or within it.")
]
OfMeter = Annotated[str | None, typer.Option("--meter", help="Only this one.")]
Plot = Annotated[bool, typer.Option("--plot", help="Draw it as well.")]


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the ledger, and the database that answers it."""

    config: Config
    wanted: Wanted

    @classmethod
    def of(
        cls,
        config: Path | None,
        database: str | None,
        last: date | None,
        days: int,
        which: MeterFilter,
        profile: str,
        period: int | None = None,
    ) -> Question:
        """`last` is the last of so many days; yesterday where nobody says.  Ends the command where
        something of it cannot be."""
        try:
            settings = configured(config, database)
            zone = ZoneInfo(settings.orders.zone)
            LogicalName(profile)
            known = periods_s(settings.collection.task, Shelf(settings.direct.models))
        except (BadConfig, BadTask) as error:
            wrong_usage(str(error))
        except (ZoneInfoNotFoundError, OSError):
            wrong_usage(f"{settings.orders.zone!r} is no time zone")
        except ValueError:
            wrong_usage(f"--profile takes a logical name like {LOAD_PROFILE}, not {profile!r}")
        now = WallClock().now()
        last = last or now.astimezone(zone).date() - timedelta(days=1)
        first = last - timedelta(days=days - 1)
        period_s = known.get(profile) or DELIVERED_S.get(profile, QUARTER_HOUR_S)
        if period is not None:
            period_s = 60 * period
        return cls(settings, Wanted(profile, first, last, zone, now, period_s, which))

    @property
    def asked_for_s(self) -> float:
        """How long after its end what is missing is asked for."""
        return self.config.collection.asked_for_s

    def put(self, query: Callable[[Any], T]) -> T:
        """The answer.  Ends the command for a meter that nobody knows."""
        name = self.wanted.which.meter
        with reading(self.config.database) as reader:
            if name is not None and reader.read(lambda found: meter_of(found, name)) is None:
                wrong_usage(f"no meter {name}", "See which: ami meter list", code="no-such-meter")
            return reader.read(query)

    def gone(self, table: str = INTERVAL_DAYS) -> date | None:
        """Since when a table is kept, where some of these days lie before that; says so."""
        found = self.put(lambda connection: first_day(connection, table))
        if found is None or self.wanted.first >= found:
            return None
        if table != INTERVAL_DAYS:
            err.print(f"kept since {found}: of the days before there is nothing any more")
            return found
        err.print(
            f"rows of profiles are kept since {found}: of the days before, the ledger knows how"
            " many came (ami collection status), and roll-ups what they were made of them"
            " (ami collection rollup)",
            markup=False,
            soft_wrap=True,
        )
        return found

    def local(self, at: datetime | float) -> str:
        """A time as people of the utility read it."""
        found = at if isinstance(at, datetime) else datetime.fromtimestamp(at, self.wanted.zone)
        return f"{found.astimezone(self.wanted.zone):%Y-%m-%d %H:%M}"


def day_named(text: str, called: str) -> date:
    """A day as people write it.  Ends the command for what is none."""
    try:
        found = date.fromisoformat(text)
        if not 1970 < found.year < 9999:
            raise ValueError
    except ValueError:
        wrong_usage(f"{called} takes a day like 2026-07-06, not {text!r}")
    return found
