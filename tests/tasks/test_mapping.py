"""Which feeder is which: by hand, by the repository, by rules; never two to one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headend.domain.feeder import FeederMapping
from headend.tasks.desk import TaskRefused
from headend.tasks.mapping import Named, Rule, Side, mapped, standard_rules
from headend.tasks.mapping_desk import MappingDesk
from scenarios.utility.making import make
from scenarios.utility.model import Plan
from scenarios.utility.naming import System, feeder_key, feeder_label, plain
from tests import databases
from tests.conftest import SIMULATED_START as AT
from tests.tasks.tasking import BY, Site

UTILITY = make(7, AT, Plan())
SIAD = [Named(feeder_key(System.SIAD, it), feeder_label(it)) for it in UTILITY.feeders]
SIMOCE = [
    Named(feeder_key(System.SIMOCE, it), f"Circuito {it.bay} {plain(it.substation.name)}")
    for it in UTILITY.feeders
]


def told(found: list[FeederMapping]) -> dict[str | None, tuple[str | None, str | None]]:
    return {each.siad: (each.simoce, each.how) for each in found if each.siad is not None}


@databases.on_one
def test_rules_find_what_they_can_of_the_invented_utility() -> None:
    """A feeder that SIMOCE knows by an older number is found by its title."""
    found = mapped(SIAD, SIMOCE, (), {}, standard_rules(), AT)
    wanted = {feeder_key(System.SIAD, it): feeder_key(System.SIMOCE, it) for it in UTILITY.feeders}
    right = {key: pair for key, (pair, _) in told(found).items() if pair is not None}
    assert right == wanted
    assert {how for _, how in told(found).values()} == {"bay-and-substation", "bay-and-title"}


@databases.on_one
def test_hand_before_repository_before_rules() -> None:
    a, b, c = SIAD[:3]
    x, y, z = SIMOCE[:3]
    by_hand = FeederMapping(a.key, y.key, how="hand", at=AT, who="eva")
    found = told(mapped([a, b, c], [x, y, z], [by_hand], {b.key: x.key}, standard_rules(), AT))
    assert found == {
        a.key: (y.key, "hand"), b.key: (x.key, "repository"),
        c.key: (z.key, "bay-and-substation"),
    }  # fmt: skip


@databases.on_one
def test_what_fits_several_maps_none_and_stays() -> None:
    same = Rule(
        name="same", siad=Side(of="name", pattern="(?P<x>.)."),
        simoce=Side(of="name", pattern="(?P<x>.).*"),
    )  # fmt: skip
    siad, simoce = [Named("1", "a1"), Named("2", "a2")], [Named("9", "a"), Named("8", "Á b")]
    found = mapped(siad, simoce, (), {}, [same], AT)
    assert [(it.siad, it.simoce) for it in found] == [
        ("1", None), ("2", None), (None, "9"), (None, "8"),
    ]  # fmt: skip
    assert told(mapped(siad[:1], simoce[1:], (), {}, [same], AT)) == {"1": ("8", "same")}


@databases.on_one
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_feeder_stands_once(data: st.DataObject) -> None:
    keys = st.lists(st.sampled_from("abcdef"), unique=True)
    siad = [Named(it, it) for it in data.draw(keys)]
    simoce = [Named(it.upper(), it) for it in data.draw(keys)]
    pairs = st.tuples(st.sampled_from("abcdefg"), st.sampled_from("ABCDEFG"))
    known = [FeederMapping(*pair, how="hand", at=AT) for pair in data.draw(st.lists(pairs))]
    repository = dict(data.draw(st.lists(pairs)))
    found = mapped(siad, simoce, known, repository, standard_rules(), AT)
    assert sorted(it.siad for it in found if it.siad) == sorted(it.key for it in siad)
    assert sorted(it.simoce for it in found if it.simoce) == sorted(it.key for it in simoce)
    again = mapped(siad, simoce, found, repository, standard_rules(), AT + timedelta(days=1))
    assert again == found, "what is known keeps its time"


@databases.on_one
@pytest.mark.parametrize(
    ("of", "pattern", "why"),
    [("key", "(?P<x>.)", "mRID or name"), ("name", "(", "no pattern"), ("name", ".", "groups")],
)
def test_what_is_no_rule(of: str, pattern: str, why: str) -> None:
    side = Side(of=of, pattern=pattern)
    with pytest.raises(ValueError, match=why):
        Rule(name="r", siad=side, simoce=side)


async def test_by_hand_and_back() -> None:
    site = Site()
    desk = MappingDesk(site.store, site.clock)
    start = mapped(SIAD[:2], SIMOCE[1:3], (), {}, standard_rules(), AT)
    await site.store.run(lambda tx: tx.keep_feeder_mappings(start))
    a, b, y, z = SIAD[0].key, SIAD[1].key, SIMOCE[1].key, SIMOCE[2].key
    assert told(start) == {b: (y, "bay-and-substation"), a: (None, None)}
    with pytest.raises(TaskRefused) as taken:
        await desk.map(a, y, BY)
    assert taken.value.code == "feeder-taken"
    for wrong in ((a, "none"), ("none", z)):
        with pytest.raises(TaskRefused) as unknown:
            await desk.map(*wrong, BY)
        assert unknown.value.code == "no-such-feeder"
    one = await desk.map(a, z, BY)
    assert (one.simoce, one.simoce_name, one.how, one.who) == (z, SIMOCE[2].name, "hand", "eva")
    other = await desk.unmap(b, BY)
    assert not other.matched
    kept = await site.store.run(lambda tx: tx.feeder_mappings())
    assert {(it.siad, it.simoce) for it in kept} == {(a, z), (b, None), (None, y)}
    await desk.map(a, y, BY)  # another of SIMOCE's in place of the one before
    kept = await site.store.run(lambda tx: tx.feeder_mappings())
    assert {(it.siad, it.simoce) for it in kept} == {(a, y), (b, None), (None, z)}
    found = told(mapped(SIAD[:2], SIMOCE[1:3], kept, {b: y}, standard_rules(), AT))
    assert found == {a: (y, "hand"), b: (None, "hand")}, "neither repository nor rule maps it again"
    back = await desk.unmap(a, BY)  # what was said by hand: as if it had never been
    assert back.how is None
    kept = await site.store.run(lambda tx: tx.feeder_mappings())
    found = told(mapped(SIAD[:2], SIMOCE[1:3], kept, {a: z}, standard_rules(), AT))
    assert found == {a: (z, "repository"), b: (None, "hand")}
    await desk.map(b, y, BY)
    await desk.unmap(b, BY)
    kept = await site.store.run(lambda tx: tx.feeder_mappings())
    found = told(mapped(SIAD[:2], SIMOCE[1:3], kept, {}, standard_rules(), AT))
    assert found == {b: (y, "bay-and-substation"), a: (None, None)}
    with pytest.raises(TaskRefused) as free:
        await desk.unmap(b, BY)
    assert free.value.code == "not-mapped"
