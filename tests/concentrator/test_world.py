"""The field is a function of its specification and seed."""

from __future__ import annotations

import pytest

from devices.channel.place import along_streets
from devices.clock import world as simulated
from devices.field_spec import STANDARD, FieldSpec, MeterSpec, TransformerSpec, transformers
from devices.world import World
from devices.world_log import WorldLog
from protocols.concentrator.messages import Action, Status
from tests.concentrator.head_end import METER, START, Stage, Wire


def test_the_standard_field() -> None:
    env = simulated(START)
    field = World(env, STANDARD, 1, uplinks=lambda name: Wire(env))
    assert list(field.concentrators) == ["C-001"]
    assert field.meter_names[:2] == ("90000001", "90000002") and len(field.meter_names) == 60
    assert list(field.concentrators["C-001"].table) == list(field.meter_names)
    assert field.concentrators["C-001"].modem.online


def test_messages_of_another_run_have_other_names() -> None:
    def names(run: str) -> set[str]:
        env = simulated(START)
        field = World(env, STANDARD, 1, uplinks=lambda name: Wire(env), run=run)
        field.start()
        desk = field.concentrators["C-001"]._desk
        made = {desk.new_id() for _ in range(5)}
        assert all(map(desk.is_of_this_boot, made)) and len(made) == 5
        return made

    assert not names("1-") & names("2-") and not names("") & names("1-")


def test_meters_are_spread_evenly_and_named_once() -> None:
    spread = transformers(meters=7, concentrators=3)
    assert [len(each.meters) for each in spread] == [2, 2, 3]
    names = [meter.name for each in spread for meter in each.meters]
    assert names == [str(90_000_001 + index) for index in range(7)]


@pytest.mark.parametrize("name", ["", "A1", "12345678901", "-1", "１", "01"])
def test_a_meter_is_named_by_digits(name: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        MeterSpec(name, along_streets(0))


def test_two_devices_of_one_name_are_refused() -> None:
    meter = MeterSpec("1", along_streets(0))
    with pytest.raises(ValueError, match="one name"):
        FieldSpec((TransformerSpec("T", "C", (meter, meter)),))
    one = TransformerSpec("T", "C", (meter,))
    two = TransformerSpec("U", "C", (MeterSpec("2", along_streets(0)),))
    with pytest.raises(ValueError, match="one name"):
        FieldSpec((one, two))


def test_a_meter_that_nobody_asked_does_not_exist_yet() -> None:
    stage = Stage()
    stage.run(60)
    stage.send(stage.execute(Action.READ_SUPPLY))
    stage.run(60)
    assert list(stage.world._meters) == [METER]


@pytest.mark.parametrize("engine", ["own", "gurux"])
def test_one_seed_one_record(engine: str) -> None:
    digests = set()
    for seed in (5, 5, 6):
        stage = Stage(seed=seed, engines=engine)
        stage.run(1)
        for order in range(3):
            stage.send(stage.execute(order=str(order), meter=str(int(METER) + order)))
        stage.run(300)
        assert [result.status for result in stage.head_end.results("1")] == [Status.DONE]
        digests.add((seed, stage.world.log.sha256))
    assert len(digests) == 2


def test_the_log_takes_no_float_however_deep() -> None:
    log = WorldLog(lambda: 1.5)
    log("fine", value=[1, "two", None, True])
    assert list(log.of_kind("fine")) == [
        {"at": 1_500_000, "kind": "fine", "value": [1, "two", None, True]}
    ]
    for bad in (0.1, [0.1], {"a": (0.1,)}):
        with pytest.raises(TypeError, match="0.1"):
            log("bad", value=bad)
    assert log.count == 1
