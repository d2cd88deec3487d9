"""A load profile of 96 rows by 8 columns to engineering units, by our decoder and by the peers'.

A clock, a status and six registers of different types and scalers.  Every decoder is a process of
its own; the sums of all columns must agree.
"""

from __future__ import annotations

import datetime
import json
import statistics
import subprocess
from dataclasses import dataclass
from typing import Any

from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import (
    Array,
    DoubleLong,
    DoubleLongUnsigned,
    Long,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
)
from tools.bench.rivals import COSEM, PYDLMS, Rival

OURS = Rival("ours", "ours_profile.py")
COSEM_21 = Rival("dlms-cosem 21.3.2", "cosem_profile.py", COSEM)
GURUX = Rival("gurux-dlms 1.0.203", "gurux_profile.py")
PEERS = (COSEM_21, Rival("pydlms-client 0.1.0", "pydlms_profile.py", PYDLMS), GURUX)

ROWS = 96
SCALERS = (0, 0, 0, -1, -2, -1, 2)
"""Of the columns after the clock: status, Wh in and out, V, A, angle, W."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Median CPU milliseconds of one buffer; None where a decoder could not run."""

    turns: int
    median_ms: dict[str, float | None]

    def ratio(self, peer: str) -> float | None:
        """How many times as long as ours that peer takes."""
        ours, theirs = self.median_ms[OURS.name], self.median_ms[peer]
        return theirs / ours if ours and theirs else None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "bench": "profile-decode",
            "rows": ROWS,
            "columns": 1 + len(SCALERS),
            "turns": self.turns,
            "cpu_ms": self.median_ms,
            "ratio_to_dlms_cosem": self.ratio(COSEM_21.name),
            "aim_to_dlms_cosem": 20.0,
            "ratio_to_gurux": self.ratio(GURUX.name),
            "aim_to_gurux": 50.0,
        }


def compare(*, turns: int, rounds: int) -> Comparison:
    """Run every decoder `rounds` times in turn.  Raises RuntimeError when their sums differ."""
    task = json.dumps({"octets": buffer().hex(), "scalers": SCALERS, "turns": turns})
    spent: dict[str, list[float]] = {rival.name: [] for rival in (OURS, *PEERS)}
    sums: list[float] = []
    for _ in range(rounds):
        for rival in (OURS, *PEERS):
            command = rival.command(task)
            if command is None:
                continue
            done = subprocess.run(command, capture_output=True, env=rival.environment, check=False)
            if done.returncode:
                last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
                raise RuntimeError(f"{rival.name} ended with exit {done.returncode}: {last}")
            result = json.loads(done.stdout)
            sums = sums or result["sums"]
            if result["sums"] != sums:
                raise RuntimeError(f"{rival.name} found sums {result['sums']}, {OURS.name} {sums}")
            # The first tenth warms up.
            spent[rival.name] += [ns / 1e6 for ns in result["spent_ns"][turns // 10 :]]
    medians = {n: statistics.median(ms) if ms else None for n, ms in spent.items()}
    return Comparison(turns * rounds, medians)


def buffer() -> bytes:
    """A day of quarter hours, as a meter sends attribute 2 of its load profile."""
    zone = datetime.timezone(datetime.timedelta(hours=-4))
    midnight = datetime.datetime(2026, 7, 6, tzinfo=zone)
    return axdr.encode(Array(_row(midnight, n) for n in range(ROWS)))


def _row(midnight: datetime.datetime, n: int) -> Structure:
    moment = DateTime.from_datetime(midnight + datetime.timedelta(minutes=15 * n))
    return Structure(
        (
            OctetString(moment.octets),
            Unsigned(0x08 if n == 40 else 0),
            DoubleLongUnsigned(1_000_000 + 37 * n),
            DoubleLongUnsigned(5_000),
            LongUnsigned(2_301 + n % 7),
            LongUnsigned(512 + n % 11),
            Long(-4 - n),
            DoubleLong(77 - 3 * n),
        )
    )
