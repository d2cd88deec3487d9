"""Outages and phase losses of many meters are one incident, and it lives as the outage does."""

from __future__ import annotations

from random import Random

import pytest

from headend.config import EventPolicy
from headend.domain.event import IncidentKind
from headend.events.taking import EventIntake
from headend.store.transaction import SqlTransaction
from tests.events.making import Told, at, events, incidents, partition, street, told

DOWN, UP = 1, 2


def gasps(names: list[str], seconds: int = 0, code: int = DOWN) -> list[Told]:
    return [Told("push", name, code, seconds + n % 3) for n, name in enumerate(names)]


@pytest.mark.parametrize("transformer", [True, False])
def test_one_outage_of_eighty_meters_is_one_incident(tx: SqlTransaction, transformer: bool) -> None:
    names = street(tx, 80, transformer=transformer)
    told(tx, gasps(names))
    (incident,) = incidents(tx)
    assert (incident.kind, incident.members, incident.without) == (IncidentKind.OUTAGE, 80, 80)
    assert incident.place == ("transformer T-1" if transformer else "concentrator C-1")
    assert (incident.began_at, incident.ended_at) == (at(0), None)
    assert {each.incident for each in events(tx)} == {incident.number}


def test_it_grows_ends_and_opens_again(tx: SqlTransaction) -> None:
    names = street(tx, 10)
    told(tx, gasps(names[:2]))
    assert incidents(tx) == []  # two meters may be two fuses
    told(tx, gasps(names[2:6], 60))
    (grown,) = incidents(tx)
    assert (grown.members, grown.without) == (6, 6)
    told(tx, gasps(names[:5], 900, UP))
    (waning,) = incidents(tx)
    assert (waning.members, waning.without, waning.ended_at) == (6, 1, None)
    told(tx, gasps(names[5:6], 1000, UP))
    (ended,) = incidents(tx)
    assert (ended.without, ended.ended_at, ended.number) == (0, at(1000), grown.number)
    told(tx, gasps(names[:1], 1060))
    (opened,) = incidents(tx)
    assert (opened.number, opened.without, opened.ended_at) == (grown.number, 1, None)
    told(tx, gasps(names[:4], 10_000))
    assert [each.members for each in incidents(tx)] == [6, 4]


def test_a_late_gasp_joins_two_incidents_and_the_older_number_stands(tx: SqlTransaction) -> None:
    names = street(tx, 9)
    told(tx, gasps(names[:4], 0))
    told(tx, gasps(names[4:8], 200))
    first, second = incidents(tx)
    told(tx, gasps(names[8:], 100))
    (joined,) = incidents(tx)
    assert (joined.number, joined.members) == (first.number, 9)
    gone = tx.incident(second.number)
    assert gone is not None and (gone.merged_into, gone.members) == (first.number, 0)


def test_transformers_and_kinds_are_told_apart(tx: SqlTransaction) -> None:
    names = street(tx, 6)
    told(tx, [*gasps(names), *gasps(names, 10, 83), *gasps(names, 20, 86)])
    assert {(i.kind, i.without, i.ended_at is None) for i in incidents(tx)} == {
        (IncidentKind.OUTAGE, 6, True),
        (IncidentKind.PHASE_LOSS, 0, False),
    }


def test_thresholds_are_policy(tx: SqlTransaction) -> None:
    names = street(tx, 2)
    told(tx, gasps(names), EventIntake(EventPolicy(members_min=2)))
    assert len(incidents(tx)) == 1


def test_meters_that_only_say_that_they_are_back_are_no_incident(tx: SqlTransaction) -> None:
    told(tx, gasps(street(tx, 6), 0, UP))
    assert incidents(tx) == [] and len(events(tx)) == 6


def test_a_lost_gasp_is_told_by_the_alarms_when_the_supply_is_back(tx: SqlTransaction) -> None:
    names = street(tx, 6)
    told(tx, gasps(names[:4]))
    told(tx, gasps(names, 900, UP))
    told(tx, [Told("word", name, 3, 920) for name in names])  # power down and up, since it began
    (incident,) = incidents(tx)
    assert (incident.members, incident.without) == (6, 0)
    assert len(events(tx)) == 12


@pytest.mark.parametrize("seed", range(2))
def test_a_storm_in_any_order(tx: SqlTransaction, seed: int) -> None:
    """Eighty meters gasp, come back and tell it by their logs as well."""
    names = street(tx, 80)
    storm = [*gasps(names), *gasps(names, 1800, UP)]
    storm += [Told("log", each.device, each.value, each.seconds) for each in storm]
    Random(seed).shuffle(storm)
    told(tx, storm)
    (incident,) = incidents(tx)
    assert (incident.members, incident.without) == (80, 0)
    assert (incident.began_at, incident.ended_at) == (at(0), at(1802))
    assert len(events(tx)) == 160 and [len(each) for each in partition(tx)] == [160]
