"""A concentrator finds what is on its line and not in its table, and says what it is."""

from __future__ import annotations

from dataclasses import replace

from devices.concentrator.device import Settings
from devices.field_spec import FieldSpec, one_transformer
from devices.meter.foreign import MAKER
from devices.world import World
from protocols.concentrator.messages import (
    Action,
    AdmitMeter,
    Discovered,
    ReceiptToConcentrator,
    RefuseMeter,
    Status,
)
from tests.concentrator.head_end import CONCENTRATOR, Stage

FOREIGN = "90000002"


class Finding(Stage):
    """A stage with one meter of the table, and another maker's that joins by itself."""

    def __init__(self, *, every_s: float | None = 300.0, **changes: object) -> None:
        super().__init__(meters=1)
        own, other = one_transformer(2).meters
        other = replace(other, foreign=True, in_table=False, **changes)  # type: ignore[arg-type]
        transformer = replace(one_transformer(2), meters=(own, other))
        settings = Settings(discover_every_s=every_s)
        self.spec = FieldSpec((transformer,), settings=settings, engines=self.spec.engines)
        self.world = World(self.env, self.spec, 1, uplinks=lambda name: self.wire)
        self.concentrator = self.world.concentrators[CONCENTRATOR]

    def found(self) -> list[Discovered]:
        words = self.head_end.of(Discovered)
        for word in words:
            receipt = ReceiptToConcentrator(id=self.head_end.new_id(), at=self.now(), of=word.id)
            self.send(receipt)
        self.run(1)
        return list({word.id: word for word in words}.values())  # told until its receipt

    def admit(self) -> None:
        self.send(AdmitMeter(id=self.head_end.new_id(), module=FOREIGN, meter=FOREIGN))
        self.run(1)

    def limited(self) -> Status:
        self.send(self.execute(Action.SET_LIMIT, order="7", meter=FOREIGN))
        self.run(60)
        return self.head_end.results("7")[-1].status


def begun(**changes: object) -> Finding:
    stage = Finding(**changes)
    stage.world.start()
    return stage


def test_another_makers_meter_is_found_and_works_once_it_is_admitted() -> None:
    stage = begun()
    stage.run(60)
    (word,) = stage.found()
    assert (word.module, word.conforms, word.findings) == (FOREIGN, True, ())
    assert word.identity == f"{MAKER}0090000002"
    assert bytes.fromhex(word.title)[:3] == MAKER.encode()
    stage.admit()
    assert stage.limited() is Status.DONE


def test_it_is_known_after_a_reboot_and_found_once() -> None:
    stage = begun()
    stage.run(60)
    stage.found()
    stage.admit()
    del stage.concentrator.table[FOREIGN]
    stage.concentrator.reboot("test")
    stage.run(600)
    assert stage.limited() is Status.DONE
    assert len({word.id for word in stage.head_end.of(Discovered)}) == 1


def test_one_that_does_not_prove_itself_does_not_conform() -> None:
    stage = begun()
    stage.world.meter(FOREIGN).faults.wrong_keys = True
    stage.run(60)
    (word,) = stage.found()
    assert not word.conforms
    assert word.findings[0].startswith("does not prove itself: key-rejected")
    assert word.title == ""


def test_silence_is_told_only_once_it_lasts() -> None:
    stage = begun()
    stage.world.meter(FOREIGN).set_fault("silent", now=stage.env.now)
    stage.run(250)
    assert stage.found() == []
    stage.run(600)
    (word,) = stage.found()
    assert word.findings == ("does not answer the public client: no-answer",)


def test_one_that_is_refused_stays_out_and_is_looked_at_again_the_next_day() -> None:
    stage = begun()
    stage.run(60)
    stage.found()
    stage.send(RefuseMeter(id="r1", module=FOREIGN, why="it is not in the registry"))
    stage.run(3600)
    assert FOREIGN not in stage.concentrator.table
    assert len({word.id for word in stage.head_end.of(Discovered)}) == 1
    stage.run(86_400)
    assert len({word.id for word in stage.head_end.of(Discovered)}) == 2
