"""The matrix is run, and each cell is what it is known to be; the page says what was found."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.matrix.asked import OURS, PDU_SIZE, PYDLMS, SERVICES
from tests.matrix.known import KNOWN, known_of
from tests.matrix.page import PAGE, page
from tests.matrix.run import CLIENTS, WORKS, Cell, Client, PeerMissing, Results, cells, judged, run
from tests.matrix.servers import AUTHS, SERVERS, Server

pytestmark = pytest.mark.xdist_group("peer")

MEETINGS = list(product(CLIENTS, SERVERS, AUTHS))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder: Path = tmp_path_factory.mktemp("probes")
    try:
        return run(folder)
    except PeerMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("client", "server", "auth"),
    MEETINGS,
    ids=[f"{client.name} at {server.name}, {AUTHS[auth]}" for client, server, auth in MEETINGS],
)
def test_every_cell_is_as_it_is_known(
    results: Results, client: Client, server: Server, auth: str
) -> None:
    for service in SERVICES:
        cell = Cell(client, server, auth, service)
        found, known = results[cell], known_of(cell)
        if known is None:
            assert found == WORKS, service
        else:
            assert found != WORKS, f"{service} works now, so this is over: {known.why}"
            assert known.failed_so(found), f"{service}: {found}"


def test_no_cell_is_left_out(results: Results) -> None:
    assert len(results) == len(CLIENTS) * len(SERVERS) * len(AUTHS) * len(SERVICES)


def test_the_page_says_what_was_found(results: Results) -> None:
    """Otherwise: python -m tests.matrix.page"""
    assert PAGE.read_text(encoding="utf-8") == page(results)


def test_nothing_is_known_that_never_comes() -> None:
    used = {known_of(cell) for cell in cells()} - {None}
    assert used == set(KNOWN)


def test_what_fails_anew_shows_on_the_page() -> None:
    every = dict.fromkeys(cells(), WORKS)
    assert "?" not in page(every) and "✗" not in page(every).partition("## Our meter")[2]
    assert "| ? |" in page(every | {next(cells()): "a new fault"})


@pytest.mark.parametrize("questions", [OURS, PYDLMS], ids=["ours", "pydlms-client's"])
def test_the_profile_is_longer_than_a_pdu(questions: Any) -> None:
    now = time.time()
    services = questions.asked(now, 1)
    true = questions.truth(services, now)
    assert sum(len(row[0]) // 2 + len(row) - 1 for row in true["blocks"]) > PDU_SIZE
    assert len(true["range"]) == 4 and len(true["entries"]) == 3
    assert list(services) == list(SERVICES)


TRUE = {"register": [2300, -1, 35], "clock": "07ea0706010a071effff8800"}
MONDAY = 1_783_332_450.0  # 2026-07-06 10:07:30 UTC
JUDGED = {
    # name: (service, told, truths, works)
    "true": ("register", {"value": [2300, -1, 35]}, [TRUE], True),
    "another scaler": ("register", {"value": [2300, 0, 35]}, [TRUE], False),
    "true before": ("register", {"value": [1, 0, 35]}, [{"register": [1, 0, 35]}, TRUE], True),
    "refused": ("register", {"error": "ServiceError: refused"}, [TRUE], False),
    "a clock within the session": ("clock", {"value": "07ea0706010a0720ff000000"}, [TRUE], True),
    "a clock of an hour ago": ("clock", {"value": "07ea070601090720ff000000"}, [TRUE], False),
    "no clock": ("clock", {"value": 7}, [TRUE], False),
    "released": ("release", {"value": True}, [TRUE], True),
    "not released": ("release", {"value": False}, [TRUE], False),
}


@pytest.mark.parametrize(("service", "told", "truths", "works"), JUDGED.values(), ids=JUDGED)
def test_what_counts_as_working(
    service: str, told: dict[str, Any], truths: list[dict[str, Any]], works: bool
) -> None:
    found = judged(service, told, truths, (MONDAY, MONDAY + 5))
    assert (found == WORKS) is works
