"""/metrics tells what waits and since when, and the example dashboard asks for nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headend.backup.place import Place
from headend.config import BackupPolicy
from headend.domain.account import Permission as P
from tests.rest.house import Door

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "ami-headend.json"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
WORDS = frozenset({"by", "sum", "max", "min", "rate", "increase", "histogram_quantile", "le"})
"""What a query says besides names of metrics and labels."""


async def scraped(door: Door) -> str:
    return (await door.ask("GET", "/metrics", P.METRICS_READ)).text


def given(text: str) -> dict[str, set[str]]:
    """Every name that can be asked for, with the labels that its samples had."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        stem = family.name.removesuffix("_total")
        for suffix in SUFFIXES[family.type]:
            labels = [set(sample.labels) for sample in family.samples]
            found[stem + suffix] = set().union(*labels)
    return found


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def named(query: str) -> set[str]:
    """The metrics that a query names: its words, but for functions and labels to group by."""
    bare = re.sub(r"by \([^)]*\)|\[[^]]*\]|\{[^}]*\}", " ", query)
    return set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", bare)) - WORDS


async def test_the_dashboard_asks_for_nothing_that_is_not_there() -> None:
    door = await Door().open()
    await door.ask("GET", "/health")
    there = given(await scraped(door))
    asked = [named(query) for query in queries()]
    assert asked and all(asked)
    assert set().union(*asked) <= set(there)
    ours = {name for name in there if re.match("ami_.*(?<!_created)$", name)}
    assert ours - set().union(*asked) == {"ami_rest_answer_seconds_sum"}  # all else is shown


async def test_the_dashboard_groups_by_labels_that_are_there() -> None:
    """Of metrics that have samples even in a house where nothing has happened."""
    door = await Door().open()
    await door.ask("GET", "/health")
    there = given(await scraped(door))
    checked = 0
    for query in queries():
        for metric, group in zip(named(query), re.findall(r"by \(([^)]*)\)", query), strict=False):
            if there[metric]:
                assert {label.strip() for label in group.split(",")} <= there[metric], query
                checked += 1
    assert checked >= 5


async def test_what_waits_is_counted() -> None:
    text = await scraped(await Door().open())
    for line in (
        "ami_orders_held 0.0",
        'ami_campaigns{state="running"} 0.0',
        "ami_backfill_profiles 0.0",
        "ami_backfill_given_up_intervals 0.0",
    ):
        assert line in text, text


@pytest.mark.parametrize("there", [True, False])
async def test_the_age_of_the_newest_backup(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = await Door().open()
    made_at = door.clock.now() - timedelta(hours=5)
    monkeypatch.setattr(Place, "newest_at", lambda place: made_at if there else None)
    config = msgspec.structs.replace(door.config, backup=BackupPolicy(place=tmp_path))
    door.parts = replace(door.parts, config=config)
    assert ("ami_backup_age_seconds 18000.0" in await scraped(door)) is there


def test_a_folder_without_backups_has_no_newest(tmp_path: Path) -> None:
    assert Place(tmp_path).newest_at() is None
    assert Place(tmp_path / "not there").newest_at() is None
