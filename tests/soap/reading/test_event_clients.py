"""SOAP clients of others, made from the unchanged WSDL of GetEndDeviceEvents, ask for a meter's
events page by page.  Each prints the types of the same events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zeep
from requests import Session
from zeep.transports import Transport

from tests.databases import on_one
from tests.node_soap import home_of_soap
from tests.programs import output_of
from tests.soap.door import open_door
from tests.soap.reading.test_events import filled

pytestmark = [pytest.mark.live, on_one]

CLIENTS = Path(__file__).parent / "clients"
TOLD = "3.26.0.47 3.26.0.216 terminal-cover-removed"


@asynccontextmanager
async def door() -> AsyncIterator[str]:
    """The address of the questions' endpoint, behind it two pages."""
    at = await filled()
    at.events.events_max = 2
    async with open_door(at.server) as base:
        yield f"{base}/soap/GetEndDeviceEvents"


def _zeep(address: str) -> str:
    session = Session()
    session.trust_env = False
    types: list[str] = []
    further: list[dict[str, str]] = []
    with session:
        client = zeep.Client(f"{address}?wsdl", transport=Transport(session=session, timeout=60))
        while True:
            reply = client.service.GetEndDeviceEvents(
                Header={"Verb": "get", "Noun": "EndDeviceEvents", "Source": "MDM"},
                Request={
                    "ID": further,
                    "GetEndDeviceEvents": {"EndDevice": [{"Names": [{"name": "M1"}]}]},
                },
            )
            events = reply.Payload.EndDeviceEvents.EndDeviceEvent
            types += [event.EndDeviceEventType.ref for event in events]
            further = [
                {"_value_1": it._value_1, "objectType": it.objectType} for it in reply.Reply.ID
            ]
            if not further:
                return " ".join(types)


async def test_zeep() -> None:
    async with door() as address:
        assert await asyncio.to_thread(_zeep, address) == TOLD


@pytest.mark.requires("php-soap")
async def test_php() -> None:
    async with door() as address:
        assert (await output_of("php", str(CLIENTS / "events.php"), address)).strip() == TOLD


@pytest.fixture(scope="session")
def node_soap(request: pytest.FixtureRequest) -> Path:
    return home_of_soap(request)


@pytest.mark.prove  # npm is no part of `make test`
async def test_node(node_soap: Path) -> None:
    program = (CLIENTS / "events.js").read_text(encoding="utf-8")
    async with door() as address:
        said = await output_of("node", "-e", program, "--", address, directory=node_soap)
    assert said.strip() == TOLD
