"""Dead letters in a folder: kept, looked at, bounded."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headend.field.bus import Bus
from headend.integration.bus.dead_letters import DeadLettersInFolder, UnknownLetter
from headend.integration.bus.routing import NotSentAgain
from protocols.cim.bus.effects import DeadLetter, Why
from protocols.mqtt import Packet, Properties
from tests.cim_bus.letters import AT, get
from tests.cim_bus.utility import simulated

LETTER = DeadLetter(
    at=AT,
    node="ROUTER",
    why=Why.TIMED_OUT,
    details="SIAD",
    packet=Packet(
        "cim/v1/route/TABLERO",
        get(option="Ñuñoa"),
        Properties(response_topic="cim/v1/replies/TABLERO/ROUTER", correlation=b"\x00\xff"),
    ),
    message_id="m-1",
    source="TABLERO",
)
BINARY = replace(LETTER, packet=Packet("cim/v1/route/TABLERO", b"\xff\x00"), message_id=None)


@pytest.mark.parametrize("letter", [LETTER, BINARY], ids=["text", "binary"])
def test_a_letter_is_kept_as_it_came_and_outlives_the_process(
    tmp_path: Path, letter: DeadLetter
) -> None:
    name = DeadLettersInFolder(tmp_path / "dead").add(letter)
    later = DeadLettersInFolder(tmp_path / "dead")
    assert later.names() == [name]
    assert later.get(name) == letter
    later.remove(name)
    assert later.names() == []


def test_a_letter_can_be_read_without_a_program(tmp_path: Path) -> None:
    name = DeadLettersInFolder(tmp_path).add(LETTER)
    told = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert (told["why"], told["message_id"], told["source"]) == ("timed-out", "m-1", "TABLERO")
    assert told["text"].encode() == LETTER.packet.payload


def test_the_oldest_make_room(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    alone = DeadLettersInFolder(tmp_path / "one")
    size = (tmp_path / "one" / f"{alone.add(LETTER)}.json").stat().st_size
    bounds = ({"kept_max": 3}, 3), ({"octets_max": 1}, 1), ({"octets_max": 4 * size + 50}, 4)
    for number, (bound, kept) in enumerate(bounds):
        letters = DeadLettersInFolder(tmp_path / str(number), **bound)
        names = [
            letters.add(replace(LETTER, at=AT + timedelta(seconds=second))) for second in range(6)
        ]
        assert letters.names() == names[-kept:]


@pytest.mark.parametrize("name", ["", "nothing", "../x", ".hidden", "a/b"])
def test_what_is_no_letter_s_name(tmp_path: Path, name: str) -> None:
    letters = DeadLettersInFolder(tmp_path / "dead")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(UnknownLetter):
        letters.get(name)
    with pytest.raises(UnknownLetter):
        letters.remove(name)
    assert (tmp_path / "x.json").exists()


def test_a_disk_that_takes_nothing_does_not_stop_the_bus(tmp_path: Path) -> None:
    (tmp_path / "dead").write_text("a file where the folder should be")
    letters = DeadLettersInFolder(tmp_path / "dead")
    letters.add(LETTER)
    assert letters.names() == []


async def test_only_requests_are_sent_again(tmp_path: Path) -> None:
    async with simulated(tmp_path, Bus()) as made:
        routing = await made.router()
        reply = replace(LETTER, packet=Packet("cim/v1/replies/ROUTER/SIAD", b"<a/>"))
        for letter in (reply, BINARY):
            name = made.letters.add(letter)
            with pytest.raises(NotSentAgain):
                routing.send_again(name)
            assert name in made.letters.names()
        with pytest.raises(UnknownLetter):
            routing.send_again("nothing")
