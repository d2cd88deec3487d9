"""SOAP clients of others, made from SIAD's WSDL unchanged, ask it in all three kinds, page by page.

zeep is Python's, PHP's SoapClient is C, node's `soap` is JavaScript from npm, gSOAP makes C++ from
the WSDL.  Each prints the same four lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zeep
from requests import Session
from zeep.transports import Transport

from headend.app.cim_adapters import serving_adapters
from headend.config.adapters import read as read_adapters
from scenarios.utility import databases
from scenarios.utility.making import make
from scenarios.utility.model import Plan
from scenarios.utility.naming import System, feeder_key
from tests.cim_adapters.utilities import AT
from tests.gsoap import client_of
from tests.node_soap import home_of_soap
from tests.programs import output_of

CLIENTS = Path(__file__).parent / "clients"
REQUESTS = 110  # service requests: three pages
MADE = make(7, AT, Plan(requests=REQUESTS))
SETTINGS = """
page = 50

[door]
port = 0

[[adapter]]
profile = "siad"
source = { kind = "sql", database = "siad.db" }
"""


def expected() -> list[str]:
    """All instances in three pages, one by a filter, a substation's feeders, an unknown class."""
    feeders = sorted(
        feeder_key(System.SIAD, it) for it in MADE.feeders if it.substation.letters == "VEN"
    )
    return [f"3 {REQUESTS}", "1 1 VEN", f"1 {len(feeders)} {' '.join(feeders[:4])}", "FAILED 2.5"]


def same(lines: list[str]) -> bool:
    """Whether a client saw what there is.  Which of several pages' keys come first is its own."""
    first, *rest = lines
    return [" ".join(first.split()[:2]), *rest] == expected()


@asynccontextmanager
async def siad(folder: Path) -> AsyncIterator[str]:
    """The adapter's SOAP address."""
    databases.write(MADE, folder)
    (folder / "adapters.toml").write_text(SETTINGS)
    async with serving_adapters(read_adapters(folder / "adapters.toml")) as running:
        yield running.doors["SIAD"]


def _zeep(address: str, operation: str) -> list[str]:
    session = Session()
    session.trust_env = False
    with session:
        client = zeep.Client(f"{address}?wsdl", transport=Transport(session=session, timeout=60))
        ask = client.service[operation]
        return [
            _line(ask, {"Noun": "CFE_ServiceRequest"}, []),
            _line(ask, {"Noun": "Substation"}, [{"name": "aliasName", "value": "VEN"}]),
            _line(
                ask,
                {"Noun": "Substation", "Property": [{"Name": "asociacion"}]},
                [{"name": "Feeders", "value": "VEN"}],
            ),
            _line(ask, {"Noun": "Coffee"}, []),
        ]


def _line(ask: Callable[..., Any], header: dict[str, Any], options: list[dict[str, str]]) -> str:
    """Pages, instances, and the first keys of what one question gives."""
    pages, keys = 0, list[str]()
    further: list[dict[str, str]] = []
    while True:
        request = {"Option": options, "ID": further}
        reply = ask(Header={"Verb": "get", **header}, Request=request)
        if reply.Reply.Result == "FAILED":
            return f"FAILED {reply.Reply.Error[0].code}"
        pages += 1
        keys += _keys(reply.Payload)
        further = [{"_value_1": it._value_1, "objectType": it.objectType} for it in reply.Reply.ID]
        if not further:
            return f"{pages} {len(keys)} {' '.join(keys[:4])}".strip()


def _keys(payload: Any) -> list[str]:
    """Of the adapter's own messages as objects; of the generic ones as elements."""
    if hasattr(payload, "SIAD"):
        return [str(it.mRID) for each in payload.SIAD._value_1 for it in each.values()]
    return [str(it.findtext("{*}mRID")) for it in payload._value_1[0]]


@pytest.mark.live
@pytest.mark.parametrize("operation", ["GetSIAD", "Get"])
async def test_zeep(tmp_path: Path, operation: str) -> None:
    async with siad(tmp_path) as address:
        lines = await asyncio.to_thread(_zeep, address, operation)
    assert same(lines), lines


@pytest.mark.live
@pytest.mark.requires("php-soap")
async def test_php(tmp_path: Path) -> None:
    async with siad(tmp_path) as address:
        lines = (await output_of("php", str(CLIENTS / "siad.php"), address)).splitlines()
    assert same(lines), lines


@pytest.fixture(scope="session")
def node_soap(request: pytest.FixtureRequest) -> Path:
    return home_of_soap(request)


@pytest.mark.live
@pytest.mark.prove  # npm is no part of `make test`
async def test_node(tmp_path: Path, node_soap: Path) -> None:
    program = (CLIENTS / "siad.js").read_text(encoding="utf-8")
    async with siad(tmp_path) as address:
        said = await output_of("node", "-e", program, "--", address, directory=node_soap)
    assert same(said.splitlines()), said


@pytest.mark.live
@pytest.mark.requires("gsoap")
async def test_gsoap(tmp_path: Path) -> None:
    """C++ classes for every class of the profile: some seconds, most of them the compiler's."""
    async with siad(tmp_path) as address:
        client = await client_of(f"{address}?wsdl", CLIENTS / "siad.cpp", tmp_path)
        said = await output_of(str(client), address)
    assert same(said.splitlines()), said
