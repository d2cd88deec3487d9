"""A fleet's profiles in the utility's days, where its clocks change: 23 hours in September, 25 in
April (Chile, IANA)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from headend.app.fleet import fleet_desk
from protocols.concentrator.collecting import Upload
from protocols.concentrator.messages import decode_upward
from scenarios.fleet.city import CLIENT, City
from scenarios.fleet.conditions import USUAL
from scenarios.fleet.harvest import Task, harvest
from scenarios.fleet.provisioning import provision
from tests.fleet.collecting import at, rows

CITY = City(meters=8, seed=5, per_concentrator=8)
CHILE = ZoneInfo("America/Santiago")
DAYS = 3  # of UTC: they cover a day of Chile, the one that changes, and parts of two others

# What each local day expects and what of it those days of UTC bring, in quarter hours.
CHANGES = {
    "forward": (
        date(2026, 9, 5),
        {"2026-09-04": (96, 16), "2026-09-05": (96, 96), "2026-09-06": (92, 92)}
        | {"2026-09-07": (96, 84)},
    ),
    "back": (
        date(2026, 4, 3),
        {"2026-04-02": (96, 12), "2026-04-03": (96, 96), "2026-04-04": (100, 100)}
        | {"2026-04-05": (96, 80)},
    ),
}


@pytest.mark.parametrize("since, days", CHANGES.values(), ids=CHANGES)
def test_the_day_that_the_clocks_change_is_whole(
    since: date, days: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    config = at(tmp_path, CITY)
    provision(CITY, config, jobs=1)
    desk = fleet_desk(config, CHILE)
    names = [str(index) for index in CITY.behind(0)]
    leases = desk.lease(names, CLIENT, 8192 * DAYS)
    first_day = since.toordinal() - date(1970, 1, 1).toordinal()
    task = Task(config, CITY, USUAL, 0, first_day, DAYS, tuple(leases))
    brought = harvest(task)
    for _ in range(2):  # the same again, as after a receipt that was lost
        for each in brought.uploads:
            upload = decode_upward(each.payload)
            assert isinstance(upload, Upload)
            desk.take_upload("C-001", upload, datetime.fromtimestamp(each.at, UTC))
    desk.close()
    heard = len(names) - int(brought.silent.sum())
    assert heard > 0
    query = (
        "SELECT day, expected, received, changed, count(*) FROM interval_days GROUP BY 1, 2, 3, 4"
    )
    pages = {str(day): tuple(told) for day, *told in rows(config, query)}
    assert pages == {day: (*counted, 0, heard) for day, counted in days.items()}
    ends = {
        tuple(map(int, each)) for each in rows(config, "SELECT DISTINCT meter, at FROM intervals")
    }
    wanted = set(task.district.ends.tolist())
    assert sum(received for _, received in days.values()) == len(wanted) == 96 * DAYS
    assert len(ends) == heard * len(wanted) and {end for _, end in ends} == wanted
    assert rows(config, "SELECT count(*) FROM intervals") == [(len(ends),)]
