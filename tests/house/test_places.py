"""Nothing committed depends on one machine, or on where its packages come from."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.house.source import ROOT, docstring, python_files, read, tracked

# Where people keep their checkouts: paths of no meaning on another machine.
HOMES = re.compile(r"(?<![\w.<])/(?:root|home/\w+|Users/\w+)/|/tmp/\w+_jobs")

# Folders that every Debian has may be named; any other above this checkout belongs to this machine.
EVERYWHERE = {Path(p) for p in ("/", "/home", "/opt", "/srv", "/tmp", "/usr", "/usr/src", "/var")}
HERE = [f"{folder}/" for folder in (ROOT, *ROOT.parents) if folder not in EVERYWHERE]


def _text_files() -> Iterator[tuple[str, str]]:
    for path in tracked():
        try:
            yield str(path), read(path)
        except UnicodeDecodeError:
            continue  # a binary file, such as a capture


def registry_hosts() -> set[str]:
    """Hosts of package registries: pip's own defaults, and what this machine is set up with."""
    from pip._internal.models.index import PyPI

    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    addresses = [PyPI.url, f"https://{PyPI.file_storage_domain}"]
    addresses += re.findall(r"https?://[^\s'\"]+", configured)
    hosts = {urlsplit(address).hostname or "" for address in addresses}
    return hosts - {"", "localhost", "127.0.0.1"}


def test_no_path_of_one_machine() -> None:
    assert HOMES.search("see /home" + "/maria/ami") and not HOMES.search("docs/home/maria/x")
    broken = [
        f"{name}:{number}: {line.strip()}"
        for name, text in _text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if HOMES.search(line) or any(folder in line for folder in HERE)
    ]
    assert broken == []


def test_no_package_registry_is_named() -> None:
    hosts = registry_hosts()
    assert hosts
    broken = [f"{name}: {host}" for name, text in _text_files() for host in hosts if host in text]
    assert broken == []


def test_constraints_hold_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins == sorted(pins, key=str.lower)
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.+]*", pin)] == []


def test_every_module_opens_with_its_idea() -> None:
    silent = [
        str(path)
        for path in python_files("protocols", "devices", "headend", "scenarios", "tools", "tests")
        if read(path).strip() and not docstring(path)
    ]
    assert silent == []
