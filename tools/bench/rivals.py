"""The peers of a comparison: their programs, and an environment of its own for each package.

A peer's licence, or what it needs installed, may not fit ours, so nothing here imports one.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.terminal import complain

CLIENTS = Path(__file__).with_name("clients")
ROOT = Path(__file__).parents[2]

COSEM = "dlms-cosem==21.3.2"
PYDLMS = "pydlms-client[crypto,serial]==0.1.0"


@dataclass(frozen=True, slots=True)
class Rival:
    """One of those compared.  `package` None runs in our own environment, with our own modules."""

    name: str
    script: str
    package: str | None = None
    arguments: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str] | None:
        """Its program with these arguments; None where its package cannot be installed."""
        python = interpreter(self.package)
        if python is None:
            return None
        return [str(python), str(CLIENTS / self.script), *arguments, *self.arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Of its process."""
        return {**os.environ, "PYTHONPATH": str(ROOT) if self.package is None else ""}


def _cache_folder() -> Path:
    """Where peers' environments are kept between runs (XDG Base Directory)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ami-headend" / "peers"


def interpreter(package: str | None) -> Path | None:
    """The interpreter that has this package, installed on first use; None where it cannot be."""
    if package is None:
        return Path(sys.executable)
    home = _cache_folder() / package.replace("[", "-").replace("]", "")
    home.mkdir(parents=True, exist_ok=True)
    python = home / "venv" / "bin" / "python"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two comparisons may begin at once
        if not ((home / "ready").exists() and python.exists()):
            complain(f"installing {package} for the comparison, once ...")
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(home / "venv")],
                [str(python), "-m", "pip", "install", "-q", package],
            ):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                    complain(f"{package} is left out: {last}")
                    return None
            (home / "ready").touch()
    return python
