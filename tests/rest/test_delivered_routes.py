"""What comes as a file by REST: shipments, weighed and taken in, and firmware for the shelf."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any

import pytest

from headend.app.shipments_asked import ShipmentDesk
from headend.config import Config, KeyStorage, Rest, TransportFile, parse
from headend.domain.account import Permission
from headend.domain.place import Place, PlaceKind
from headend.registry.shipment.transport import VARIABLE
from headend.store import access_queries, queries
from headend.store.store import SqlStore
from tests import databases
from tests.access.making import BY
from tests.registry.pallet import TRANSPORT, as_csv, as_xml, pallet
from tests.rest.house import Door

P = Permission
SHIPMENTS, FIRMWARE = "/api/v1/shipments", "/api/v1/firmware"
ACME = {"transport_key": "acme"}


async def opened(folder: Path, *, body_max: int = 1 << 20) -> Door:
    """A door whose head-end seals keys, and has one manufacturer's transport key."""
    (folder / "envelope.key").write_text("ab" * 64)
    (folder / "acme.key").write_text(TRANSPORT.key.hex())
    keys = KeyStorage(
        envelope_file=folder / "envelope.key",
        transport=(
            TransportFile(name="acme", file=folder / "acme.key"),
            TransportFile(name="gone", file=folder / "gone.key"),
        ),
    )
    return await Door(config=Config(keys=keys, rest=Rest(body_max_bytes=body_max))).open()


async def send(door: Door, path: str, octets: bytes, key: str = "k-1", **params: str) -> Any:
    scope = P.FIRMWARE_INSTALL if path == FIRMWARE else P.REGISTRY_WRITE
    headers = {"Idempotency-Key": key}
    return await door.ask("POST", path, scope, content=octets, params=params, headers=headers)


def meters(door: Door) -> set[str]:
    found = door.store.read(lambda connection: queries.meters(connection, limit=100))
    return {meter.name for meter in found if meter.name.startswith("1")}


def done(door: Door, permission: Permission) -> list[tuple[str, str]]:
    entries = door.store.read(lambda connection: access_queries.audit(connection))
    return [
        (entry.subject, entry.detail)
        for entry in entries
        if (entry.action, entry.outcome) == (permission, "done")
    ]


@pytest.mark.parametrize("form", [as_csv, as_xml])
async def test_a_shipment_is_weighed_and_taken_in_once(form: Any, tmp_path: Path) -> None:
    door, file = await opened(tmp_path), form(pallet(3))
    weighed = await send(door, f"{SHIPMENTS}/preview", file, **ACME)
    assert weighed.status_code == 200, weighed.text
    assert weighed.json() == {
        "meters": 3, "entered": 3, "changed": 0, "unchanged": 0, "refused": 0,
        "keys_new": 3, "keys_kept": 0, "lines": [],
    }  # fmt: skip
    assert meters(door) == set() and done(door, P.REGISTRY_WRITE) == []

    first = await send(door, SHIPMENTS, file, file="pallet-17", **ACME)
    told = first.json()
    assert first.status_code == 200 and told["again"] is False, first.text
    assert (told["receipt"]["entered"], told["receipt"]["keys_new"]) == (3, 3)
    assert told["receipt"]["who"] == "all"
    assert meters(door) == {"1000", "1001", "1002"}
    receipt = await door.ask("GET", f"{SHIPMENTS}/1", P.REGISTRY_READ)
    assert receipt.json() == told["receipt"]
    digest = told["receipt"]["digest"]
    assert done(door, P.REGISTRY_WRITE) == [("shipment pallet-17", f"SHA-256 {digest}")]

    again = await send(door, SHIPMENTS, file, file="pallet-17", **ACME)
    assert again.content == first.content, "the same key, the same answer"
    twice = await send(door, SHIPMENTS, file, key="k-2", **ACME)
    assert twice.json() == {"receipt": told["receipt"], "again": True}
    other = await send(door, SHIPMENTS, form(pallet(4)), **ACME)
    assert other.status_code == 422 and other.json()["code"] == "key-reused"
    listed = await door.ask("GET", SHIPMENTS, P.REGISTRY_READ)
    assert listed.json() == {"items": [told["receipt"]], "next": None}


async def test_a_line_that_is_refused_leaves_nothing_and_is_told(tmp_path: Path) -> None:
    door, lines = await opened(tmp_path), pallet(3)
    file = as_csv([lines[0], {**lines[1], "title": "1"}, lines[2]])
    refused = await send(door, SHIPMENTS, file, **ACME)
    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "shipment-refused"), refused.text
    assert told["detail"] == "1 of 3 lines is refused"
    assert [each["where"] for each in told["wrong"]] == ["line 3, title"]
    assert "16 hexadecimal digits" in told["wrong"][0]["why"]
    assert meters(door) == set() and done(door, P.REGISTRY_WRITE) == []
    weighed = (await send(door, f"{SHIPMENTS}/preview", file, **ACME)).json()
    assert (weighed["refused"], weighed["lines"][0]["fate"]) == (1, "refused")
    right = await send(door, SHIPMENTS, as_csv(lines), **ACME)
    assert right.status_code == 200, "the key is not used up"


@pytest.mark.parametrize("path", [SHIPMENTS, f"{SHIPMENTS}/preview"])
async def test_a_file_without_meters_is_told_as_that(tmp_path: Path, path: str) -> None:
    door = await opened(tmp_path)
    refused = await send(door, path, as_csv([]))
    assert (refused.status_code, refused.json()["code"]) == (409, "empty-shipment")


async def test_fifty_lines_are_told_of_many(tmp_path: Path) -> None:
    door = await opened(tmp_path)
    file = as_csv([{**line, "title": "1"} for line in pallet(60)])
    told = (await send(door, SHIPMENTS, file, **ACME)).json()
    assert told["detail"] == "60 of 60 lines are refused"
    assert [each["where"] for each in told["wrong"]] == [
        f"line {number}, title" for number in range(2, 52)
    ]


async def test_meters_that_are_here_are_changed_or_refused(tmp_path: Path) -> None:
    door = await opened(tmp_path)
    await send(door, SHIPMENTS, b"meter,contracted_w\n1000,2000\n1001,2000\n")
    file = b"meter,contracted_w\n1000,3000\n1001,2000\nM001,9000\n"
    weighed = (await send(door, f"{SHIPMENTS}/preview", file)).json()
    told = [(each["line"], each["fate"]) for each in weighed["lines"]]
    assert told == [(2, "changed"), (4, "refused")] and weighed["unchanged"] == 1
    refused = (await send(door, SHIPMENTS, file, key="k-2")).json()
    assert [each["where"] for each in refused["wrong"]] == ["line 4, meter"]


async def test_a_key_that_another_meter_has(tmp_path: Path) -> None:
    door, lines = await opened(tmp_path), pallet(2)
    assert (await send(door, SHIPMENTS, as_csv(lines[:1]), **ACME)).status_code == 200
    other = as_csv([{**lines[0], "meter": "1009", "title": "46524E0000001009"}])
    refused = await send(door, SHIPMENTS, other, key="k-2", **ACME)
    assert (refused.status_code, refused.json()["code"]) == (409, "shipment-refused")
    assert "key" in refused.json()["wrong"][0]["why"] and meters(door) == {"1000"}


@pytest.mark.parametrize(
    ("named", "status", "code"),
    [
        ("other", 404, "no-such-transport-key"),
        ("gone", 409, "transport-key-away"),
        (TRANSPORT.key.hex(), 400, "wrong-question"),  # a key itself is no name
    ],
)
async def test_a_transport_key_is_named_and_never_shown(
    named: str, status: int, code: str, tmp_path: Path
) -> None:
    door = await opened(tmp_path)
    for path in (SHIPMENTS, f"{SHIPMENTS}/preview"):
        refused = await send(door, path, as_csv(pallet(1)), transport_key=named)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert TRANSPORT.key.hex() not in refused.text and str(tmp_path) not in refused.text
    misspelt = await send(door, SHIPMENTS, as_csv(pallet(1)), transportkey="acme")
    assert misspelt.status_code == 400
    assert meters(door) == set()


async def test_without_the_key_that_seals_no_key_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, TRANSPORT.key.hex())
    monkeypatch.delenv("AMI_ENVELOPE_KEY", raising=False)
    bare = await Door(config=Config(database=str(tmp_path / "none.db"))).open()
    refused = await send(bare, SHIPMENTS, as_csv(pallet(1)))
    assert (refused.status_code, refused.json()["code"]) == (409, "no-envelope-key")
    plain = await send(bare, SHIPMENTS, b"meter\n1000\n")
    assert plain.status_code == 200, "meters without keys need none"


async def test_files_that_are_too_large_are_for_commands(tmp_path: Path) -> None:
    door = await opened(tmp_path, body_max=1000)
    for path, command in (
        (SHIPMENTS, "ami shipment import"),
        (f"{SHIPMENTS}/preview", "ami shipment preview"),
        (FIRMWARE, "ami firmware add"),
    ):
        large = await send(door, path, bytes(1001), model="sim-3p", version="v")
        assert (large.status_code, large.json()["code"]) == (413, "too-large")
        assert command in large.json()["next_step"]


async def test_an_image_is_put_on_the_shelf_once(tmp_path: Path) -> None:
    door = await opened(tmp_path)
    wanted = {"model": "sim-3p", "version": "ami-sim-2", "signature": "0AFF"}
    first = await send(door, FIRMWARE, b"an image", **wanted)
    label = first.json()
    assert first.status_code == 200, first.text
    assert (label["size"], label["identifier"], label["signature"]) == (8, "ami-sim-2", "0aff")
    assert done(door, P.FIRMWARE_INSTALL) == [
        ("meters' firmware", f"ami-sim-2 for sim-3p, 8 octets, SHA-256 {label['image']}")
    ]
    assert (await send(door, FIRMWARE, b"an image", **wanted)).content == first.content
    twice = await send(door, FIRMWARE, b"an image", key="k-2", **wanted)
    assert twice.json() == label, "the one that is there"
    listed = await door.ask("GET", FIRMWARE, P.REGISTRY_READ)
    assert listed.json() == {"items": [label], "next": None}
    shown = await door.ask("GET", f"{FIRMWARE}/{label['image']}", P.REGISTRY_READ)
    assert shown.json() == {**label, "stages": {}}
    for octets, more, code in (
        (b"an image", {"version": "ami-sim-3"}, "bad-image"),
        (b"", {}, "bad-image"),
        (b"another", {"model": "sim-9p"}, "no-such-model"),
    ):
        refused = await send(door, FIRMWARE, octets, key="k-3", **{**wanted, **more})
        assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text
    for more in ({"model": "../sim-3p"}, {"signed": "0A"}, {"signature": "0"}, {"version": ""}):
        wrong = await send(door, FIRMWARE, b"another", key="k-3", **{**wanted, **more})
        assert wrong.status_code == 400
    assert (await door.ask("GET", FIRMWARE, P.REGISTRY_READ)).json()["items"] == [label]


async def every(door: Door, path: str, **asked: Any) -> list[Any]:
    """All of a list, one thing at a time."""
    found: list[Any] = []
    while True:
        answer = await door.ask("GET", path, P.REGISTRY_READ, params={"limit": 1, **asked})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        asked["cursor"] = answer.json()["next"]


async def test_each_receipt_and_each_image_is_reached(tmp_path: Path) -> None:
    door = await opened(tmp_path)
    for number in range(1, 4):
        taken = await send(door, SHIPMENTS, f"meter\nX{number}\n".encode(), key=f"k-{number}")
        assert taken.status_code == 200, taken.text
    assert [each["number"] for each in await every(door, SHIPMENTS)] == [3, 2, 1]
    put = []
    for number in (3, 1, 2):
        about = {"model": "sim-3p", "version": f"v-{number}", "key": f"i-{number}"}
        put.append((await send(door, FIRMWARE, f"image {number}".encode(), **about)).json())
    whole = (await door.ask("GET", FIRMWARE, P.REGISTRY_READ)).json()["items"]
    assert await every(door, FIRMWARE) == whole
    assert sorted(each["version"] for each in whole) == ["v-1", "v-2", "v-3"]


async def test_a_token_for_one_place_brings_no_file(tmp_path: Path) -> None:
    door = await opened(tmp_path)
    zone = Place("Z", PlaceKind.ZONE, None, "")
    await door.store.run(lambda tx: tx.put_places([zone]))
    scopes = (P.REGISTRY_READ, P.REGISTRY_WRITE, P.FIRMWARE_INSTALL)
    _, token = await door.desk.create_token("all", BY, scopes=scopes, place="zone:Z")
    wanted = {"model": "sim-3p", "version": "v"}
    for method, path in (
        ("POST", SHIPMENTS), ("POST", f"{SHIPMENTS}/preview"), ("GET", SHIPMENTS),
        ("POST", FIRMWARE), ("GET", FIRMWARE), ("GET", f"{FIRMWARE}/{'0' * 64}"),
    ):  # fmt: skip
        content = b"meter\n1000\n" if method == "POST" else None
        refused = await door.ask(
            method, path, token=token, content=content, params=wanted,
            headers={"Idempotency-Key": "p"},
        )  # fmt: skip
        assert refused.status_code == 403, refused.text
        assert refused.json()["code"] == "limited-to-a-place"
    assert meters(door) == set()


def test_transport_keys_in_the_configuration() -> None:
    text = '[[keys.transport]]\nname = "acme"\nfile = "acme.key"\n'
    assert parse(text).keys.transport == (TransportFile(name="acme", file=Path("acme.key")),)


@pytest.mark.live
async def test_one_thread_reads_and_the_stores_own_takes_in(tmp_path: Path) -> None:
    door = await opened(tmp_path)
    store = SqlStore(databases.at(tmp_path / "ami.db"), live=True)
    try:
        desk, file = ShipmentDesk(store, door.config), as_csv(pallet(3))
        waiting = await asyncio.to_thread(desk.read, file, "pallet", "acme")
        work = functools.partial(waiting.enter, who="all", at=door.clock.now())
        receipt, again = await store.run(work)
        assert (receipt.entered, receipt.keys_new, again) == (3, 3, False)
        assert await store.run(work) == (receipt, True)
        waiting.close()
        weighed = await asyncio.to_thread(desk.weigh, file, "pallet", "acme")
        assert (weighed.unchanged, weighed.keys_kept) == (3, 3)
    finally:
        await store.close()
