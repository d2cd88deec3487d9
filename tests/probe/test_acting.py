"""What changes something: proved by reading back, asked for first, written down, or withheld."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from protocols.dlms.date_time import DateTime
from protocols.dlms.objects.clock import Clock
from tests.probe.bench import Bench, Probe, a_meter, acting, bench, tcp
from tools.probe.clock import oddities

LIMIT_SENT = "SET limiter 0.0.17.0.0.255 (class 71) attribute 4 := 3300"


def limit_of(meter: Bench) -> int:
    return int(meter.meter.limiter.threshold_normal)


def test_a_limit_is_set_read_back_and_removed(probe: Probe, meter: Bench) -> None:
    told = probe.json("limit", "--set", "3.3kW", "--port", meter.port, env=meter.secrets())
    assert told["limit"] == 3300 and told["units"]["limit"] == "W" and told["before"] is None
    assert limit_of(meter) == 3300
    assert probe.json("limit", "--port", meter.port, env=meter.password())["limit"] == 3300
    told = probe.json("limit", "--remove", "--port", meter.port, env=meter.secrets())
    assert told["limit"] is None and told["before"] == 3300
    assert limit_of(meter) == 0xFFFFFFFF
    assert acting(probe.journal())[0] == LIMIT_SENT


WRONG_LIMITS = {
    ("--set", "3300"): (2, "is no limit"),
    ("--set", "3300kVar"): (2, "is no limit"),
    ("--set", "-5W"): (2, "is no limit"),
    ("--set", "1W", "--remove"): (2, "contradict each other"),
    ("--set", "3300.5W"): (1, "in the steps of the meter's register"),
    ("--set", "16A", "--yes"): (1, "in the steps of the meter's register"),
}


@pytest.mark.parametrize("words", WRONG_LIMITS)
def test_a_limit_that_cannot_be(words: tuple[str, ...], probe: Probe, meter: Bench) -> None:
    before = limit_of(meter)
    result = probe("limit", *words, "--port", meter.port, env=meter.secrets())
    code, text = WRONG_LIMITS[words]
    assert result.exit_code == code and text in result.stderr, result.output
    assert limit_of(meter) == before and not acting(probe.journal())


# Cutting supply.


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "nope\nn\n"])
def test_no_answer_but_yes_cuts_a_supply(answer: str, probe: Probe, meter: Bench) -> None:
    result = probe("disconnect", "--port", meter.port, env=meter.secrets(), says=answer)
    assert result.exit_code == 1 and "not confirmed" in result.stderr, result.output
    assert meter.number in result.stderr and "2\N{NARROW NO-BREAK SPACE}000 W" in result.stderr
    assert "cut the supply" in result.stderr
    assert meter.meter.output_on and not acting(probe.journal())


def test_yes_cuts_it_and_gives_it_back(probe: Probe, meter: Bench) -> None:
    result = probe("disconnect", "--port", meter.port, env=meter.secrets(), says="y\n")
    assert result.exit_code == 0 and "read back from the meter" in result.stderr, result.output
    assert not meter.meter.output_on
    again = probe.json("disconnect", "--yes", "--port", meter.port, env=meter.secrets())
    assert again["notes"] == ["it was so already; nothing was sent"] and not again["output_on"]
    told = probe.json("reconnect", "--yes", "--port", meter.port, env=meter.secrets())
    assert told["output_on"] and meter.meter.output_on
    assert [text.partition(" (")[0] for text in acting(probe.journal())] == [
        "ACTION disconnect control 0.0.96.3.10.255",
        "ACTION disconnect control 0.0.96.3.10.255",
    ]


def test_a_relay_that_is_stuck_is_told(probe: Probe) -> None:
    device = a_meter()
    device.faults.relay_stuck = True
    with bench(tcp(), meter=device) as shown:
        told = probe.json("disconnect", "--yes", "--port", shown.port, env=shown.secrets(), code=1)
    assert told["reason"] == "not-applied" and "did not switch" in told["why"]


# A limit that what runs through the meter (here 2000 W) may exceed cuts the supply as well.


@pytest.mark.parametrize("limit", ["0W", "1.9kW", "2000W", "2kVA", "16A"])
def test_a_limit_that_may_cut_the_supply_is_asked_about(
    limit: str, probe: Probe, meter: Bench
) -> None:
    result = probe("limit", "--set", limit, "--port", meter.port, env=meter.secrets(), says="n\n")
    assert result.exit_code == 1 and "not confirmed" in result.stderr, result.output
    assert meter.number in result.stderr and "2\N{NARROW NO-BREAK SPACE}000 W" in result.stderr
    assert "cut the supply" in result.stderr
    assert limit_of(meter) == 0xFFFFFFFF and not acting(probe.journal())


@pytest.mark.parametrize("more", [(), ("--yes",)])
def test_whoever_says_yes_gets_a_limit_below_the_load(
    more: tuple[str, ...], probe: Probe, meter: Bench
) -> None:
    words = ("limit", "--set", "500W", *more, "--port", meter.port)
    result = probe(*words, env=meter.secrets(), says="" if more else "y\n")
    assert result.exit_code == 0 and limit_of(meter) == 500, result.output


# Dry runs.

DRY = {
    ("limit", "--set", "3300W"): "SET limiter",
    ("limit", "--remove"): "SET limiter",
    ("disconnect",): "method 1 (0)",
    ("clock", "--set", "now"): "SET clock",
}


@pytest.mark.parametrize("words", DRY, ids=" ".join)
def test_a_dry_run_sends_nothing_that_acts(
    words: tuple[str, ...], probe: Probe, meter: Bench
) -> None:
    state = limit_of(meter), meter.meter.output_on
    told = probe.json(*words, "--dry-run", "--port", meter.port, env=meter.secrets())
    assert told["dry_run"] and DRY[words] in told["request"]
    layers = [row["layer"] for row in told["withheld"]]
    assert layers == ["apdu", "frame"]
    apdu, frame = (row["octets"] for row in told["withheld"])
    assert frame.endswith(apdu), "the wrapper's frame holds the APDU"
    assert (limit_of(meter), meter.meter.output_on) == state
    assert probe.journal()[-1]["facts"]["result"] == "dry run" and not acting(probe.journal())


# Clocks.


def test_a_clock_that_is_right_is_left_alone(probe: Probe, meter: Bench) -> None:
    told = probe.json("clock", "--sync", "--port", meter.port, env=meter.secrets())
    assert abs(told["drift_s"]) < 1 and not acting(probe.journal())


@pytest.mark.parametrize("off_s, how", [(20, "shifting"), (-45, "shifting"), (4000, "setting")])
def test_a_clock_that_is_off_is_set_right(off_s: int, how: str, probe: Probe, meter: Bench) -> None:
    shown = probe.json("clock", "--port", meter.port, env=meter.secrets())["time"]
    wrong = datetime.fromisoformat(shown.replace(" +", "+")) + timedelta(seconds=off_s)
    told = probe.json("clock", "--set", wrong.isoformat(), "--port", meter.port,
                      env=meter.secrets())  # fmt: skip
    # Some seconds may pass between the two commands on a busy machine.
    assert told["how"] == "setting" and off_s - 30 < told["drift_after_s"] <= off_s + 1
    told = probe.json("clock", "--sync", "--port", meter.port, env=meter.secrets())
    assert off_s - 30 < told["drift_s"] <= off_s + 1
    assert told["how"] == how and abs(told["drift_after_s"]) < 2
    verb = "ACTION clock" if how == "shifting" else "SET clock"
    assert acting(probe.journal())[-1].startswith(verb)


NOON_UTC = datetime(2026, 7, 6, 12, tzinfo=UTC)
ODD = {
    # local time and deviation as sent, at noon UTC in Santiago: what is said
    "right": (datetime(2026, 7, 6, 8), 240, ""),
    "wrong sign": (datetime(2026, 7, 6, 8), -240, "wrong sign; meant so, it is ahead by 0 s"),
    "ten seconds ahead besides": (datetime(2026, 7, 6, 8, 0, 10), -240, "ahead by 10 s"),
    "simply wrong": (datetime(2026, 7, 6, 9), 240, ""),
}


@pytest.mark.parametrize("local, deviation_min, said", ODD.values(), ids=ODD)
def test_a_clock_that_says_its_time_oddly(local: datetime, deviation_min: int, said: str) -> None:
    told = replace(DateTime.from_datetime(local), deviation_min=deviation_min)
    facts = oddities(Clock(told), NOON_UTC)
    assert (said in str(facts[0].value)) if said else facts == ()


def test_a_time_without_a_zone_is_refused(probe: Probe, meter: Bench) -> None:
    result = probe("clock", "--set", "2026-01-01T00:00", "--port", meter.port, env=meter.secrets())
    assert result.exit_code == 2 and "names no zone" in result.stderr
