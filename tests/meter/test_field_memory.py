"""What many meters remember over the end of their process: in a folder, and in a field's world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.clock import world as new_env
from devices.field_spec import FieldSpec, transformers
from devices.gateway.field_memory import FieldMemory
from devices.gateway.meter_memory import Unusable
from devices.gateway.uplink import Ears, Will
from devices.meter.device import Meter
from devices.meter.identity import CONCENTRATOR_CLIENT, Identity
from devices.meter.load import ConstantLoad
from devices.meter.state import STANDARD
from devices.world import World
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.values import DoubleLongUnsigned
from tests.meter.asking import Asking
from tests.meter.conversation import NOW, Talk

LIMITER = "0.0.17.0.0.255"


def meter(index: int = 4, seed: int = 7) -> Meter:
    return Meter(Identity(seed, index), ConstantLoad.of(900, 600, 500), STANDARD)


def limited(device: Meter, watts: int) -> None:
    wanted = DoubleLongUnsigned(watts)
    assert Asking(device, NOW).put(71, LIMITER, 4, wanted) is DataAccessResult.SUCCESS


def test_only_meters_that_were_touched_have_files(tmp_path: Path) -> None:
    first, second = meter(4), meter(5)
    with FieldMemory(tmp_path / "state") as memory:
        for each in (first, second):
            memory.recall(each, now=NOW)
            memory.keep(each, now=NOW)
        assert [file.name for file in memory.folder.iterdir()] == ["lock"]
        limited(first, 3500)
        for each in (first, second):
            memory.keep(each, now=NOW)
        assert memory.has(first.identity.number) and not memory.has(second.identity.number)
        limited(first, 4500)
        memory.keep(first, now=NOW)  # and once more, into the same file
    with FieldMemory(tmp_path / "state") as memory:
        again, other = meter(4), meter(5)
        memory.recall(again, now=NOW + 60)
        memory.recall(other, now=NOW + 60)
        assert again.limiter.threshold_normal == 4500
        assert other.limiter.threshold_normal == meter(5).limiter.threshold_normal


def test_what_a_fault_did_ends_with_the_run(tmp_path: Path) -> None:
    with FieldMemory(tmp_path) as memory:
        device = meter()
        memory.recall(device, now=NOW)
        limited(device, 3500)
        device.drift(200, now=NOW)
        device.power_off(now=NOW + 5)
        memory.keep(device, now=NOW + 5)
    with FieldMemory(tmp_path) as memory:
        again = meter()
        memory.recall(again, now=NOW + 100)
        assert again.powered and again.timeline.latest.drift_ppm == 0
        assert again.limiter.threshold_normal == 3500


def test_a_folder_has_one_process_and_its_files_one_seed(tmp_path: Path) -> None:
    with FieldMemory(tmp_path) as memory:
        with pytest.raises(Unusable, match="another process"):
            FieldMemory(tmp_path)
        device = meter()
        memory.recall(device, now=NOW)
        limited(device, 3500)
        memory.keep(device, now=NOW)
    with FieldMemory(tmp_path) as memory, pytest.raises(Unusable, match="SIM0000000004.*seed 7"):
        memory.recall(meter(seed=8), now=NOW)


def test_a_folder_that_is_gone_lets_nothing_leave(tmp_path: Path) -> None:
    with FieldMemory(tmp_path / "state") as memory:
        device = meter()
        memory.recall(device, now=NOW)
        (memory.folder / "lock").unlink()
        memory.folder.rmdir()
        limited(device, 3500)
        with pytest.raises(FileNotFoundError):
            memory.keep(device, now=NOW)


# In a world, behind concentrators.


class Deaf:
    """An uplink that leads nowhere."""

    def connect(self, will: Will, ears: Ears) -> None: ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None: ...

    def drop(self) -> None: ...

    def cut(self) -> None: ...

    def restore(self) -> None: ...


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"


def talk(folder: Path, *, counter: int, lowest: int, limit: int | None) -> tuple[int, object]:
    """A concentrator's association with the world's second meter, by frames; how far the meter has
    counted, and its limit at the end."""
    with FieldMemory(folder) as memory:
        env = new_env(datetime.fromtimestamp(NOW, UTC))
        world = World(
            env, FieldSpec(transformers(3)), 7, uplinks=lambda name: Deaf(), memory=memory
        )
        name = world.meter_names[1]
        device, leg = world.meter(name), world.entry(name).leg
        said = Talk(
            device,
            CONCENTRATOR_CLIENT,
            receive=lambda frame: leg.far_end(frame, env.now),
            counter=counter,
            lowest=lowest,
        )
        said.associate()
        if limit is not None:
            said.set(71, LIMITER, 4, DoubleLongUnsigned(limit))
        found = said.get(71, LIMITER, 4)
        return said.connection.peer_invocation_counter, found


def test_a_worlds_meters_go_on_with_their_counters_and_limits(folder: Path) -> None:
    heard, limit = talk(folder, counter=1, lowest=0, limit=3300)
    assert limit == 3300
    # A client that takes no counter twice still hears the meter, as a head-end's does.
    further, limit = talk(folder, counter=100, lowest=heard, limit=None)
    assert limit == 3300 and further > heard
