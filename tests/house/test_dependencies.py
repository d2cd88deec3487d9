"""Every package is declared, used, pinned and named with its licence."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.house.dependencies import declared, installed_with, licence_stated
from tests.house.source import PACKAGES, ROOT, imported, python_files, read

CONSTRAINTS = dict(
    line.split("==") for line in read(Path("constraints.txt")).splitlines() if "==" in line
)
LICENCES = {
    row[0].strip(): (row[1].strip(), row[2].strip())
    for row in re.findall(
        r"^\| ([a-z0-9-]+) \| ([^|]+) \| ([^|]+) \| [^|]*\|$",
        read(Path("docs/licences.md")),
        re.MULTILINE,
    )
    if row[0].strip() != "package"
}

# uvicorn, zoneinfo and SQLAlchemy look for them by name
NOT_IMPORTED = {"httptools", "tzdata", "psycopg"}

NEVER = {
    "pydlms": "GPL-3.0-only",
    "pydlms_client": "GPL-3.0-only",
    "dlms_cosem": "BUSL-1.1 from 24 on",
    "gurux_serial": "GPL-2.0-only, and pyserial serves",
    "amqtt": "loses QoS 1 messages",
}

# The packages that the customer asked for, and what we import of them.
CUSTOMERS = {
    "gurux-dlms": "gurux_dlms",
    "asyncio-mqtt, now aiomqtt": "aiomqtt",
    "SimPy": "simpy",
    "Spyne": "spyne",
    "SQLAlchemy": "sqlalchemy",
    "pyserial": "serial",
    "scapy": "scapy",
}


# Run by another's interpreter, in an environment and a process of its own.
PEERS = {
    "tests/dlms_engines/pydlms_blocks.py",
    "tests/dlms_engines/pydlms_writes.py",
    "tests/dlms_security/pydlms_secured.py",
} | {
    str(path)
    for path in python_files("tools", "tests")
    if path.parent.name in ("clients", "programs")
}


def imports(*folders: str) -> dict[str, list[str]]:
    """Top-level names that files import, and where."""
    found: dict[str, list[str]] = {}
    for path in python_files(*folders):
        if str(path) in PEERS:
            continue
        for name, line in imported(path):
            found.setdefault(name.partition(".")[0], []).append(f"{path}:{line}")
    return found


def distributions_of(folders: tuple[str, ...]) -> set[str]:
    ours = {*PACKAGES, "tests"}
    known = packages_distributions()
    names = set(imports(*folders)) - ours - set(sys.stdlib_module_names)
    return {canonicalize_name(known[name][0]) if name in known else name for name in names}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    assert distributions_of(PACKAGES) | NOT_IMPORTED == declared(
        "demo", "dask", "opcua", "postgresql", "warehouse"
    )


def test_what_tests_import_is_declared() -> None:
    declared_for_tests = declared("test", "prove")
    assert distributions_of(("tests",)) - declared_for_tests == {"pip"}  # it is asked who it asks


def test_every_version_is_pinned_and_no_pin_is_left_over() -> None:
    needed = installed_with("test")
    pinned = {canonicalize_name(name) for name in CONSTRAINTS}
    assert pinned == needed


def test_the_installed_versions_are_the_pinned_ones() -> None:
    """Otherwise a green run would say nothing of what others install."""
    assert {name: version(name) for name in CONSTRAINTS} == CONSTRAINTS


def test_every_package_is_named_with_the_licence_that_it_states() -> None:
    needed = installed_with("test")
    assert {name: stated for name, (_, stated) in LICENCES.items()} == {
        name: licence_stated(name) for name in needed
    }


def test_no_licence_came_in_that_the_page_does_not_weigh() -> None:
    weighed = {
        "MIT", "MIT-0", "MIT-CMU", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Zlib", "CC0-1.0",
        "PSF-2.0", "MPL-2.0", "Apache-2.0", "EPL-2.0", "LGPL-2.1-or-later", "LGPL-3.0-only",
        "LGPL-3.0-or-later", "GPL-2.0-only",
    }  # fmt: skip
    for name, (spdx, _) in LICENCES.items():
        assert set(re.split(r" (?:AND|OR) ", spdx)) <= weighed, name
    only = {name for name, (spdx, _) in LICENCES.items() if "GPL-2.0-only" in spdx}
    assert only == {"gurux-dlms", "scapy"}


def test_what_must_not_be_imported_is_not() -> None:
    found = imports(*PACKAGES, "tests")
    assert {name: found[name] for name in NEVER if name in found} == {}


def test_nothing_of_ours_imports_what_a_peer_runs() -> None:
    ours = {name for path in python_files(*PACKAGES, "tests") for name, _ in imported(path)}
    for peer in PEERS:
        assert (ROOT / peer).is_file()
        assert peer.removesuffix(".py").replace("/", ".") not in ours
        # A folder without __init__.py is no package, so nothing can come to import it by accident.
        alone = peer.startswith("tests/") and "/programs/" not in peer
        assert alone or not (ROOT / peer).with_name("__init__.py").exists()


def test_what_the_customer_asked_for_is_used() -> None:
    found = imports(*PACKAGES)
    assert [name for name, module in CUSTOMERS.items() if module not in found] == []
