"""A file that is no scenario is refused with its line, its key, and what the key takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios import stories
from scenarios.engine import run
from scenarios.schema import BadScenario, parse, read, seconds

HEAD = """\
about = "A file for these tests."
start = 2026-07-06T10:00:00
duration = "1h"
[expect]
"""
ORDER = '[[order]]\nat = "1m"\nkind = "connect"\nmeter = "90000001"\n'
ASK = '[[ask]]\nconcentrator = "C-001"\nat = "1m"\nkind = "state"\n'
FAULT = '[[fault]]\nkind = "modem"\ntarget = "C-001"\n'
DURATION = "takes a duration like 90s, 5m or 1h30m"

# name: (what follows HEAD, what the refusal says)
REFUSED = {
    "unknown table": ("[fiel]\nmeters = 5\n", "line 5: fiel is no key; known here: about, start"),
    "unknown key at the top": ("", "line 1: abut is no key"),
    "unknown key in field": ("[field]\nmeter = 5\n", "line 6: field.meter is no key; known here: "),
    "unknown key in an order": (
        f"{ORDER}{ORDER}amout = 3\n",
        "line 13: order 2: amout is no key; known here: at, kind, meter, meters, amount",
    ),
    "unknown key in a fault": (f"{FAULT}when = 3\n", "line 8: fault 1: when is no key"),
    "unknown key in an event": ('[[event]]\nat = "1m"\nwhat = 3\n', "line 7: event 1: what is no"),
    "unknown key in a meter": ('[[meter]]\nnmae = "1"\n', "line 6: meter 1: nmae is no key"),
    "unknown key in expect": (
        "orderz = 3\n",
        "line 5: expect.orderz is no key; known here: orders",
    ),
    "unknown key in evidence": (
        "[evidence]\nportal = false\n",
        "line 6: evidence.portal is no key",
    ),
    "unknown key in sweep": ("[sweep]\nexpect = false\n", "known here: own_seed_only"),
    "unknown key in scatter": ("[scatter]\norders = 5\n", "line 6: scatter.orders is no key"),
    "unknown key in head_end": ("[head_end.order]\n", "line 5: head_end.order is no key"),
    "unknown key in a policy": (
        "[head_end.orders]\ntries = 3\n",
        "line 6: head_end.orders.tries is no key; known here: deadline_s, tries_max",
    ),
    "wrong type in a policy": (
        '[head_end.field]\nack_timeout_s = "5s"\n',
        "line 6: head_end.field.ack_timeout_s takes a number",
    ),
    "unknown kind of order": (
        '[[order]]\nat = "1m"\nkind = "reconnect"\n',
        "line 7: order 1: kind takes one of arm, connect, disconnect, load-off, load-on, ",
    ),
    "campaign for firmware without an image": (
        '[[campaign]]\nat = "1m"\nkind = "update-firmware"\nconcentrator = "C-001"\n',
        "has an image if it is an update-firmware, and only then",
    ),
    "unknown kind of fault": (
        '[[fault]]\nkind = "fire"\ntarget = "C-001"\n',
        "line 6: fault 1: kin",
    ),
    "unknown event": ('[[event]]\nat = "1m"\ndo = "dance"\n', "takes one of commercial-down"),
    "unknown unit of time": ('[[order]]\nat = "5 minutes"\nkind = "connect"\n', DURATION),
    "empty duration": ('[[order]]\nat = ""\nkind = "connect"\n', DURATION),
    "number for a duration": ('[[order]]\nat = 5\nkind = "connect"\n', DURATION),
    "parts of a duration in disorder": (
        f'{FAULT}until = "5m1h"\n',
        f"line 8: fault 1: until {DURATION}",
    ),
    "missing target": (
        '[[fault]]\nkind = "modem"\n',
        "line 5: fault 1: target is missing; it takes",
    ),
    "missing time": ('[[order]]\nkind = "connect"\n', f"order 1: at is missing; it {DURATION}"),
    "share above one": (
        f"{FAULT}share = 50.0\n",
        "line 8: fault 1: share takes a number from 0 to 1",
    ),
    "no meters at all": ("[field]\nmeters = 0\n", "field.meters takes a whole number from 1"),
    "number for a meter": (
        f"{ORDER}".replace('"90000001"', "90000001"),
        "order 1: meter takes text",
    ),
    "amount with its unit": (
        '[[order]]\nat = "1m"\nkind = "set-limit"\nmeter = "90000001"\namount = "3300W"\n',
        "line 9: order 1: amount takes an amount like 3300 or 3.3; its unit goes into unit",
    ),
    "amount that is a number": (f"{ORDER}amount = 3300\n", "line 9: order 1: amount takes text"),
    "amount of a connect": (
        f'{ORDER}amount = "1"\n',
        "line 5: order 1 has an amount if it is a set",
    ),
    "limit without amount": (ORDER.replace("connect", "set-limit"), "order 1 has an amount if it"),
    "order for no meter": (
        '[[order]]\nat = "1m"\nkind = "connect"\n',
        "names either meter or meters",
    ),
    "order for meter and meters": (
        f'{ORDER}meters = ["90000002"]\n',
        "names either meter or meters",
    ),
    "step of no clock": (f"{FAULT}step_s = 5\n", "fault 1 has a step_s or a drift_ppm if"),
    "clock without a step": (
        FAULT.replace("modem", "clock"),
        "fault 1 has a step_s or a drift_ppm",
    ),
    "change that no number holds": (
        f"{FAULT.replace('modem', 'noise')}snr_change_db = 1e308\n",
        "line 8: fault 1: snr_change_db takes a number from -200 to 200",
    ),
    "change that is no number": (
        f"{FAULT.replace('modem', 'noise')}snr_change_db = nan\n",
        "fault 1: snr_change_db takes a number from -200 to 200",
    ),
    "share that is no number": (
        f"{FAULT.replace('modem', 'packet-loss')}share = nan\n",
        "fault 1: share takes a number from 0 to 1",
    ),
    "step beyond the calendar": (
        f"{FAULT.replace('modem', 'clock')}step_s = 9999999999999\n",
        "fault 1: step_s takes a whole number from -315360000 to 315360000",
    ),
    "clock that runs backwards": (
        f"{FAULT.replace('modem', 'clock')}drift_ppm = -2000000\n",
        "fault 1: drift_ppm takes a whole number from -100000 to 100000",
    ),
    "error that is none": (
        '[[fault]]\nkind = "callback-error"\ncode = 200\n',
        "fault 1: code is a status of HTTP that tells of an error",
    ),
    "line that nobody has": (
        '[[fault]]\nkind = "line-cut"\ntarget = "all"\n',
        "fault 1 is of a meter's own line; none has one",
    ),
    "fault over before it begins": (
        f'{FAULT}at = "5m"\nuntil = "5m"\n',
        "line 9: fault 1: until does not come after at",
    ),
    "reason that is none": (
        "failed = { sim-falt = 1 }\n",
        "line 5: expect.failed names 'sim-falt'",
    ),
    "count that is text": ('failed = { sim-fault = "1" }\n', "expect.failed takes a whole number"),
    "state of supply that is none": (
        'supply = { 90000001 = "off" }\n',
        "connected, disconnected, re",
    ),
    "question to nobody": (
        ASK.replace("C-001", "C-002"),
        "line 6: ask 1: concentrator names 'C-002', which the field lacks",
    ),
    "question that there is not": (
        ASK.replace("state", "weather"),
        "faults, reboot, state, task, topology",
    ),
    "task without objects": (ASK.replace("state", "task"), "ask 1 is a task, which names objects"),
    "question with objects": (
        f'{ASK}objects = ["energy"]\n',
        "ask 1 has meters and objects if it is a task, and only then",
    ),
    "question when all is over": (
        ASK.replace("1m", "1h"),
        "line 7: ask 1: at comes when the story is over",
    ),
    "expected of a question that there is not": (
        "activities = { weather = { answered = 1 } }\n",
        "line 5: expect.activities names 'weather'; see [[ask]]",
    ),
    "expected of a state that there is not": (
        "activities = { state = { done = 1 } }\n",
        "line 5: expect.activities names 'done'; see [[ask]]",
    ),
    "own seed for nothing": (
        '[sweep]\nown_seed_only = ["done"]\n',
        "line 6: sweep.own_seed_only names 'done', which is not expected",
    ),
    "scatter that ends first": (
        '[scatter]\nbegin = "5m"\nend = "1m"\nmeters = 1\n',
        "line 7: scatter.end does not come after begin",
    ),
    "scatter over too many": (
        '[scatter]\nbegin = "5m"\nend = "9m"\nmeters = 61\n',
        "line 8: scatter.meters is more than the field's 60",
    ),
    "order when all is over": (
        ORDER.replace("1m", "1h"),
        "line 6: order 1: at comes when the story is over; its duration is 1h",
    ),
    "cancelled when all is over": (
        f'{ORDER}cancel_at = "2h"\n',
        "line 9: order 1: cancel_at comes",
    ),
    "fault when all is over": (f'{FAULT}at = "61m"\n', "line 8: fault 1: at comes when the story"),
    "event when all is over": (
        '[[event]]\nat = "1h"\ndo = "commercial-down"\n',
        "line 6: event 1: at comes when the story is over",
    ),
    "scatter when all is over": (
        '[scatter]\nbegin = "5m"\nend = "2h"\nmeters = 1\n',
        "line 7: scatter.end comes when the story is over",
    ),
    "time without end": (f'{ORDER}deadline = "99999d"\n', f"order 1: deadline {DURATION}"),
    "contract that is no number": (
        '[[meter]]\nname = "90000001"\ncontracted_w = "10 kW"\n',
        "line 7: meter 1: contracted_w takes watts, like 10000",
    ),
    "meter in front of its transformer": (
        '[[meter]]\nname = "90000001"\ndistance_m = -5.0\n',
        "meter 1: distance_m takes a number from 0",
    ),
    "country that is none": (
        '[head_end.orders]\ncountry = "XX"\n',
        "line 5: head_end.orders names a country or zone that is not known",
    ),
    "no TOML": ("orders = \n", "no TOML: Invalid value (at line 5, column 10)"),
}
# What only the field can tell: it is refused before the story begins.
UNPLAYABLE = {
    "task for a meter of nobody's": (
        ASK.replace('"state"', '"task"\nobjects = ["1.0.1.8.0.255"]\nmeters = ["4711"]'),
        "ask task of C-001: not behind concentrator C-001: 4711",
    ),
    "meter that is not there": (
        '[[meter]]\nname = "90000061"\n',
        "meter 90000061: the field has 90000001 to 90000060",
    ),
    "expected of a meter that is not there": (
        'limit = { 4711 = "1" }\n',
        "meter 4711: the field has",
    ),
    "fault at no concentrator": (
        FAULT.replace("C-001", "C-002"),
        "fault 1: modem hits one of C-001 to C-001, an area or all, not 'C-002'",
    ),
    "fault of a meter at another's": (
        FAULT.replace("modem", "meter-silent").replace("C-001", "90000061"),
        "fault 1: meter-silent hits one of 90000001 to 90000060, an area or all, not '90000061'",
    ),
    "code that its kind has not": (
        f"{FAULT}code = 103\n",
        "fault modem at C-001: 103 is no code of it",
    ),
}


@pytest.mark.parametrize(("rest", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(rest: str, says: str) -> None:
    text = HEAD + rest if rest else HEAD.replace("about", "abut")
    with pytest.raises(BadScenario) as refusal:
        parse(text)
    assert says in str(refusal.value)


@pytest.mark.parametrize(("rest", "says"), UNPLAYABLE.values(), ids=UNPLAYABLE)
def test_unplayable(rest: str, says: str) -> None:
    with pytest.raises(BadScenario) as refusal:
        run(parse(HEAD + rest))
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("start = 2026", 'timezone = "Mars/Base"\nstart = 2026'),
            "line 2: timezone 'Mars/Base' is",
        ),
        (("2026", "9999"), "line 2: start takes a date from 2000 to 2100"),
        (("10:00:00", "10:00:00Z"), "line 2: start takes local time; its zone goes into timezone"),
        (("10:00:00", "25:00:00"), "no TOML"),
        (('"1h"', '"soon"'), f"line 3: duration {DURATION}"),
        (("[expect]", ""), "expect is missing; it takes a table of orders, done"),
    ],
)
def test_refused_head(change: tuple[str, str], says: str) -> None:
    with pytest.raises(BadScenario) as refusal:
        parse(HEAD.replace(*change))
    assert says in str(refusal.value)


def test_the_parts_alone_are_good() -> None:
    parse(HEAD + ORDER + FAULT + ASK)


@pytest.mark.parametrize("at", ["1h", "2h", "60m", "3600s"])
def test_nothing_that_is_never_reached(at: str) -> None:
    """A story whose order would never be sent must not pass in silence."""
    with pytest.raises(BadScenario, match="its duration is 1h"):
        parse(HEAD + ORDER.replace("1m", at))
    parse(HEAD + ORDER.replace("1m", "59m59s"))


VACUOUS = {"": True, "limit = {}": True, "findings = {}": True, "orders = 0": False}
VACUOUS |= {"failed = {}": False, "answers = []": False, 'limit = { 90000001 = "1" }': False}


@pytest.mark.parametrize(("told", "nothing"), VACUOUS.items())
def test_expecting_nothing(told: str, nothing: bool) -> None:
    assert parse(f"{HEAD}{told}\n").expect.nothing is nothing


DURATIONS = {"90s": 90, "5m": 300, "1h30m": 5400, "1d2h3m4.5s": 93784.5, "0s": 0, "12.5s": 12.5}


@pytest.mark.parametrize(("text", "value"), DURATIONS.items())
def test_duration(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "5min", "1.5m", "-5s", "1h 30m", "s", "5m1h", "５s"])
def test_no_duration(text: str) -> None:
    with pytest.raises(BadScenario):
        seconds(text)


def test_file(tmp_path: Path) -> None:
    file = tmp_path / "story.toml"
    file.write_text(HEAD + "orderz = 3\n")
    with pytest.raises(BadScenario, match=r"story\.toml: line 5: expect\.orderz is no key"):
        read(file)
    with pytest.raises(BadScenario, match=r"absent\.toml: No such file"):
        read(tmp_path / "absent.toml")


def test_stories_by_name_and_by_path(tmp_path: Path) -> None:
    name = "a-limit-is-set-and-read-back"
    shelved = stories.path_of(name)
    assert stories.path_of(f"{name}.toml") == stories.path_of(str(shelved)) == shelved
    assert name in stories.names()
    for absent in ("no-such-story", "../library/a-bad-day", str(tmp_path), ""):
        with pytest.raises(BadScenario, match="neither a file nor a story"):
            stories.path_of(absent)
