"""Who is told of what, how often and when: rules on a street, on the simulated clock.

Codes are IDIS package 2's: 1 power down, 2 power up, 44 the meter's cover was opened ("cover-..."
by `domain/event_table`), 47 a warning.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from headend.config import BadConfig, parse
from headend.config.notify import Notification, NotifyRule, Quiet
from headend.domain.event import IncidentKind, Severity, Subject
from headend.domain.event_table import BY_NAME, of_code
from headend.notify.rules import INCIDENT_SEVERITY, loudest
from headend.notify.sending import NeverSent, NotSent
from tests.conftest import SIMULATED_START
from tests.notify.making import CHILE, House

DOWN, UP, COVER, WARNING = 1, 2, 44, 47
OUTAGES = NotifyRule(name="outages", channels=("a",))


async def test_an_outage_of_many_meters_is_told_once() -> None:
    house = await House((OUTAGES,)).open()
    await house.happens(DOWN, 0, 1, 2, 3, 4)
    await house.turn()
    await house.happens(DOWN, 5, 6, 7)
    await house.pass_by(600)
    assert house.told() == ["incident.new transformer T-1"]
    assert house.ways["a"].said[0].incident is not None
    assert house.ways["a"].said[0].severity is Severity.CRITICAL
    parts = [each for each in house.states() if "part of incident" in each]
    assert len(parts) == 8


async def test_few_losses_are_told_as_what_they_are_once_no_incident_can_come_of_them() -> None:
    house = await House((OUTAGES,)).open()
    await house.happens(DOWN, 0, 1)
    await house.turn(60)
    assert house.told() == []
    await house.turn(61)
    assert house.told() == ["event.new M000", "event.new M001"]


async def test_the_end_is_told_after_the_beginning_and_once() -> None:
    house = await House((OUTAGES,)).open()
    await house.happens(DOWN, 0, 1, 2)
    await house.turn(1)
    await house.happens(UP, 0, 1, 2)
    await house.pass_by(60)
    told = ["incident.new transformer T-1", "incident.over transformer T-1"]
    assert house.told() == told
    await house.happens(DOWN, 0, 1, 2)
    await house.pass_by(60)
    assert house.told() == [*told, told[0]], "the same incident, open again"
    await house.pass_by(600)
    await house.happens(UP, 0, 1, 2)
    await house.pass_by(600)
    assert house.told() == [*told, *told]
    assert [one.round for one in house.ways["a"].said] == [1, 1, 2, 2]


async def test_the_end_waits_for_a_beginning_that_is_on_its_way() -> None:
    house = await House((OUTAGES,)).open()
    house.ways["a"].failures = [NotSent("away")] * 3
    await house.happens(DOWN, 0, 1, 2)
    await house.turn(1)
    await house.happens(UP, 0, 1, 2)
    await house.pass_by(60, step_s=5.0)
    await house.pass_by(600)
    assert house.told() == ["incident.new transformer T-1", "incident.over transformer T-1"]


async def test_what_nobody_acknowledges_is_told_again_to_others_and_not_for_ever() -> None:
    rule = NotifyRule(
        name="r", channels=("a",), again_after_s=600, again_channels=("b",), again_times=2
    )
    house = await House((rule,)).open()
    await house.happens(COVER, 0)
    await house.pass_by(3600)
    assert house.told("a") == ["event.new M000"]
    assert house.told("b") == ["event.again M000"] * 2


@pytest.mark.parametrize("at_s", [0, 700], ids=["before it is told again", "after the first"])
async def test_whoever_acknowledges_ends_it(at_s: float) -> None:
    rule = NotifyRule(name="r", channels=("a",), again_after_s=600, again_times=9)
    house = await House((rule,)).open()
    await house.happens(DOWN, 0, 1, 2)
    await house.turn()
    await house.pass_by(at_s, step_s=100)
    (incident,) = house.incidents()
    await house.seen(Subject.INCIDENT, incident.number)
    await house.pass_by(7200)
    told = ["incident.new transformer T-1"] + ["incident.again transformer T-1"] * (at_s > 600)
    assert house.told() == told


async def test_what_is_acknowledged_before_it_was_told_is_not() -> None:
    house = await House((NotifyRule(name="r", channels=("a",), wait_s=300),)).open()
    await house.happens(DOWN, 0, 1, 2)
    await house.turn()
    await house.seen(Subject.INCIDENT, house.incidents()[0].number)
    await house.pass_by(600)
    assert house.told() == []
    assert "new dropped acknowledged by ana" in house.states()


RULES = {
    "severity": (NotifyRule(name="r", channels=("a",), severity=Severity.WARNING), [44, 47]),
    "worse alone": (NotifyRule(name="r", channels=("a",)), [44]),
    "names": (NotifyRule(name="r", channels=("a",), names=(of_code(44).name,)), [44]),
    "other names": (NotifyRule(name="r", channels=("a",), names=("other",)), []),
    "incidents alone": (NotifyRule(name="r", channels=("a",), subjects=(Subject.INCIDENT,)), []),
    "a place": (NotifyRule(name="r", channels=("a",), places=("zone:NORTE",)), [44]),
    "another place": (NotifyRule(name="r", channels=("a",), places=("zone:SUR",)), []),
}


@pytest.mark.parametrize("name", RULES)
async def test_a_rule_is_for_what_it_names(name: str) -> None:
    rule, wanted = RULES[name]
    house = await House((rule,)).open()
    await house.happens(COVER, 0)
    await house.happens(WARNING, 0)
    await house.turn(1)
    codes = [one.event.code for one in house.ways["a"].said if one.event is not None]
    assert codes == wanted


async def test_a_storm_is_cut_and_seen() -> None:
    house = await House((NotifyRule(name="r", channels=("a",), per_hour_max=3),)).open()
    await house.happens(COVER, *range(10))
    await house.turn()
    assert len(house.told()) == 3
    assert house.states().count("new dropped more than 3 of this rule within an hour") == 7


async def test_a_quiet_time_holds_back() -> None:
    quiet = Quiet(begin="00:00", end="23:59", below=Severity.CRITICAL)
    rule = NotifyRule(name="r", channels=("a",), quiet=quiet)
    house = await House((rule,)).open()
    await house.happens(COVER, 0)
    await house.turn()
    assert house.told() == []
    waiting = [each for each in house.notices() if each.held]
    assert len(waiting) == 1 and waiting[0].due_at is not None
    await house.turn((waiting[0].due_at - house.clock.now()).total_seconds())
    assert house.told() == ["event.new M000"]


async def test_what_is_over_before_the_quiet_time_is_not_told() -> None:
    quiet = Quiet(begin="00:00", end="23:59", all=True)
    rule = NotifyRule(name="r", channels=("a",), quiet=quiet, subjects=(Subject.INCIDENT,))
    house = await House((rule,)).open()
    missing, back = (BY_NAME[f"voltage-{word}-l1"].code for word in ("missing", "normal"))
    assert missing is not None and back is not None
    await house.happens(missing, 0, 1, 2)
    await house.turn(1)
    await house.happens(back, 0, 1, 2)
    await house.pass_by(86_400, step_s=3600)
    assert house.told() == []
    assert house.states() == [
        "new dropped over before the quiet time was",
        "over dropped its beginning was not told",
    ]


# Local time of the notice, the quiet time, and when it may be told; Chile is UTC-4 in July.
QUIET = [
    ("12:00", "22:00", "07:00", "12:00"),
    ("22:00", "22:00", "07:00", "07:00+1"),
    ("03:00", "22:00", "07:00", "07:00"),
    ("07:00", "22:00", "07:00", "07:00"),
    ("13:30", "13:00", "15:00", "15:00"),
    ("15:00", "13:00", "15:00", "15:00"),
    ("12:59", "13:00", "15:00", "12:59"),
]


@pytest.mark.parametrize(("at", "begin", "end", "told"), QUIET)
def test_when_somebody_may_be_told(at: str, begin: str, end: str, told: str) -> None:
    day = SIMULATED_START.astimezone(CHILE).replace(day=6, hour=0, minute=0)
    hour, minute = map(int, at.split(":"))
    moment = day.replace(hour=hour, minute=minute)
    quiet = Quiet(begin=begin, end=end)
    found = loudest(quiet, Severity.MAJOR, moment, CHILE)
    shown, _, later = told.partition("+")
    assert f"{found.astimezone(CHILE):%H:%M}" == shown
    assert (found.astimezone(CHILE).date() - day.date()) == timedelta(days=int(later or 0))
    assert loudest(quiet, Severity.CRITICAL, moment, CHILE) == moment


def test_every_kind_of_incident_has_a_severity() -> None:
    assert INCIDENT_SEVERITY[IncidentKind.OUTAGE] is Severity.CRITICAL
    assert set(INCIDENT_SEVERITY) == set(IncidentKind)


# --- delivery ------------------------------------------------------------------------------------


async def test_a_passing_trouble_is_tried_again_under_one_id() -> None:
    house = await House((NotifyRule(name="r", channels=("a", "b")),)).open()
    house.ways["a"].failures = [NotSent("HTTP 503"), NotSent("HTTP 503")]
    await house.happens(COVER, 0)
    await house.turn()
    assert house.told("a") == [] and house.told("b") == ["event.new M000"]
    await house.pass_by(120, step_s=5.0)
    assert house.told("a") == ["event.new M000"]
    first, second = house.notices()
    assert first.tries == 3 and house.ways["a"].said[0].id == first.id != second.id


async def test_what_can_never_be_sent_is_dead_at_once_and_what_fails_too_often_in_the_end() -> None:
    rule = NotifyRule(name="r", channels=("a", "b"))
    house = await House((rule,), Notification(tries_max=3)).open()
    house.ways["a"].failures = [NeverSent("HTTP 404")]
    house.ways["b"].failures = [NotSent("HTTP 500")] * 9
    await house.happens(COVER, 0)
    await house.pass_by(600, step_s=5.0)
    assert house.states() == ["new dead HTTP 404", "new dead HTTP 500"]
    assert [each.tries for each in house.notices()] == [1, 3]
    for each in house.notices():
        await house.store.run(lambda tx, each=each: tx.save_notice(each.revived(each.made_at)))
    house.ways["b"].failures = []
    await house.turn()
    assert house.told("a") == house.told("b") == ["event.new M000"]


async def test_a_worker_that_dies_in_a_try_loses_nothing() -> None:
    """The try was counted and leased before it left; its end was never written."""
    house = await House((NotifyRule(name="r", channels=("a",)),)).open()
    await house.happens(COVER, 0)
    await house.numbering.number()
    await house.raising.look()
    await house.sending._take()  # and then nothing more of this worker
    await house.turn()
    assert house.told() == []
    await house.turn(200)
    assert house.told() == ["event.new M000"]
    assert house.notices()[0].tries == 2


async def test_a_crash_between_two_looks_neither_loses_nor_doubles_a_notice() -> None:
    house = await House((NotifyRule(name="r", channels=("a",)),)).open()
    await house.happens(COVER, 0)
    await house.numbering.number()
    house.raising = house.new_raising()
    await house.raising.look()
    house.raising = house.new_raising()
    await house.turn()
    assert house.told() == ["event.new M000"]


async def test_what_runs_by_itself_needs_no_turns() -> None:
    house = await House((NotifyRule(name="r", channels=("a",)),)).open()
    house.store.told = house.numbering.wake
    house.numbering.numbered.append(house.raising.wake)
    house.raising.made = house.sending.wake
    parts = (house.numbering, house.raising, house.sending)
    works = [asyncio.create_task(part.run()) for part in parts]
    await asyncio.sleep(1)
    await house.happens(COVER, 0)
    await asyncio.sleep(10)
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    assert house.told() == ["event.new M000"]
    assert not any(part.errors for part in parts)


# --- what the page shows -------------------------------------------------------------------------


def test_the_pages_example_is_a_configuration() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    example = page.partition("## Notices")[2].partition("```toml")[2].partition("```")[0]
    config = parse(example)
    assert [each.name for each in config.channel] == ["guard", "crm", "scada"]
    assert config.notify[0].again_channels == ("crm",) and config.telling


WRONG = {
    'kind = "smtp"\nhost = "mail.example"\nsender = "a@b.example"\nto = []': "to",
    'kind = "smtp"\nhost = "m.example"\nsender = "a@b.example"\nto = ["x\\r\\nBcc: y@z"]': "to",
    'kind = "smtp"\nhost = "m.example"\nsender = "a@b.example"\nto = ["c@d.example"]\n'
    'security = "none"': "needs starttls",
    'kind = "webhook"\nurl = "http://h.example/"\nsecret = { variable = "X" }': "url",
    'kind = "webhook"\nurl = "https://a@h.example/"\nsecret = { variable = "X" }': "url",
    'kind = "webhook"\nurl = "https://h.example/"\nsecret = {}': "a file or in a variable",
    'kind = "webhook"\nurl = "https://h.example/"\nsecret = { variable = "X" }\n'
    'networks = ["everywhere"]': "everywhere",
    'kind = "mqtt"\ntopic = "a/#"': "topic",
    'kind = "pigeon"': "pigeon",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_channel_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match=WRONG[text]):
        parse(f'[[channel]]\nname = "c"\n{text}')


@pytest.mark.parametrize(
    "rule", ['channels = ["b"]', "channels = []", 'channels = ["a"]\nplaces = ["NORTE"]']
)
def test_a_rule_that_cannot_be_is_refused(rule: str) -> None:
    channel = '[[channel]]\nname = "a"\nkind = "mqtt"\n'
    parse(channel + '[[notify]]\nname = "r"\nchannels = ["a"]')
    with pytest.raises(BadConfig):
        parse(channel + f'[[notify]]\nname = "r"\n{rule}')
