"""The router on a broker, and the desk where its dead letters are looked at and sent again."""

from __future__ import annotations

from headend.integration.bus.node import Ground, Node
from protocols.cim.bus.effects import DeadLetter
from protocols.cim.bus.router import Router
from protocols.cim.bus.topics import Topics


def can_be_sent_again(letter: DeadLetter, topics: Topics) -> bool:
    """Whether a letter is a request to the router that could be read."""
    return topics.read_route(letter.packet.topic) is not None and letter.message_id is not None


class NotSentAgain(ValueError):
    """A dead letter that is no request to the router: nobody would take it as one."""


class Routing:
    """The router of this process."""

    def __init__(self, machine: Router, ground: Ground) -> None:
        self._machine = machine
        self._letters = ground.dead_letters
        self._node = Node(machine, ground)

    async def start(self) -> None:
        """Take requests and replies."""
        await self._node.start()

    async def stop(self) -> None:
        """What is open is forgotten; its requesters ask again."""
        await self._node.stop()

    def send_again(self, name: str) -> DeadLetter:
        """Have a dead request carried as if it had just come, and take it from the dead letters.

        Its requester was told FAILED before, and gets the new reply on its queue besides.  Raises
        `UnknownLetter`, or `NotSentAgain` for a reply and for what cannot be read.
        """
        letter = self._letters.get(name)
        if not can_be_sent_again(letter, self._machine.topics):
            raise NotSentAgain(f"{name} is no request to the router")
        self._letters.remove(name)
        self._node.carry_out(self._machine.send_again(letter.packet, now=self._node.now()))
        return letter
