"""New keys that a concentrator carries to its meter: whatever is lost or cut, in the end both have
the same, and what has been proven is told."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from devices import faults
from devices.concentrator.rekeying import seal_key
from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.identity import CONCENTRATOR_CLIENT
from devices.meter.keyring import keys_of
from devices.span import Span
from protocols.concentrator.keys import (
    SEAL_KEY_OCTETS,
    KeysWanted,
    KeyWrapped,
    NotSealed,
    seal,
    unseal,
)
from protocols.concentrator.messages import Action, Result, Status
from protocols.dlms.key_wrap import changed
from protocols.dlms.keys import Keys
from tests.concentrator.head_end import CONCENTRATOR, METER, Stage

CLIENT = next(each for each in STANDARD_CLIENTS if each.sap == CONCENTRATOR_CLIENT)
NEW = Keys(bytes(range(16)), bytes(range(16, 32)))
OTHER = Keys(bytes(range(32, 48)), bytes(range(48, 64)))


class Rekeyed(Stage):
    """A stage whose head-end knows the meter's keys, the master key among them."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.run(60)
        self.old = self.meter_has
        self.master = self.world.meter(METER).identity.master_key(CONCENTRATOR_CLIENT)

    @property
    def meter_has(self) -> Keys:
        found = keys_of(self.world.meter(METER), CLIENT)
        return Keys(found.encryption, found.authentication)

    @property
    def agreed(self) -> bool:
        """Whether both sides have the same keys, and no others are thought possible."""
        flash = self.concentrator.flash
        return not flash.new_keys and self.concentrator.table[METER].keys == self.meter_has

    def wanted(self, order: str, new: Keys, old: Keys | None = None) -> KeysWanted:
        old = old or self.old
        of = {"concentrator": CONCENTRATOR, "meter": METER, "order": order}
        pairs = changed(old, new).items()
        transfer = tuple(KeyWrapped(name, aes_key_wrap(self.master, key)) for name, key in pairs)
        sealed = seal(seal_key(1, CONCENTRATOR), old, new, **of)
        return KeysWanted(2, f"0.0.43.0.{CONCENTRATOR_CLIENT}.255", transfer, sealed)

    def change(
        self,
        attempt: int = 1,
        order: str = "1",
        keys: KeysWanted | None = None,
        *,
        new: Keys = NEW,
        old: Keys | None = None,
    ) -> None:
        command = self.execute(Action.CHANGE_KEYS, order=order, attempt=attempt)
        self.send(replace(command, keys=keys or self.wanted(order, new, old)))

    def ended(self, order: str = "1") -> Result:
        return self.head_end.results(order)[-1]

    def limited(self, order: str = "9") -> Status:
        """How a command ends that is sent afterwards."""
        self.send(self.execute(Action.SET_LIMIT, order=order))
        self.run(120)
        return self.ended(order).status


@pytest.mark.parametrize("engine", ("own", "gurux"))
def test_the_meter_gets_new_keys_and_commands_go_on_under_them(engine: str) -> None:
    stage = Rekeyed(engines=engine)
    stage.change()
    stage.run(60)
    ended = stage.ended()
    assert (ended.status, ended.acted) == (Status.DONE, True)
    assert ended.keys is not None and (ended.keys.generation, ended.keys.proven) == (2, "new")
    assert stage.agreed and stage.meter_has == NEW
    assert stage.limited() is Status.DONE
    stage.concentrator.table[METER].keys = stage.old  # as whoever loads the table has it
    stage.concentrator.reboot("test")
    stage.run(120)
    assert stage.limited("10") is Status.DONE
    secrets = (NEW.encryption, NEW.authentication, stage.master, stage.old.encryption)
    assert not any(secret in octets for octets in stage.head_end.raw for secret in secrets)
    assert all(apdu.plain is None for apdu in ended.apdus)


def test_another_attempt_and_another_order_find_it_done() -> None:
    stage = Rekeyed()
    for attempt, order in ((1, "1"), (2, "1"), (1, "2")):
        stage.change(attempt, order)
        stage.run(60)
        assert stage.ended(order).status is Status.DONE
        assert stage.ended(order).keys is not None and stage.ended(order).keys.proven == "new"
    assert stage.agreed


def test_one_change_follows_on_the_other() -> None:
    stage = Rekeyed()
    stage.change()
    stage.run(60)
    stage.change(order="2", old=NEW, new=OTHER)
    stage.run(60)
    assert stage.agreed and stage.meter_has == OTHER
    assert stage.limited() is Status.DONE


def test_a_concentrator_that_does_not_know_the_present_keys_is_told_them() -> None:
    """One to which the meter was moved has those that it was delivered with."""
    stage = Rekeyed()
    stage.change()
    stage.run(60)
    stage.concentrator.flash.keys.clear()
    stage.concentrator.flash.counters.clear()
    stage.concentrator.table[METER].keys = stage.old
    stage.change(order="2", old=NEW, new=OTHER)
    stage.run(60)
    assert stage.agreed and stage.meter_has == OTHER


WRONG = {
    "no keys": lambda stage: replace(stage.wanted("1", NEW), sealed=b""),
    "sealed for another order": lambda stage: stage.wanted("2", NEW),
    "changed on its way": lambda stage: replace(stage.wanted("1", NEW), sealed=bytes(80)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_was_not_sealed_for_it_is_not_carried(name: str) -> None:
    stage = Rekeyed()
    stage.change(keys=WRONG[name](stage))
    stage.run(60)
    assert (stage.ended().status, stage.ended().acted) == (Status.KEY_REJECTED, False)
    assert stage.agreed and stage.meter_has == stage.old


def test_a_meter_that_refuses_keeps_its_keys_and_so_does_the_concentrator() -> None:
    """Wrapped by another master key, they are none that the meter would take."""
    stage = Rekeyed()
    stage.master = bytes(16)
    stage.change()
    stage.run(60)
    ended = stage.ended()
    assert ended.status is Status.REFUSED and ended.keys is not None
    assert ended.keys.proven == "old"
    assert stage.agreed and stage.meter_has == stage.old
    assert stage.limited() is Status.DONE


CUTS = {
    "reboot": lambda now: faults.Reboot(CONCENTRATOR, Span(now, now + 20)),
    "power cut": lambda now: faults.PowerCut(CONCENTRATOR, Span(now, now + 20)),
    "nothing comes through": lambda now: faults.Loss(METER, Span(now, now + 40), 1.0),
    "module off": lambda now: faults.ModuleOff(METER, Span(now, now + 3)),
    "meter silent": lambda now: faults.SilentMeter(METER, Span(now, now + 60)),
}
MOMENTS = [moment / 5 for moment in range(1, 40)]
OFTEN = {1.0, 2.2, 3.0, 3.6, 4.4, 5.6}  # the others in the long proofs


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    "after_s",
    [at if at in OFTEN else pytest.param(at, marks=pytest.mark.prove) for at in MOMENTS],
)
def test_a_change_that_is_cut_ends_with_one_key_on_both_sides(cut: str, after_s: float) -> None:
    stage = Rekeyed()
    stage.change()
    stage.run(after_s)
    faults.run(stage.world, [CUTS[cut](stage.env.now)])
    stage.run(400)
    for attempt in range(2, 5):
        ended = stage.ended()
        if ended.status is Status.DONE:
            break
        assert stage.meter_has in (stage.old, NEW)
        stage.change(attempt)  # as the head-end does, with the same keys
        stage.run(120)
    assert stage.ended().status is Status.DONE
    assert stage.agreed and stage.meter_has == NEW


@pytest.mark.parametrize("cut", ("reboot", "nothing comes through"))
@pytest.mark.parametrize("after_s", sorted(OFTEN))
def test_a_command_after_a_cut_change_finds_out_which_keys_hold(cut: str, after_s: float) -> None:
    stage = Rekeyed()
    stage.change()
    stage.run(after_s)
    faults.run(stage.world, [CUTS[cut](stage.env.now)])
    stage.run(400)
    assert stage.limited() is Status.DONE
    assert stage.agreed, "no attempt was needed for it"


KEY = st.binary(min_size=16, max_size=16)


@given(KEY, KEY, KEY, KEY, st.binary(min_size=SEAL_KEY_OCTETS, max_size=SEAL_KEY_OCTETS))
def test_what_is_sealed_opens_for_what_it_was_sealed_for(
    one: bytes, two: bytes, three: bytes, four: bytes, key: bytes
) -> None:
    old, new = Keys(one, two), Keys(three, four)
    of = {"concentrator": "C-1", "meter": "11", "order": "7"}
    sealed = seal(key, old, new, **of)
    assert unseal(key, sealed, **of) == (old, new)
    for name in of:
        with pytest.raises(NotSealed):
            unseal(key, sealed, **{**of, name: "other"})
    with pytest.raises(NotSealed):
        unseal(bytes(each ^ 1 for each in key), sealed, **of)
