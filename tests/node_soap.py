"""node's `soap`, from npm, for tests that run it."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

NODE_SOAP = "soap@1.1.0"


def home_of_soap(request: pytest.FixtureRequest) -> Path:
    """A directory with node's `soap`."""
    return home_of(request, NODE_SOAP)


def home_of(request: pytest.FixtureRequest, package: str) -> Path:
    """A directory with a package of node's, NAME@VERSION.  Made once, kept in pytest's cache.
    Skips the test where it cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not on this machine")
    assert request.config.cache is not None
    home = Path(request.config.cache.mkdir(package.replace("@", "-")))
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "node_modules" / package.partition("@")[0]).exists():
            command = ["npm", "install", "--no-audit", "--no-fund", "--silent", package]
            made = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
            if made.returncode:
                said = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
                pytest.skip(f"{package} cannot be installed: {said}")
    return home
