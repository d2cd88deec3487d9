"""What the store keeps of campaigns, and which meters a choice means."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headend.domain.campaign import (
    Campaign,
    CampaignLine,
    CampaignState,
    Choice,
    Ended,
    MemberState,
    Plan,
    Tally,
)
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Kind, State
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reading import Reading
from headend.domain.reason import ReasonCode
from headend.store.choosing import FIRMWARE
from headend.store.transaction import SqlTransaction
from tests.store.making import STORY, T0, at, order

METERS = ["M1", "M2", "M3", "M4"]


def campaign(**changes: object) -> Campaign:
    made = Campaign(
        0, Kind.SET_LIMIT, "ana", T0, Choice(place="T-17"), Plan(("1", "100%")), 4, '{"x":1}'
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_campaign_comes_back_as_it_was_kept(tx: SqlTransaction) -> None:
    wanted = campaign(words=("energy",), order_deadline_s=60, note="heat wave", any_day=True)
    number = tx.add_campaign(wanted, METERS)
    assert tx.campaign(number) == replace(wanted, number=number)
    assert tx.campaigns_going_on() == [number]
    assert tx.campaign(number + 1) is None
    assert tx.tallies(number) == [Tally(1, waiting=1), Tally(2, waiting=3)]
    ended = replace(
        wanted, number=number, state=CampaignState.DONE, why="w", approved_by="eva", ended_at=at(9)
    )
    tx.save_campaign(ended)
    assert tx.campaign(number) == ended
    assert tx.campaigns_going_on() == []


def test_members_walk_from_waiting_to_their_end_and_back(tx: SqlTransaction) -> None:
    number = tx.add_campaign(campaign(plan=Plan()), METERS)
    other = tx.add_campaign(campaign(plan=Plan()), ["M1"])
    first, second = tx.waiting_members(number, 1, 2)
    assert (first.meter, second.meter) == ("M1", "M2")
    sent = [
        replace(member, state=MemberState.UNDER_WAY, tries=1, order=line)
        for line, member in enumerate((first, second), 1)
    ]
    tx.save_members(sent)
    tx.add_order(order(1, meter="M1", held_at=at(0)), STORY)
    tx.add_order(
        order(2, meter="M2", state=State.FAILED, ended_at=at(5), reason=ReasonCode.PACKET_LOSS),
        STORY,
    )
    assert tx.members_under_way(number) == sent
    (ended,) = tx.members_that_ended(number, 9)
    assert ended == Ended(sent[1], State.FAILED, ReasonCode.PACKET_LOSS, at(5))
    assert tx.held_of_campaign(number) == 1
    tx.save_members([ended.settled(cancelled=False)])
    assert tx.tallies(number) == [Tally(1, waiting=2, under_way=1, failed=1)]
    assert tx.failures(number) == {ReasonCode.PACKET_LOSS: 1}
    assert tx.pardon_failures(number) == 1
    assert tx.tallies(number) == [Tally(1, waiting=2, under_way=1, failed=1, pardoned=1)]
    assert tx.retry_failures(number) == 1
    assert tx.tallies(number) == [Tally(1, waiting=2, under_way=1), Tally(2, waiting=1)]
    (again,) = tx.waiting_members(number, 2, 9)
    assert (again.meter, again.tries, again.reason, again.pardoned) == ("M2", 1, None, False)
    assert tx.withdraw_waiting(number, at(7)) == 3
    assert tx.tallies(number) == [Tally(1, under_way=1, withdrawn=2), Tally(2, withdrawn=1)]
    assert tx.tallies(other) == [Tally(1, waiting=1)]


def test_a_story_is_told_in_its_order(tx: SqlTransaction) -> None:
    number = tx.add_campaign(campaign(), METERS)
    told = [CampaignLine(number, at(second), "ana", f"line {second}") for second in (3, 1, 2)]
    for line in told:
        tx.add_campaign_line(line)
    assert tx.campaign_lines(number) == told


def put_meters(tx: SqlTransaction) -> None:
    """R lies over T-17 and T-18; M1 and M2 hang at T-17, M3 at T-18, M4 hung at T-17 once."""
    tx.put_concentrators([Concentrator("C1"), Concentrator("C2")])
    tx.put_meters(
        [
            Meter("M1", "C1", commissioned=True, model="A"),
            Meter("M2", "C1", commissioned=True, model="B"),
            Meter("M3", "C2", commissioned=True, model="A"),
            Meter("M4", "C2", commissioned=True, model="A"),
            Meter("M5", "C1", model="A"),  # in stock
        ]
    )
    tx.put_places(
        [
            Place("R", PlaceKind.REGION),
            Place("T-17", PlaceKind.TRANSFORMER, "R"),
            Place("T-18", PlaceKind.TRANSFORMER, "R"),
            *(Place(f"S{n}", PlaceKind.SERVICE_POINT, "T-17") for n in (1, 2, 4, 5)),
            Place("S3", PlaceKind.SERVICE_POINT, "T-18"),
        ]
    )
    for number in (1, 2, 3, 5):
        tx.add_installation(Installation(f"M{number}", f"S{number}", T0))
    tx.add_installation(Installation("M4", "S4", T0, until=at(60)))
    for number, second, value in ((1, 0, "2.0"), (1, 60, "2.1"), (2, 0, "2.1"), (2, 60, "2.0")):
        tx.add_readings(
            [Reading(f"M{number}", FIRMWARE, 2, at(second), at(second), "order 1", value=value)]
        )


CHOICES = {
    "every meter that is commissioned": (Choice(), "M1 M2 M3 M4"),
    "a transformer": (Choice(place="T-17"), "M1 M2"),
    "all beneath a region": (Choice(place="R"), "M1 M2 M3"),
    "a service point": (Choice(place="S3"), "M3"),
    "a place that there is not": (Choice(place="X"), ""),
    "a concentrator": (Choice(concentrator="C2"), "M3 M4"),
    "a model": (Choice(model="A"), "M1 M3 M4"),
    "all must hold": (Choice(model="A", place="R"), "M1 M3"),
    "the firmware last told": (Choice(firmware="2.1"), "M1"),
    "named, in their order, also in stock": (Choice(("M5", "M1", "M5")), "M5 M1"),
    "named, and nobody knows one": (Choice(("M9", "M2")), "M2"),
    "named, but elsewhere": (Choice(("M1", "M3"), concentrator="C2"), "M3"),
}


@pytest.mark.parametrize("choice, names", CHOICES.values(), ids=CHOICES)
def test_whom_a_choice_means(tx: SqlTransaction, choice: Choice, names: str) -> None:
    put_meters(tx)
    assert tx.chosen(choice) == names.split()


def test_a_choice_of_thousands_by_name(tx: SqlTransaction) -> None:
    names = [f"M{number:05d}" for number in range(1234)]
    tx.put_meters(Meter(name) for name in names)
    backwards = names[::-1]
    assert tx.chosen(Choice(tuple(backwards))) == backwards


def test_cuts_are_counted_in_a_window_without_its_edges(tx: SqlTransaction) -> None:
    for number in range(1, 5):
        tx.add_order(order(number), STORY)
        tx.put_cut(number, at(number * 60))
    window = (at(60), at(60) + timedelta(seconds=180))
    assert tx.cuts_between(*window, but=0) == [at(120), at(180)]
    assert tx.cuts_between(*window, but=2) == [at(180)]
    tx.put_cut(4, at(90))
    tx.drop_cut(3)
    assert tx.cuts_between(*window, but=0) == [at(90), at(120)]
