"""SOAP clients of others, made from the unchanged WSDL of GetMeterReadings, read a meter's day page
by page.  Each prints the same two lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zeep
from requests import Session
from zeep.transports import Transport

from tests.databases import on_one
from tests.gsoap import client_of
from tests.node_soap import home_of_soap
from tests.programs import output_of
from tests.soap.door import open_door
from tests.soap.reading.house import BEGIN, END, ENERGY, house

pytestmark = [pytest.mark.live, on_one]

CLIENTS = Path(__file__).parent / "clients"
PAGE = 40
TOLD = ["3 96 0.250 0.250", "FAILED 2.4"]  # of M1, and of a meter that there is not
WORDS = (ENERGY, str(round(BEGIN.timestamp())), str(round(END.timestamp())))


@asynccontextmanager
async def door() -> AsyncIterator[str]:
    """The address of the questions' endpoint."""
    at = await house()
    at.desk.values_max = PAGE
    async with open_door(at.server) as base:
        yield f"{base}/soap/GetMeterReadings"
    await at.store.close()


def _zeep(address: str) -> list[str]:
    session = Session()
    session.trust_env = False
    with session:
        client = zeep.Client(f"{address}?wsdl", transport=Transport(session=session, timeout=60))
        return [_line(client.service.GetMeterReadings, meter) for meter in ("M1", "M9")]


def _line(ask: Any, meter: str) -> str:
    pages, values = 0, list[str]()
    further: list[dict[str, str]] = []
    while True:
        reply = ask(
            Header={"Verb": "get", "Noun": "MeterReadings"},
            Request={
                "StartTime": BEGIN,
                "EndTime": END,
                "ID": further,
                "GetMeterReadings": {
                    "EndDevice": [{"Names": [{"name": meter}]}],
                    "ReadingType": [{"Names": [{"name": ENERGY}]}],
                },
            },
        )
        if reply.Reply.Result == "FAILED":
            return f"FAILED {reply.Reply.Error[0].code}"
        pages += 1
        for reading in reply.Payload.MeterReadings.MeterReading:
            for block in reading.IntervalBlocks:
                values += (it.value for it in block.IntervalReadings)
        further = [{"_value_1": it._value_1, "objectType": it.objectType} for it in reply.Reply.ID]
        if not further:
            return f"{pages} {len(values)} {values[0]} {values[-1]}"


async def test_zeep() -> None:
    async with door() as address:
        assert await asyncio.to_thread(_zeep, address) == TOLD


@pytest.mark.requires("php-soap")
async def test_php() -> None:
    async with door() as address:
        said = await output_of("php", str(CLIENTS / "readings.php"), address, *WORDS)
    assert said.splitlines() == TOLD


@pytest.fixture(scope="session")
def node_soap(request: pytest.FixtureRequest) -> Path:
    return home_of_soap(request)


@pytest.mark.prove  # npm is no part of `make test`
async def test_node(node_soap: Path) -> None:
    program = (CLIENTS / "readings.js").read_text(encoding="utf-8")
    async with door() as address:
        said = await output_of("node", "-e", program, "--", address, *WORDS, directory=node_soap)
    assert said.splitlines() == TOLD


@pytest.mark.prove  # another compilation: SIAD's is in `make test`
@pytest.mark.requires("gsoap")
async def test_gsoap(tmp_path: Path) -> None:
    async with door() as address:
        client = await client_of(f"{address}?wsdl", CLIENTS / "readings.cpp", tmp_path)
        said = await output_of(str(client), address, *WORDS)
    assert said.splitlines() == TOLD
