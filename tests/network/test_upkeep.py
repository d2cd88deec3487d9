"""A network as time passes: keep-alives, loss of registration, re-routing."""

from __future__ import annotations

from devices.chance import Rounds
from devices.network.tree import PRIME
from devices.network.upkeep import MISSES_MAX, ROUND_S, Change, Network, Turn
from devices.span import Span
from tests.channel.test_link import MIDNIGHT
from tests.network.test_tree import GOOD, Drawn, network

DIAMOND = {(0, 1): GOOD, (0, 2): GOOD, (1, 3): GOOD, (2, 3): GOOD}
"""Two repeaters, either of which serves the third module."""


def told(changes: tuple[Change, ...]) -> list[tuple[str, Turn, tuple[str, ...]]]:
    return [(change.meter, change.turn, change.via) for change in changes]


def after(net: Network, seconds: float) -> list[tuple[str, Turn, tuple[str, ...]]]:
    return told(net.advance(MIDNIGHT + seconds))


def test_a_quiet_day_changes_nothing() -> None:
    net = network(Drawn(DIAMOND))
    assert after(net, 86_400) == []
    hours = net.availability.hours(MIDNIGHT, MIDNIGHT + 86_400)
    assert len(hours) == 24
    for meter in net.meters:
        counts = [net.available(meter, hour) for hour in hours]
        assert all(heard == asked for heard, asked in counts)
        assert sum(asked for _, asked in counts) == 86_400 // ROUND_S - 1
        assert net.last_heard(meter) == MIDNIGHT + 86_400


def test_a_repeater_dies_and_its_meter_finds_another_way() -> None:
    drawn = Drawn(DIAMOND)
    net = network(drawn)
    first = net.route("M3")
    assert first is not None and first.via == ("M1",)
    drawn.ends[1].module_off.append(Span(MIDNIGHT + 100))
    net.advance(MIDNIGHT + 90)
    net.touch()
    changes = after(net, 100 + (MISSES_MAX + 1) * ROUND_S)
    assert changes == [
        ("M3", Turn.REROUTED, ("M2",)),
        ("M1", Turn.LOST, ()),
    ]
    assert not net.registered("M1") and net.route("M1") is None
    second = net.route("M3")
    assert second is not None and second.via == ("M2",)


def test_a_failed_message_finds_the_other_way_at_once() -> None:
    drawn = Drawn(DIAMOND)
    net = network(drawn)
    drawn.ends[1].module_off.append(Span(MIDNIGHT))
    net.touch()
    assert told(net.failed("M3", MIDNIGHT + 1)) == [("M3", Turn.REROUTED, ("M2",))]
    assert net.doubted("M3")
    net.heard("M3", MIDNIGHT + 2)
    assert not net.doubted("M3")


def test_without_another_way_the_registration_is_lost_and_found_again() -> None:
    drawn = Drawn({(0, 1): GOOD, (1, 2): GOOD, (2, 3): GOOD})
    net = network(drawn)
    drawn.ends[1].module_off.append(Span(MIDNIGHT, MIDNIGHT + 1000))
    net.touch()
    changes = after(net, 1000)
    assert changes == [("M3", Turn.LOST, ()), ("M2", Turn.LOST, ()), ("M1", Turn.LOST, ())]
    assert changes and not any(net.registered(meter) for meter in net.meters)
    net.touch()
    assert after(net, 1000 + 3 * ROUND_S) == [
        ("M1", Turn.REGISTERED, ()),
        ("M2", Turn.REGISTERED, ("M1",)),
        ("M3", Turn.REGISTERED, ("M1", "M2")),
    ]
    assert net.changes_since("M3", MIDNIGHT) == 2


def test_a_concentrator_without_power_asks_nobody_and_forgets_nobody() -> None:
    works = False
    net = Network(Drawn(DIAMOND), PRIME, Rounds(1, "test"), now=MIDNIGHT, asking=lambda: works)
    assert after(net, 7200) == [] and net.registered("M3")
    assert net.availability.hours(MIDNIGHT, MIDNIGHT + 7200) == []
    works = True
    net.advance(MIDNIGHT + 9000)
    assert net.availability.hours(MIDNIGHT, MIDNIGHT + 9000) == [int(MIDNIGHT // 3600) + 2]


def test_looking_in_between_changes_nothing() -> None:
    """The same rounds, whether held one by one or a day at once."""
    marginal = {**DIAMOND, (0, 4): 280, (3, 4): 290, (0, 5): 260}
    at_once, watched = network(Drawn(marginal)), network(Drawn(marginal))
    expected = at_once.advance(MIDNIGHT + 43_200)
    seen: list[Change] = []
    for second in range(0, 43_201, 30):
        seen += watched.advance(MIDNIGHT + second)
    assert tuple(seen) == expected != ()
    for meter in at_once.meters:
        for hour in at_once.availability.hours(MIDNIGHT, MIDNIGHT + 43_200):
            assert watched.available(meter, hour) == at_once.available(meter, hour)


def test_one_module_more_moves_nobody_elses_luck() -> None:
    marginal = {(0, 1): 280, (0, 2): 270, (0, 3): 260}
    some, more = network(Drawn(marginal)), network(Drawn({**marginal, (0, 9): GOOD}))
    some.advance(MIDNIGHT + 43_200)
    more.advance(MIDNIGHT + 43_200)
    hours = some.availability.hours(MIDNIGHT, MIDNIGHT + 43_200)
    for meter in some.meters:
        counts = [some.available(meter, hour) for hour in hours]
        assert counts == [more.available(meter, hour) for hour in hours]
        assert any(heard < asked for heard, asked in counts)


def test_a_concentrator_without_meters_keeps_its_rounds() -> None:
    """As a new transformer has it: nobody to hear, and nothing that breaks."""
    net = network(Drawn({}))
    assert net.meters == ()
    assert after(net, 10 * ROUND_S) == []
    assert net.keep_alive_us() == []
