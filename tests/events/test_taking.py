"""One event is stored once, by however many ways and in whatever order it is told."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.meter.events import ALARM_REGISTERS, ALARMS, FRAUD_ALARM, Event
from headend.domain.event_table import BY_NAME, EVENTS, PARTS, of_code, of_name
from headend.store.transaction import SqlTransaction
from protocols.dlms.objects.event_codes import _WORDS, event_words
from tests.events.making import STATUS, Told, partition, short, street, told

DOWN, UP, DOWN_BIT, UP_BIT, FRAUD = 1, 2, 1 << 0, 1 << 1, 40

# tellings, in any order, and the events they are: (name, seconds, sources)
CASES: dict[str, tuple[list[Told], list[tuple[str, int, tuple[str, ...]]]]] = {
    "a push": ([Told("push", "M", DOWN, 0)], [("power-down", 0, ("push",))]),
    "a push twice": (
        [Told("push", "M", DOWN, 0), Told("push", "M", DOWN, 0)],
        [("power-down", 0, ("push",))],
    ),
    "a push, and its log tells another second": (
        [Told("push", "M", DOWN, 2), Told("log", "M", DOWN, 0)],
        [("power-down", 0, ("log", "push"))],
    ),
    "a log read twice": (
        [Told("log", "M", DOWN, 0), Told("log", "M", DOWN, 0)],
        [("power-down", 0, ("log",))],
    ),
    "two rows of a log within seconds are two": (
        [Told("log", "M", DOWN, 0), Told("log", "M", DOWN, 3)],
        [("power-down", 0, ("log",)), ("power-down", 3, ("log",))],
    ),
    "by all three ways": (
        [Told("push", "M", DOWN, 1), Told("log", "M", DOWN, 0), Told("word", "M", DOWN_BIT, 60)],
        [("power-down", 0, ("log", "push", "status-word"))],
    ),
    "a bit that is shown when the supply is back is the loss that was pushed": (
        [Told("push", "M", DOWN, 0), Told("word", "M", DOWN_BIT, 900)],
        [("power-down", 0, ("push", "status-word"))],
    ),
    "a bit that stays is one event": (
        [Told("word", "M", DOWN_BIT, seconds) for seconds in (0, 900, 1800)],
        [("power-down", 0, ("status-word",))],
    ),
    "a bit that comes up again is two": (
        [Told("word", "M", bits, s) for bits, s in ((DOWN_BIT, 0), (0, 900), (DOWN_BIT, 1800))],
        [("power-down", 0, ("status-word",)), ("power-down", 1800, ("status-word",))],
    ),
    "a second bit beside the first": (
        [Told("word", "M", DOWN_BIT, 0), Told("word", "M", DOWN_BIT | UP_BIT, 900)],
        [("power-down", 0, ("status-word",)), ("power-up", 900, ("status-word",))],
    ),
    "a bit that the model does not explain": (
        [Told("word", "M", 1 << 20, 0)],
        [("0.0.97.98.1.255-bit-20", 0, ("status-word",))],
    ),
    "a code that no table has": ([Told("log", "M", 200, 0)], [("code-200", 0, ("log",))]),
    "a code of nothing": ([Told("push", "M", 0, 0)], []),
}


@pytest.mark.parametrize("name", CASES)
def test_in_every_order(name: str, tx: SqlTransaction) -> None:
    tellings, expected = CASES[name]
    for order in permutations(tellings):
        with tx.connection.begin_nested() as nested:
            told(tx, order)
            assert short(tx) == sorted(("M", *event) for event in expected), order
            nested.rollback()


def _words_in_order(tellings: list[Told]) -> list[Told]:
    """The same, with the status words among them in order of time."""
    words = iter(sorted((t for t in tellings if t.by == "word"), key=lambda t: t.seconds))
    return [next(words) if each.by == "word" else each for each in tellings]


TELLINGS = st.lists(
    st.one_of(
        st.builds(
            Told,
            st.sampled_from(["push", "log"]),
            st.sampled_from(["M000", "M001", "M002", "M003"]),
            st.sampled_from([DOWN, UP, 82, 85]),
            st.sampled_from([0, 30, 60, 400, 800, 830, 5000]),
        ),
        st.builds(
            Told,
            st.just("word"),
            st.sampled_from(["M000", "M001", "M002", "M003"]),
            st.integers(0, 3),
            st.sampled_from([200, 600, 1000]),
        ).map(lambda each: Told("word", each.device, each.value | 1 << 9, each.seconds)),
    ),
    min_size=1,
    max_size=14,
    unique=True,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tellings=TELLINGS, chance=st.randoms(use_true_random=False))
def test_any_order_ends_in_the_same_events_and_incidents(
    tellings: list[Told], chance: object, tx: SqlTransaction
) -> None:
    # One value of each status word at a time: a second reading of one moment is not another word.
    once = {(t.by == "word", t.device, t.seconds, 0 if t.by == "word" else (t.by, t.value)): t
            for t in tellings}  # fmt: skip
    first = [*once.values()]
    other = [*first]
    chance.shuffle(other)  # type: ignore[attr-defined]
    first, other = _words_in_order(first), _words_in_order(other)
    found = []
    for order in (first, other, [*other, *first]):  # and all of it again
        with tx.connection.begin_nested() as nested:
            street(tx, 4)
            told(tx, order)
            found.append(([event[:3] for event in short(tx)], partition(tx)))
            nested.rollback()
    assert found[0] == found[1] == found[2]


def test_every_code_that_has_words_has_an_event_and_each_name_is_one() -> None:
    assert EVENTS.keys() == _WORDS.keys()
    assert len(BY_NAME) == len(EVENTS) + 1
    assert PARTS.keys() <= BY_NAME.keys()
    for code, event in EVENTS.items():
        assert of_code(code) is event and of_name(event.name) is event
        assert event.text() == event_words(code) and event.text("es") == event_words(code, "es")
    assert of_name("code-200") == of_code(200)
    assert of_name("fraud-attempt").text("es") == "intento de fraude"


def test_the_models_bits_are_those_that_the_simulated_meter_sets() -> None:
    """Two tables that were written apart: the meter's by code, the model's by bit."""
    by_register = {bits.name: bits for bits in STATUS.values()}
    for event, (register, bit) in ALARMS.items():
        bits = by_register[f"0.0.97.98.{register}.255"]
        word = bits.event(bit.bit_length() - 1)
        wanted = "fraud-attempt" if bit == FRAUD_ALARM and not register else EVENTS[event].name
        assert word == wanted, Event(event)
    told_of = {
        (int(bits.name.split(".")[4]), 1 << int(n)) for bits in STATUS.values() for n in bits.bits
    }
    assert told_of == set(ALARMS.values())
    assert len(STATUS) == ALARM_REGISTERS
    assert {word for bits in STATUS.values() for word in bits.bits.values()} <= BY_NAME.keys()
