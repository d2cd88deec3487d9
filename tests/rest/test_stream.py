"""The stream of changes: scopes and places, resumption, many listeners, a client of others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headend.access.desk import AccountDesk
from headend.app.serving import serving
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config, Rest, Soap
from headend.domain.account import Permission, Role
from headend.domain.change import Change, ChangeKind
from headend.domain.event import Event, Incident, IncidentKind, Severity, Source
from headend.domain.meter import Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.ports import Transaction
from headend.rest import feed as feeds
from headend.rest.feed import Feed
from headend.rest.within import LISTED
from tests.access.making import BY
from tests.conftest import SIMULATED_START
from tests.rest.house import ALL, Door
from tests.rest.test_permissions import EXAMPLES, FILLED, KEY, WANTED

P = Permission
STREAM = "/api/v1/stream"
EVERY = (P.STREAM_READ, P.EVENT_READ, P.ORDER_READ, P.READING_READ)
NOW = {"wait_s": 0}


def told(response: httpx2.Response) -> list[dict[str, Any]]:
    """The events of an answer but the first, read as the specification says."""
    found = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in fields and fields.get("event") != "start":
            assert fields["id"] == str(json.loads(fields["data"])["position"])
            found.append({"event": fields["event"], **json.loads(fields["data"])})
    return found


def short(response: httpx2.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [
        f"{each['event']} {each['what']} {each['number'] or [a['meter'] for a in each['arrived']]}"
        for each in told(response)
    ]


async def town() -> Door:
    """M000 to M004 hang in zone NORTE, M005 to M009 in SUR; something of each kind has changed."""
    door = await Door().open()
    door.store.telling = True

    def build(tx: Transaction) -> None:
        tx.put_places(
            place
            for zone in ("NORTE", "SUR")
            for place in (
                Place(zone, PlaceKind.ZONE),
                Place(f"T-{zone}", PlaceKind.TRANSFORMER, zone),
            )
        )
        for number in range(10):
            zone, point = ("NORTE", "SUR")[number // 5], f"SP-{number}"
            tx.put_places([Place(point, PlaceKind.SERVICE_POINT, f"T-{zone}")])
            tx.add_installation(Installation(f"M{number:03}", point, SIMULATED_START))

    def change(tx: Transaction) -> None:
        now = door.clock.now()
        for meter in ("M000", "M006"):
            event = Event(meter, "power-down", Severity.CRITICAL, now, now, (Source.PUSH,), 1)
            number = tx.add_event(event)
            tx.tell(Change(ChangeKind.EVENT, "new", now, number, meter))
        for zone in ("NORTE", "SUR"):
            place = f"transformer T-{zone}"
            number = tx.add_incident(Incident(IncidentKind.OUTAGE, place, now, now, members=3))
            tx.tell(Change(ChangeKind.INCIDENT, "began", now, number, place=place))
            event = Event(
                f"M00{4 if zone == 'NORTE' else 9}", "power-down", Severity.CRITICAL, now, now,
                (Source.LOG,), 1, place, IncidentKind.OUTAGE, number,
            )  # fmt: skip
            tx.add_event(event)
        for number, meter in ((71, "M001"), (72, "M007")):
            tx.tell(Change(ChangeKind.ORDER, "done", now, number, meter))
        for meter in ("M000", "M006"):
            tx.arrived(meter, "values", 2, now, now, now=now)

    await door.store.run(build)
    await door.store.run(change)
    await door.store.run(lambda tx: tx.number_changes(100))
    return door


SEEN = {
    "event": ["event new 1", "event new 2"],
    "incident": ["incident began 1", "incident began 2"],
    "order": ["order done 71", "order done 72"],
    "readings": ["readings arrived ['M000', 'M006']"],
}
SCOPES = [
    (EVERY, {}, ["event", "incident", "order", "readings"]),
    ((P.STREAM_READ,), {}, []),
    ((P.STREAM_READ, P.EVENT_READ), {}, ["event", "incident"]),
    ((P.STREAM_READ, P.ORDER_READ), {}, ["order"]),
    ((P.STREAM_READ, P.READING_READ), {}, ["readings"]),
    (EVERY, {"kind": "order"}, ["order"]),
    (EVERY, {"kind": ["order", "readings"]}, ["order", "readings"]),
]


@pytest.mark.parametrize(("scopes", "asked", "kinds"), SCOPES)
async def test_a_token_hears_the_kinds_it_has_scopes_for(
    scopes: tuple[P, ...], asked: dict[str, Any], kinds: list[str]
) -> None:
    door = await town()
    zero = {"Last-Event-ID": "0"}
    answer = await door.ask("GET", STREAM, *scopes, params=NOW | asked, headers=zero)
    assert short(answer) == [each for kind in kinds for each in SEEN[kind]]
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("kind", ["event", "incident", "order", "readings"])
async def test_a_kind_that_is_asked_for_without_its_scope_is_refused(kind: str) -> None:
    door = await town()
    answer = await door.ask("GET", STREAM, P.STREAM_READ, params=NOW | {"kind": kind})
    assert answer.status_code == 403 and answer.json()["code"] == "not-permitted"


async def placed(door: Door, place: str) -> str:
    _, text = await door.desk.create_token(ALL, BY, scopes=tuple(P), place=place)
    return text


ZONES = {
    "zone:NORTE": ["event new 1", "incident began 1", "order done 71", "readings arrived ['M000']"],
    "zone:SUR": ["event new 2", "incident began 2", "order done 72", "readings arrived ['M006']"],
    "service-point:SP-1": ["order done 71"],
}


@pytest.mark.parametrize("place", ZONES)
async def test_a_token_for_a_place_hears_of_its_meters_alone(place: str) -> None:
    door = await town()
    token = await placed(door, place)
    zero = {"Last-Event-ID": "0"}
    answer = await door.ask("GET", STREAM, token=token, params=NOW, headers=zero)
    assert short(answer) == ZONES[place]


async def test_a_token_for_a_place_sees_its_meters_alone() -> None:
    door = await town()
    token = await placed(door, "zone:NORTE")
    listed = await door.ask("GET", "/api/v1/meters", token=token)
    assert [each["name"] for each in listed.json()["items"]] == [f"M{n:03}" for n in range(5)]
    events = await door.ask("GET", "/api/v1/events", token=token)
    assert {each["device"] for each in events.json()["items"]} == {"M000", "M004"}
    incidents = await door.ask("GET", "/api/v1/incidents", token=token)
    assert [each["place"] for each in incidents.json()["items"]] == ["transformer T-NORTE"]
    paths = {
        "/meters/{}": ("M001", "M006"), "/meters/{}/readings": ("M001", "M006"),
        "/meters/{}/explanation": ("M001", "M006"), "/events/{}": ("1", "2"),
        "/incidents/{}": ("1", "2"),
    }  # fmt: skip
    for path, (mine, foreign) in paths.items():
        ours = await door.ask("GET", "/api/v1" + path.format(mine), token=token)
        theirs = await door.ask("GET", "/api/v1" + path.format(foreign), token=token)
        none = await door.ask("GET", "/api/v1" + path.format("999"), token=token)
        assert (ours.status_code, theirs.status_code, none.status_code) == (200, 404, 404), path
    seen = "/api/v1/events/{}/acknowledgement"
    for number, status in ((1, 200), (2, 404)):
        answer = await door.ask("POST", seen.format(number), token=token, json={})
        assert answer.status_code == status


@pytest.mark.parametrize("name", WANTED)
async def test_no_route_forgets_a_tokens_place(name: str) -> None:
    """Asked for what is in SUR with a token of NORTE: refused, not there, or a list without it."""
    door = await town()
    token = await placed(door, "zone:NORTE")
    method, path = name.split()
    filled = path.format(**FILLED | {"number": "2", "name": "M006"})
    answer = await door.ask(method, filled, token=token, headers=KEY, **EXAMPLES.get(name, {}))
    if path in LISTED:
        assert answer.status_code == 200 and not any(
            foreign in answer.text for foreign in ("M005", "M006", "M009", "SUR")
        )
    else:
        assert answer.status_code in (403, 404), (name, answer.text)


@pytest.mark.parametrize("place", ["zone:NADA", "region:NORTE", "NORTE", "zone:", ":NORTE", ""])
async def test_a_place_that_is_none_gives_no_token(place: str) -> None:
    door = await town()
    with pytest.raises(ValueError, match="no place is called"):
        await placed(door, place)


# --- resumption ----------------------------------------------------------------------------------


async def tell(door: Door, *numbers: int) -> None:
    def work(tx: Transaction) -> None:
        for number in numbers:
            tx.tell(Change(ChangeKind.ORDER, "done", door.clock.now(), number, "M001"))

    await door.store.run(work)
    await door.store.run(lambda tx: tx.number_changes(10_000))


@pytest.mark.parametrize("last", [0, 3, 6, 7])
async def test_a_listener_that_comes_back_hears_the_rest(last: int) -> None:
    door = await town()
    headers = {"Last-Event-ID": str(last)}
    answer = await door.ask("GET", STREAM, *EVERY, params=NOW, headers=headers)
    assert [each["position"] for each in told(answer)] == list(range(last + 1, 8))
    first = await door.ask("GET", STREAM, *EVERY, params=NOW)
    assert told(first) == [] and "event: start\nid: 7\n" in first.text


@pytest.mark.parametrize("last", [8, 2**53])
async def test_a_position_that_was_never_given_is_told(last: int) -> None:
    door = await town()
    headers = {"Last-Event-ID": str(last)}
    answer = await door.ask("GET", STREAM, *EVERY, params=NOW, headers=headers)
    assert answer.status_code == 410 and answer.json()["code"] == "position-gone"


async def test_who_comes_back_too_late_is_told_so() -> None:
    door = await town()
    await asyncio.sleep(10)
    await tell(door, 80)
    before = door.clock.now()
    await door.store.run(lambda tx: tx.forget_changes(before, 7))
    for last, status in ((5, 410), (6, 410), (7, 200), (8, 200)):
        headers = {"Last-Event-ID": str(last)}
        answer = await door.ask("GET", STREAM, *EVERY, params=NOW, headers=headers)
        assert answer.status_code == status, last


async def test_who_listened_to_a_life_that_is_lost_is_told_so() -> None:
    """The head of the lost life was 9; its backup had come to 7."""
    door = await town()
    begun = await door.store.run(lambda tx: tx.jump_changes(1000))  # type: ignore[attr-defined]
    assert begun == 1007
    statuses = ((7, 410), (9, 410), (1007, 200))
    for new in (), (90, 91):
        await tell(door, *new)
        for last, status in statuses:
            headers = {"Last-Event-ID": str(last)}
            answer = await door.ask("GET", STREAM, *EVERY, params=NOW, headers=headers)
            assert answer.status_code == status, (last, new)
    assert short(answer) == ["order done 90", "order done 91"]
    again = await door.store.run(lambda tx: tx.jump_changes(1000))  # type: ignore[attr-defined]
    assert again == 2009, "a second loss begins where the first life after it ended"


async def test_a_listener_hears_what_comes_while_it_listens_and_ends_in_time() -> None:
    door = await town()
    asked = asyncio.create_task(door.ask("GET", STREAM, *EVERY, params={"wait_s": 300}))
    for number in range(90, 93):
        await asyncio.sleep(61)
        await tell(door, number)
    answer = await asked
    assert short(answer) == ["order done 90", "order done 91", "order done 92"]
    assert answer.text.count(":\nid: ") >= 15, "heartbeats"
    assert door.parts.feed.listeners == 0


@pytest.mark.parametrize("change", ["revoked", "disabled"])
async def test_a_token_that_ends_ends_its_stream(change: str) -> None:
    door = await town()
    token, text = await door.desk.create_token(ALL, BY, scopes=EVERY)
    asked = asyncio.create_task(door.ask("GET", STREAM, token=text, params={"wait_s": 600}))
    await asyncio.sleep(20)
    if change == "revoked":
        await door.desk.revoke_token(token.id, BY)
    else:
        await door.desk.disable(ALL, BY)
    await asyncio.sleep(20)
    await tell(door, 99)
    answer = await asked
    assert "event: end" in answer.text and "order" not in answer.text


async def test_many_listeners_of_two_workers_each_hear_all_once() -> None:
    """What is kept for them together is bounded; those far behind read the database."""
    door = await town()
    others = Feed(door._read, poll_s=60.0)
    heard: list[list[int]] = []

    async def listen(first: Feed, second: Feed, start: int) -> None:
        """One that moves from one worker to the other and back at each page."""
        position, seen = start, list[int]()
        while position < 4007:
            async with first.listening():
                page = await first.after(position)
                if not page:
                    await first.wait(60)
            seen += [each.position for each in page]
            position = seen[-1] if seen else position
            first, second = second, first
        heard.append(seen)

    pairs = [(door.parts.feed, others), (others, door.parts.feed)]
    tasks = [asyncio.create_task(listen(*pairs[n % 2], n % 8)) for n in range(40)]
    await asyncio.sleep(1)
    for start in range(0, 4000, 1000):
        await tell(door, *range(start, start + 1000))
        await asyncio.sleep(70)
    await asyncio.gather(*tasks)
    assert sorted(seen[0] for seen in heard) == sorted((n % 8) + 1 for n in range(40))
    assert all(seen == list(range(seen[0], 4008)) for seen in heard)
    assert len(others._kept) <= feeds.KEPT_MAX and others.listeners == 0


# --- a client of others --------------------------------------------------------------------------


@pytest.mark.live
async def test_curl_listens_is_cut_off_and_goes_on(tmp_path: Path) -> None:
    config = Config(
        database=f"sqlite:///{tmp_path}/ami.db", legacy_database=f"sqlite:///{tmp_path}/old.db",
        soap=Soap(port=0), rest=Rest(port=0),
    )  # fmt: skip
    async with serving(config) as running:
        head_end = running.head_end
        await head_end.register([], [Meter("M1", None)])
        clock = WallClock()
        desk = AccountDesk(
            head_end.store, clock, SystemChance(), head_end.guard.passwords, config.access
        )
        await desk.add("mdm", [Role.OPERATOR], BY)
        _, text = await desk.create_token("mdm", BY, scopes=EVERY)

        async def change(number: int) -> None:
            what = Change(ChangeKind.ORDER, "done", clock.now(), number, "M1")
            await head_end.store.run(lambda tx: tx.tell(what))

        async def curl(last: str | None, until: str) -> tuple[list[str], str]:
            """The data that came until a mark, and the last id; then it is killed."""
            back = [] if last is None else ["-H", f"Last-Event-ID: {last}"]
            process = await asyncio.create_subprocess_exec(
                "curl", "-sSN", "-H", f"Authorization: Bearer {text}", *back,
                f"{running.rest_url}/stream", stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert process.stdout is not None
            data, id = [], last or ""
            async with asyncio.timeout(60):
                async for raw in process.stdout:
                    line = raw.decode().rstrip("\n")
                    if line.startswith("id: "):
                        id = line[4:]
                    if line == "event: start" and last is None:
                        await change(1)
                        await change(2)
                    if line.startswith('data: {"'):
                        data.append(line[6:])
                        if f'"number":{until}' in line:
                            break
            process.kill()
            await process.communicate()
            return data, id

        first, id = await curl(None, "2")
        await change(3)
        await change(4)
        second, _ = await curl(id, "4")
        numbers = [json.loads(each)["number"] for each in first + second]
        assert numbers == [1, 2, 3, 4]
