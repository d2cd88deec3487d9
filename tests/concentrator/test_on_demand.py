"""A concentrator looks for meters and restarts when told to: once, in time, and it says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from protocols.concentrator.messages import (
    Action,
    Discover,
    Discovered,
    DiscoveryEnded,
    ReceiptFromConcentrator,
    ReceiptToConcentrator,
    RefuseMeter,
    Restart,
    Restarted,
    Status,
)
from tests.concentrator.head_end import METER, Stage
from tests.concentrator.test_discovering import FOREIGN, Finding

Word = TypeVar("Word", Discovered, DiscoveryEnded, Restarted)


def asked() -> Finding:
    """One that looks only when it is told to."""
    stage = Finding(every_s=None)
    stage.world.start()
    stage.run(60)
    return stage


def in_time(stage: Stage) -> datetime:
    return stage.now() + timedelta(minutes=10)


def discover(stage: Stage, message_id: str = "d-1") -> None:
    stage.send(Discover(id=message_id, at=stage.now(), not_after=in_time(stage)))


def told(stage: Stage, kind: type[Word]) -> list[Word]:
    """Those that came, each once; receipted now."""
    words = {word.id: word for word in stage.head_end.of(kind)}
    for of in words:
        stage.send(ReceiptToConcentrator(id=stage.head_end.new_id(), at=stage.now(), of=of))
    stage.run(1)
    return list(words.values())


def receipts(stage: Stage, of: str) -> int:
    return sum(word.of == of for word in stage.head_end.of(ReceiptFromConcentrator))


def test_nobody_looks_unless_told_and_then_once() -> None:
    stage = asked()
    stage.run(3600)
    assert told(stage, Discovered) == []
    for _ in range(2):  # it comes twice
        discover(stage)
    stage.run(120)
    discover(stage)  # and once more when it is done
    stage.run(120)
    assert receipts(stage, "d-1") == 3
    assert [word.module for word in told(stage, Discovered)] == [FOREIGN]
    (ended,) = told(stage, DiscoveryEnded)
    assert (ended.of, ended.modules, ended.found) == ("d-1", 1, 1)


def test_one_that_was_refused_is_looked_at_again_and_one_of_the_table_is_not() -> None:
    stage = asked()
    discover(stage)
    stage.run(120)
    told(stage, Discovered)
    stage.send(RefuseMeter(id="r-1", module=FOREIGN, why="it is not in the registry"))
    stage.run(60)
    discover(stage, "d-2")
    stage.run(120)
    assert len(told(stage, Discovered)) == 2
    stage.admit()
    discover(stage, "d-3")
    stage.run(120)
    assert {word.of: word.modules for word in told(stage, DiscoveryEnded)} == {
        "d-1": 1, "d-2": 1, "d-3": 0,
    }  # fmt: skip


def test_silence_is_found_in_one_look_as_it_is_called_three_times() -> None:
    stage = asked()
    stage.world.meter(FOREIGN).set_fault("silent", now=stage.env.now)
    discover(stage)
    stage.run(300)
    (word,) = told(stage, Discovered)
    assert word.findings == ("does not answer the public client: no-answer",)
    (ended,) = told(stage, DiscoveryEnded)
    assert ended.found == 1


@pytest.mark.parametrize("after_s", (0.05, 0.2, 0.6, 1.2, 2.0, 4.0), ids=str)
def test_a_look_that_loses_its_power_begins_anew_and_ends(after_s: float) -> None:
    stage = asked()
    discover(stage)
    stage.run(after_s)
    stage.concentrator.reboot("test")
    stage.run(60)
    if not receipts(stage, "d-1"):
        discover(stage)  # nobody had stored it
    stage.run(240)
    assert {word.of for word in told(stage, DiscoveryEnded)} == {"d-1"}
    assert told(stage, Discovered)


def restart(stage: Stage, message_id: str = "r-1") -> None:
    stage.send(Restart(id=message_id, at=stage.now(), not_after=in_time(stage)))


def test_a_restart_is_one_restart_however_often_it_is_asked_for() -> None:
    stage = Stage()
    stage.run(60)
    boot = stage.concentrator.flash.boot
    for _ in range(2):
        restart(stage)
    stage.run(120)
    restart(stage)
    stage.run(120)
    assert stage.concentrator.flash.boot == boot + 1
    assert [(word.of, word.boot) for word in told(stage, Restarted)] == [("r-1", boot + 1)]
    stage.run(600)
    assert len({word.id for word in stage.head_end.of(Restarted)}) == 1


@pytest.mark.parametrize("after_s", (0.05, 0.11, 1.0, 2.0, 2.2, 30.0), ids=str)
def test_a_restart_that_another_one_comes_before_is_told(after_s: float) -> None:
    stage = Stage()
    stage.run(60)
    restart(stage)
    stage.run(after_s)
    stage.concentrator.reboot("test")
    stage.run(120)
    if not receipts(stage, "r-1"):
        restart(stage)
        stage.run(120)
    assert {word.of for word in told(stage, Restarted)} == {"r-1"}


def test_a_restart_waits_for_the_command_that_acts() -> None:
    stage = Stage()
    stage.run(60)
    stage.send(stage.execute(Action.SET_LIMIT, meter=METER))
    restart(stage)
    stage.run(240)
    assert [each.status for each in stage.head_end.results("1")] == [Status.DONE]
    assert [word.of for word in told(stage, Restarted)] == ["r-1"]


@pytest.mark.parametrize("demand", (Discover, Restart))
def test_what_comes_too_late_is_receipted_and_not_done(demand: type[Discover | Restart]) -> None:
    stage = asked()
    boot = stage.concentrator.flash.boot
    stage.send(demand(id="late", at=stage.now(), not_after=stage.now() - timedelta(seconds=1)))
    stage.run(300)
    assert receipts(stage, "late") == 1
    assert stage.concentrator.flash.boot == boot
    assert told(stage, DiscoveryEnded) == [] and told(stage, Restarted) == []
