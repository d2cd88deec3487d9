"""An answer that comes in many segments is waited for as long as more of it comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from headend.field.direct.dialogue import Dialogue
from protocols.hdlc.address import ServerAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.server import HdlcServer
from protocols.link import ApduReceived, LinkEvent
from protocols.sans_io import NEED_DATA

ANSWER = ApduReceived(b"\xc4\x01\x41\x00\x00", 1, 16)

# what has come of the answer each time that its time is over, and whether it is heard out
WAITS = {
    "nothing of it came": ([0], False),
    "it begins and stops": ([128, 128], False),
    "it goes on": ([128, 256, 384], True),
    "it ends and stops": ([128, 0], False),
}


class Slow:
    """A wire whose answer comes after so many waits."""

    def __init__(self, here: list[int]) -> None:
        self.here = here
        self.waits = 0

    @property
    def partly_here(self) -> int:
        return self.here[self.waits - 1]

    async def next(self, until: float | None) -> LinkEvent | None:
        if self.waits == len(self.here):
            return ANSWER
        self.waits += 1
        return None


@pytest.mark.parametrize(("here", "heard"), WAITS.values(), ids=WAITS)
async def test_an_answer_is_waited_for_while_more_of_it_comes(here: list[int], heard: bool) -> None:
    dialogue: Any = SimpleNamespace(
        engine=SimpleNamespace(next_deadline=lambda: 0.0), wire=Slow(here)
    )
    found = await Dialogue._next(dialogue)
    assert found == (ANSWER if heard else None)


def test_an_hdlc_link_tells_how_much_of_an_answer_is_here() -> None:
    client, server = HdlcClient(16, ServerAddress(1)), HdlcServer()

    def to_server() -> None:
        while (octets := client.data_to_send()) is not None:
            server.receive_data(octets, now=0.0)
        while server.next_event() is not NEED_DATA:
            pass

    client.connect(now=0.0)
    to_server()
    client.receive_data(server.data_to_send() or b"", now=0.0)
    client.send(b"\xc0\x01", now=0.0)
    to_server()
    server.send(bytes(300), client=16, server=1, now=0.0)
    grown = []
    for _ in range(3):
        client.receive_data(server.data_to_send() or b"", now=0.0)
        grown.append(client.partly_here)
        to_server()
    assert grown == [128, 256, 0]
