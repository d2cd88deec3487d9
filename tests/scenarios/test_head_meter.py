"""The meter in the transformer's cabinet, and what the registry says of phases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.channel.place import Phase
from devices.field_spec import FieldSpec, head_meter, transformers
from devices.meter.clients import MANAGEMENT
from devices.meter.cosem import Context
from devices.meter.load import ConstantLoad
from devices.meter.metering import W_MS_PER_WH, current_ca
from devices.meter.objects import table
from devices.meter.profiles import LOAD_PROFILE
from devices.meter.registers import shown_energy
from devices.meter.services import ITSELF
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import LongUnsigned
from scenarios.energy import energy_mismatch
from scenarios.engine import run
from scenarios.field import registry_of
from scenarios.schema import BadScenario, parse
from scenarios.story import Story
from tools.cli import app

HEAD = "80000001"
STORY = """
about = "A street is read."
start = 2026-07-06T18:00:00
duration = "5h"

[field]
meters = 12
concentrators = 2
grid = true
outages = "none"
wrong_phase_share = 1.0

[[task]]
name = "load-profile"
objects = ["load-profile"]
every = "1h"

[[order]]
at = "30m"
kind = "disconnect"
meters = ["90000002", "80000002"]

[[read]]
at = "50m"
meter = "80000001"
objects = ["1.0.1.8.0.255", "1.0.21.7.0.255", "1.0.61.7.0.255"]

[expect]
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def story(kept: Path) -> Story:
    return run(parse(STORY), keep=kept)


def test_each_transformer_has_one_in_its_cabinet(story: Story) -> None:
    first, second = story.world.spec.transformers
    assert first.head is not None and second.head is not None
    assert (first.head.name, second.head.name) == (HEAD, "80000002")
    assert (first.head.place.distance_m, first.head.place.phase) == (0, Phase.ALL)
    assert HEAD in story.world.concentrators["C-001"].table
    row = next(each for each in story.registered if each.name == HEAD)
    assert (row.concentrator, row.commissioned, row.recorded_phase) == ("C-001", True, "ABC")


def test_it_is_read_like_any_meter(story: Story) -> None:
    [read] = [each.order for each in story.records if each.order.meter == HEAD]
    assert read.state == "done"
    assert story.world.grid is not None and read.ended_at is not None
    load = story.world.grid.head("T-001")
    low, high = read.accepted_at.timestamp(), read.ended_at.timestamp()
    energy, first, third = (each.value for each in read.readings)
    wh = [load.energy(at).active_import // W_MS_PER_WH for at in (low, high)]
    assert wh[0] <= int(energy or "") <= wh[1] > 0
    watts = [phase.active_w for phase in load.at(low)]
    assert (first, third) == (str(watts[0]), str(watts[2]))


def test_its_profile_has_totals_and_phases(story: Story) -> None:
    rows = [
        row
        for page in story.pages
        if page.meter == HEAD and page.profile == str(LOAD_PROFILE)
        for row in page.rows
    ]
    assert len(rows) >= 12
    assert story.world.grid is not None
    load, kind = story.world.grid.head("T-001"), story.world.meter(HEAD).type
    for row in rows:
        _, _, counted, *_ = row.cells
        powers, volts, amperes = row.cells[6:9], row.cells[15:18], row.cells[18:21]
        phases = load.at(row.at)
        assert counted == shown_energy(kind, load.energy(row.at), "active_import")
        assert list(powers) == [max(phase.active_w, 0) for phase in phases]
        assert list(volts) == [phase.voltage_dv for phase in phases]
        assert list(amperes) == [current_ca(phase) for phase in phases]


def test_nobody_can_cut_a_transformer_off(story: Story) -> None:
    ended = {each.order.meter: each.order for each in story.records}
    assert ended["90000002"].state == "done"
    assert (ended["80000002"].state, ended["80000002"].reason) == (
        "failed",
        "refused-object-undefined",
    )


def test_energy_closes_over_any_hours(story: Story) -> None:
    start = story.scenario.start_utc.timestamp()
    for begin, end in ((0, 4), (0, 5), (1, 5)):
        assert energy_mismatch(story.world, start + begin * 3600, start + end * 3600) < 0.002


def test_every_single_phase_record_is_wrong(story: Story) -> None:
    recorded = {each.name: each.recorded_phase for each in story.registered}
    for transformer in story.world.spec.transformers:
        for meter in transformer.modules:
            same = recorded[meter.name] == meter.place.phase.value
            assert same is (meter.place.phase is Phase.ALL)


def test_records_are_of_the_seed_that_is_played() -> None:
    scenario = parse(STORY.replace("1.0\n", "0.5\n", 1))
    assert registry_of(scenario, 5) == registry_of(scenario, 5) != registry_of(scenario, 6)
    without = parse(STORY.replace("grid = true", "grid = false"))
    assert {each.recorded_phase for each in registry_of(without).meters} == {None}
    assert HEAD not in {each.name for each in registry_of(without).meters}


def test_it_has_no_load_of_its_own() -> None:
    with pytest.raises(BadScenario, match="80000001 measures a transformer"):
        run(parse(STORY.replace("[expect]", f'[[meter]]\nname = "{HEAD}"\nload_w = 5\n[expect]')))


def test_a_head_meter_needs_a_grid() -> None:
    with pytest.raises(ValueError, match="needs a grid"):
        FieldSpec(transformers(4, heads=True))
    [one] = transformers(4, heads=True)
    clash = replace(one, head=replace(head_meter(1), name=one.meters[0].name))
    with pytest.raises(ValueError, match="one name"):
        FieldSpec((clash,), grid=True)


def test_a_full_current_register_stays_full(story: Story) -> None:
    meter = story.world.meter("90000003")
    current = table(meter.type)[LogicalName("1.0.31.7.0.255")].attributes[2]
    shown = []
    for watts in (150_000, 160_000):
        meter.metering.load = ConstantLoad.of(watts)
        shown.append(current.read(Context(meter, MANAGEMENT, story.world.env.now, ITSELF)))
    assert shown == [LongUnsigned(65_217), LongUnsigned(65_535)]


def told(*arguments: str, kept: Path) -> str:
    found = CliRunner().invoke(app, ["meter", *arguments, "--database", str(kept / "ami.db")])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_the_registry_is_shown(story: Story, kept: Path) -> None:
    rows = json.loads(told("list", "--concentrator", "C-001", "--json", kept=kept))
    assert [row["name"] for row in rows] == [HEAD, *(str(90_000_001 + at) for at in range(6))]
    assert rows[0]["recorded_phase"] == "ABC"
    page = told("list", "--limit", "2", "--after", HEAD, kept=kept).splitlines()
    assert len([line for line in page if " linked " in line]) == 2
    one = json.loads(told("show", "90000001", "--json", kept=kept))
    assert {name: one[name] for name in rows[1]} == rows[1]
    assert f"recorded phase  {one['recorded_phase']}" in told("show", "90000001", kept=kept)
    explained = ["explain", "meter", HEAD, "--database", str(kept / "ami.db")]
    assert "recorded on phase ABC" in CliRunner().invoke(app, explained).stdout


def test_a_meter_that_the_registry_does_not_know(story: Story, kept: Path) -> None:
    found = CliRunner().invoke(app, ["meter", "show", "1", "--database", str(kept / "ami.db")])
    assert found.exit_code == 2 and "no meter 1" in found.stderr
