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
    assert f"dirty: {quality}" in told["notes"]
    assert "gaps" not in told, "nothing is missing"
    assert {row["time"] for row in rows} == {row["time"] for row in clean}
    energies = {row["time"]: row["1.0.1.8.0.255"] for row in clean}
    assert all(row["1.0.1.8.0.255"] == energies[row["time"]] for row in rows)


def test_a_clean_profile_has_no_word_on_its_quality(probe: Probe) -> None:
    told = the_rows(probe)
    assert all("quality" not in row for row in told["rows"])
    assert not any("dirty" in note for note in told["notes"])


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
    assert len(told["rows"]) == 200 and "dirty: last-block-unflagged" in told["notes"]
