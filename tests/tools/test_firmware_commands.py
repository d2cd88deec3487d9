"""`ami firmware`: an image on the shelf, seen, and ordered for meters."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devices.meter.firmware import image
from headend.domain.meter import Concentrator, Meter
from headend.store.store import SqlStore
from tests import databases
from tools.cli import app

IMAGE = image("SIM-3P", "ami-sim-2")


def ami(*words: str) -> Any:
    return CliRunner().invoke(app, words)


def told(*words: str, code: int = 0) -> Any:
    ran = ami(*words, "--json")
    assert ran.exit_code == code, ran.output
    return json.loads(ran.stdout)


@pytest.fixture
def where(tmp_path: Path) -> tuple[str, str]:
    url = databases.at(tmp_path / "ami.db")

    async def enter() -> None:
        store = SqlStore(url, live=True)

        def work(tx: Any) -> None:
            tx.put_concentrators([Concentrator("C1")])
            tx.put_meters(
                [
                    Meter("4711", commissioned=True, model="sim-3p", address="tcp://10.1.2.3"),
                    Meter("4712", "C1", commissioned=True, model="sim-3p", address="gateway"),
                    Meter("4713", "C1", commissioned=True, model="sim-1p", address="gateway"),
                ]
            )

        await store.run(work)
        await store.close()

    asyncio.run(enter())
    (tmp_path / "fw.bin").write_bytes(IMAGE)
    return "--database", url


def test_an_image_is_put_on_the_shelf_shown_and_ordered(
    where: tuple[str, str], tmp_path: Path
) -> None:
    words = (str(tmp_path / "fw.bin"), "--model", "sim-3p", "--version", "ami-sim-2", *where)
    label = told("firmware", "add", *words)
    assert (label["size"], label["identifier"]) == (len(IMAGE), "ami-sim-2")
    assert told("firmware", "add", *words)["image"] == label["image"], "it is stored once"
    assert [each["image"] for each in told("firmware", "list", *where)] == [label["image"]]

    begin = label["image"][:8]
    at = "2026-07-07T03:00:00-04:00"
    orders = told("firmware", "install", begin, "4711", "4712", "--at", at, *where)
    assert [(each["meter"], each["state"]) for each in orders] == [
        ("4711", "queued"),
        ("4712", "queued"),
    ]
    assert all(each["activate_at"] == "2026-07-07T07:00:00Z" for each in orders)
    (refused,) = told("firmware", "install", begin, "4713", *where, code=1)
    assert refused["reason"] == "image-of-other-model"
    shown = told("firmware", "show", begin, *where)
    assert (shown["version"], shown["stages"], shown["meters"]) == ("ami-sim-2", {}, [])

    assert "ami-sim-2" in ami("firmware", "list", *where).stdout
    assert "at no meter" in ami("firmware", "show", begin, *where).stdout
    ran = ami("firmware", "install", begin, "4713", *where)
    assert ran.exit_code == 1 and "another model" in ran.stdout


def test_a_model_that_nobody_knows_is_refused(where: tuple[str, str], tmp_path: Path) -> None:
    ran = ami(
        "firmware", "add", str(tmp_path / "fw.bin"), "--model", "no-such", "--version", "2", *where
    )
    assert ran.exit_code == 2 and "no-such" in ran.output
    assert told("firmware", "list", *where) == []
