"""Questions made by chance from our own description, right ones and wrong ones: every answer is one
that the description allows, none is a mistake of ours, and nothing is let in without a token.

Over real sockets, because that is where others' questions come from.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from headend.app.http import address, open_door
from headend.config import AccessPolicy
from headend.rest.door import bounded, uvicorn_options
from tests.rest.house import ALL, Door, the_app

SPECIFICATION = the_app(Door().parts).openapi()
SCHEMA = schemathesis.openapi.from_dict(SPECIFICATION)
OPERATIONS = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations()}
STARTED_WITHIN_S = 60


class Served:
    """A door on a port, in a thread of its own."""

    def __init__(self) -> None:
        self.url = self.token = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(STARTED_WITHIN_S)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        door = Door(AccessPolicy(place_failures_max=1_000_000))  # wrong tokens are tried as well
        door.parts.feed.stay_max_s = 0.0  # a stream tells what there is, and ends
        door.outlives_its_test()
        await door.open()
        self.token = await door.token(ALL)
        async with AsyncExitStack() as stack:
            rest = door.config.rest
            app = bounded(the_app(door.parts), door.parts)
            port = await open_door(app, uvicorn_options(rest), rest.host, 0, stack)
            self.url = address(rest.host, port, tls=False)
            self._ready.set()
            await self._stop.wait()
        await door.store.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STARTED_WITHIN_S)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.end()


def asked(label: str, served: Served, count: int) -> None:
    """So many right questions and as many wrong ones."""
    headers = {"Authorization": f"Bearer {served.token}"}
    # What a schema allows may still be no cursor, or a key that was used: test_orders.py and
    # test_lists.py hold those.  A query's parameter that is wrong by being null is left out on its
    # way, and then right.
    unchecked = [positive_data_acceptance]
    if label.startswith("GET"):
        unchecked.append(negative_data_rejection)
    operation = SPECIFICATION["paths"][OPERATIONS[label].path][label.split()[0].lower()]
    takes = "requestBody" in operation or "parameters" in operation
    for mode in GenerationMode if takes else (GenerationMode.POSITIVE,):

        @seed(0)
        @settings(
            max_examples=count, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            case.call_and_validate(base_url=served.url, headers=headers, excluded_checks=unchecked)

        ask()


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described(label: str, served: Served) -> None:
    asked(label, served, 5)


@pytest.mark.prove
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_one_of_many_answers_is_as_described(label: str, served: Served) -> None:
    asked(label, served, 100)
