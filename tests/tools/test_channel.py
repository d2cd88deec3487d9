"""`ami channel`: the definitions, told in numbers; wrong usage; JSON for comparison."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tools.channel import app
from tools.channel.curve import wilson

ZERO_DB_DBPSK = 0.5 * math.exp(-1)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def told(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_uncoded_curve_is_the_closed_form() -> None:
    curve = told("curve", "--scheme", "dbpsk", "--snr=-5,0,5", "--bits", "100")
    assert [point["snr_db"] for point in curve["points"]] == [-5, 0, 5]
    middle = curve["points"][1]
    assert middle["ber"] == pytest.approx(ZERO_DB_DBPSK)
    assert middle["fer"] == pytest.approx(1 - (1 - ZERO_DB_DBPSK) ** 100)
    assert (curve["bits"], curve["fec"], curve["noise"], curve["seed"]) == (
        100,
        False,
        "awgn",
        None,
    )


def test_a_curve_under_impulses() -> None:
    words = ("curve", "--scheme", "dqpsk", "--noise", "middleton", "--snr=10")
    default = told(*words)
    assert (default["a"], default["gamma"]) == (1.47e-4, 0.1)
    worse = told(*words, "--a", "0.1", "--gamma", "0.01")
    assert worse["points"][0]["ber"] > default["points"][0]["ber"]


# Check points of a hard-decision run, 250-bit blocks, DBPSK: raw, coded BER, block errors; their
# number of blocks is not known (2,000 fits), hence the width.
CHECK_POINTS = {
    3: (0.0680, 0.0155, 0.337, 0.2),
    4: (0.0408, 0.00112, 0.048, 0.4),
}


@pytest.mark.parametrize("snr_db", CHECK_POINTS)
def test_a_coded_curve_meets_the_check_points(snr_db: int) -> None:
    raw, coded, block, width = CHECK_POINTS[snr_db]
    curve = told(
        "curve", "--scheme", "dbpsk", "--fec", f"--snr={snr_db}", "--bits", "250",
        "--frames-max", "6000", "--seed", "7",
    )  # fmt: skip
    (point,) = curve["points"]
    assert point["raw_ber"] == pytest.approx(raw, rel=0.02)
    assert point["ber"] == pytest.approx(coded, rel=width)
    assert point["fer"] == pytest.approx(block, rel=width)
    assert point["fer_low"] < point["fer"] < point["fer_high"]
    assert point["ber_low"] < point["ber"] < point["ber_high"]
    assert point["frames_lost"] <= point["frames"] <= 6000


def test_the_same_seed_gives_the_same_coded_curve() -> None:
    words = (
        "curve", "--scheme", "d8psk", "--fec", "--noise", "mains", "--snr=13", "--bits", "96",
        "--frames-max", "500",
    )  # fmt: skip
    first, again, other = told(*words), told(*words), told(*words, "--seed", "2")
    assert first == again
    assert first["points"][0]["ber"] != other["points"][0]["ber"]


def test_long_coded_frames_die_of_impulses_where_short_ones_live() -> None:
    words = (
        "curve", "--scheme", "dbpsk", "--fec", "--noise", "middleton", "--snr=12",
        "--frames-max", "500",
    )  # fmt: skip
    short, long = (told(*words, "--bits", bits)["points"][0]["fer"] for bits in ("90", "1146"))
    assert short == pytest.approx(0.14, abs=0.06)  # 2 symbols: .14 of frames are hit
    assert long == pytest.approx(0.84, abs=0.06)  # 24 symbols: .84


def test_a_table_and_a_plot_for_people() -> None:
    result = run("curve", "--scheme", "dbpsk", "--snr=0,2,4", "--plot")
    assert result.exit_code == 0
    assert "0.1839" in result.stdout and "log10" in result.stdout


WRONG = {
    "no ratio": ("curve", "--scheme", "dbpsk", "--snr", "x"),
    "not a number": ("curve", "--scheme", "dbpsk", "--snr", "nan"),
    "A without Middleton": ("curve", "--scheme", "dbpsk", "--snr", "1", "--a", "0.1"),
    "no such A": (
        "curve", "--scheme", "dbpsk", "--snr", "1", "--noise", "middleton", "--a", "0",
    ),
    "no such scheme": ("curve", "--scheme", "bpsk", "--snr", "1"),
    "no bits": ("curve", "--scheme", "dbpsk", "--snr", "1", "--bits", "0"),
    "a seed past the key of Philox": (
        "curve", "--scheme", "dbpsk", "--fec", "--snr", "1", "--seed", str(2**64),
    ),
    "no meters": ("poll", "--meters", "0", "--distance-m", "100"),
    "a rate of PRIME": ("poll", "--meters", "1", "--distance-m", "9", "--rate-bps", "2400"),
    "a delay of the other": (
        "poll", "--meters", "1", "--distance-m", "9", "--mac", "meters-and-more", "--delay-s", "1",
    ),
    "nine repeaters": ("poll", "--meters", "1", "--distance-m", "100", "--repeaters", "9"),
}  # fmt: skip


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
def test_wrong_usage(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_polling_as_published() -> None:
    report = told("poll", "--meters", "100", "--distance-m", "100")
    assert report["mean_round_trip_s"] == pytest.approx(1.23, rel=0.002)
    assert report["total_s"] == pytest.approx(200 * report["mean_round_trip_s"])
    assert report["meters_read"] == 100 and report["exchanges_per_meter"] == 2


@pytest.mark.parametrize("repeaters, seconds", [("0", 0.36), ("3", 1.5)])
def test_polling_meters_and_more(repeaters: str, seconds: float) -> None:
    report = told(
        "poll", "--meters", "10", "--distance-m", "50", "--mac", "meters-and-more",
        "--repeaters", repeaters,
    )  # fmt: skip
    assert report["mean_round_trip_s"] == pytest.approx(seconds, abs=1e-5)
    assert report["total_s"] == pytest.approx(10 * seconds, abs=1e-4)


def test_nobody_read_ends_badly() -> None:
    result = run("poll", "--meters", "5", "--distance-m", "5000")
    assert result.exit_code == 1
    assert "meters read" in result.stdout


def test_wilson_by_hand() -> None:
    """Newcombe 1998, example: 81 of 263 is .2553 to .3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 100)[0] == 0 and wilson(100, 100)[1] == 1


@pytest.mark.parametrize("bits, frames", [("1", 10), ("48", 5), ("90", 5), ("91", 3)])
def test_short_frames_count_by_the_symbols_that_they_fill(
    monkeypatch: pytest.MonkeyPatch, bits: str, frames: int
) -> None:
    """Else a curve of one-bit frames would send twenty million of them; six tail bits count."""
    monkeypatch.setattr("tools.channel.curve.PAYLOAD_BITS_MAX", 480)
    clear = told("curve", "--scheme", "dbpsk", "--fec", "--snr=30", "--bits", bits)["points"][0]
    assert (clear["frames"], clear["frames_lost"], clear["raw_ber"]) == (frames, 0, 0.0)


KEYS = {
    ("curve", "--scheme", "dbpsk", "--fec", "--snr=0", "--bits", "48"): "curve",
    ("poll", "--meters", "2", "--distance-m", "100"): "poll",
}


@pytest.mark.parametrize("words, verb", KEYS.items())
def test_help_names_every_key_of_the_json(words: tuple[str, ...], verb: str) -> None:
    answer = told(*words)
    told_of = set(answer) | set(answer.get("points", [{}])[0])
    text = run(verb, "--help").output
    assert not [key for key in told_of if key not in text]
