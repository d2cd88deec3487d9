"""What the probe makes of dirty meters: it reads on, says what was odd, and shows what came."""

from __future__ import annotations

from typing import Any

import pytest

from devices.clock import wall_clock
from tests.probe.bench import Probe, a_meter, bench, tcp

ROWS = 24


def the_rows(probe: Probe, *faults: str) -> dict[str, Any]:
    """The last rows of the daily profile, which end at midnight."""
    meter = a_meter()
    for fault in faults:
        meter.set_fault(fault, now=wall_clock())
    with bench(tcp(), meter=meter) as shown:
        return probe.json(
            "profile", "daily-profile", "--entries", ROWS, "--port", shown.port,
            env=shown.password(),
        )  # fmt: skip


DIRTY = {
    # fault: (quality, how many rows have it, what the octets of each show)
    "invalid-dates": ("no-such-date", 4, lambda octets: octets[2:4] == b"\2\x1e"),
    "rows-twice": ("repeated", 4, lambda octets: octets[5:8] == bytes(3)),
    "rows-shuffled": ("out-of-order", 4, lambda octets: octets[5:8] == bytes(3)),
    "hundredths-as-ms": ("hundredths-too-many", ROWS, lambda octets: octets[8] == 250),
}


@pytest.mark.parametrize("fault", DIRTY)
def test_a_profile_with_odd_times_is_read_flagged_and_shown_as_it_came(
    fault: str, probe: Probe
) -> None:
    quality, count, kept = DIRTY[fault]
    clean = the_rows(probe)["rows"]
    told = the_rows(probe, fault)
    rows, odd = told["rows"], [row for row in told["rows"] if row["quality"] is not None]
    assert [row["quality"] for row in odd] == [quality] * count
    assert all(kept(bytes.fromhex(row["time_octets"])) for row in odd)
    assert all(row["time_octets"] is None for row in rows if row not in odd)
    assert told["quality"] == quality
    assert "gaps" not in told, "nothing is missing"
    assert {row["time"] for row in rows} == {row["time"] for row in clean}
    energies = {row["time"]: row["1.0.1.8.0.255"] for row in clean}
    assert all(row["1.0.1.8.0.255"] == energies[row["time"]] for row in rows)


def test_a_clean_profile_has_no_word_on_its_quality(probe: Probe) -> None:
    told = the_rows(probe)
    assert all("quality" not in row for row in told["rows"])
    assert "quality" not in told


def test_blocks_of_which_none_is_the_last(probe: Probe) -> None:
    meter = a_meter()
    meter.set_fault("last-block-unflagged", now=wall_clock())
    with bench(tcp(), meter=meter) as shown:
        told = probe.json(
            "profile",
            "--entries",
            200,
            "--model",
            "sim-3p",
            "--port",
            shown.port,
            env=shown.password(),
        )
    assert len(told["rows"]) == 200 and told["quality"] == "last-block-unflagged"


CLOCK, FIRMWARE, SERIAL, ENERGY = "0.0.1.0.0/2", "1.0.0.2.0/2", "0.0.96.1.0/2", "1.8.0"
VALUES = {
    # fault: (what is odd about which object, what is in its octets)
    "clock-twice": ({"0.0.1.0.0.255": "trailing-octets"}, lambda octets: len(octets) == 28),
    "hundredths-as-ms": ({"0.0.1.0.0.255": "hundredths-too-many"}, lambda octets: 250 in octets),
    "nul-in-strings": (
        {"1.0.0.2.0.255": "nul-characters", "0.0.96.1.0.255": "nul-characters"},
        lambda octets: octets.endswith(b"\0"),
    ),
    "firmware-unreadable": (
        {"1.0.0.2.0.255": "nul-characters, not-text"},
        lambda octets: b"\xff\xfe" in octets,
    ),
}


@pytest.mark.parametrize("fault", VALUES)
def test_an_odd_reading_has_its_word_and_its_octets_beside_it(fault: str, probe: Probe) -> None:
    odd, kept = VALUES[fault]
    meter = a_meter()
    meter.set_fault(fault, now=wall_clock())
    words = ("read", CLOCK, FIRMWARE, SERIAL, ENERGY, "--port")
    with bench(tcp(), meter=meter) as shown:
        told = probe.json(*words, shown.port, env=shown.password())
        table = probe(*words, shown.port, env={**shown.password(), "COLUMNS": "200"})
    rows = {row["obis"]: row for row in told["readings"]}
    assert {name: row["quality"] for name, row in rows.items() if row["quality"]} == odd
    assert all(kept(bytes.fromhex(rows[name]["octets"])) for name in odd)
    assert all(rows[name]["octets"] is None for name in rows if name not in odd)
    assert all(row["value"] is not None for row in rows.values()), "it was understood all the same"
    assert table.exit_code == 0 and "dirty" in table.stdout
    assert all(word in table.stdout for words in odd.values() for word in words.split(", "))


def test_clean_readings_have_no_word_on_their_quality(probe: Probe) -> None:
    with bench(tcp()) as shown:
        told = probe.json("read", CLOCK, FIRMWARE, ENERGY, "--port", shown.port,
                          env=shown.password())  # fmt: skip
    assert all("quality" not in row for row in told["readings"])
