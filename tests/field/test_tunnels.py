"""The head-end's end of a tunnel: it ends where its concentrator has restarted, and says why."""

from __future__ import annotations

import asyncio

import pytest

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.domain.reason import ReasonCode
from headend.field.direct.failing import of_line
from headend.field.direct.line import LineLost, LineUnavailable
from headend.field.direct.tunnel_line import TunnelLine, Tunnels
from protocols.concentrator.gateway import CloseTunnel, OpenTunnel, TunnelFrame, TunnelOpened
from protocols.concentrator.messages import Online
from tests.concentrator.head_end import START


class Far:
    """A concentrator that opens every tunnel, if it is there."""

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.tunnels = Tunnels(self.tell, LoopClock(START), SeededChance(1, "tunnels"))

    async def tell(self, concentrator: str, word: OpenTunnel | TunnelFrame | CloseTunnel) -> bool:
        if isinstance(word, OpenTunnel) and self.answers:
            opened = TunnelOpened(id="1", at=START, tunnel=word.tunnel)
            await self.tunnels.opened(concentrator, opened)
        return True

    async def online(self, concentrator: str, boot: int) -> None:
        word = Online(
            id=f"{concentrator}.{boot}", at=START, concentrator=concentrator, boot=boot, firmware=""
        )
        assert not await self.tunnels.online(concentrator, word)

    def line(self, concentrator: str = "C-1") -> TunnelLine:
        return self.tunnels.line_to(concentrator, "M-1", None)


async def test_a_restart_ends_the_tunnels_of_that_concentrator() -> None:
    far = Far()
    await far.online("C-1", 3)
    await far.online("C-2", 1)
    line, other = far.line(), far.line("C-2")
    await line.open()
    await other.open()
    await far.online("C-1", 4)
    with pytest.raises(LineLost) as lost:
        await line.read()
    failure = of_line(lost.value)
    assert failure.reason is ReasonCode.CONCENTRATOR_RESTARTED
    with pytest.raises(LineLost):
        await line.write(b"too late")
    await other.write(b"this one stands")


async def test_a_session_that_only_came_back_ends_nothing() -> None:
    far = Far()
    await far.online("C-1", 3)
    line = far.line()
    await line.open()
    await far.online("C-1", 3)
    await line.write(b"it goes on")


async def test_a_restart_while_the_tunnel_is_asked_for() -> None:
    far = Far(answers=False)
    await far.online("C-1", 3)
    line = far.line()
    opening = asyncio.ensure_future(line.open())
    await asyncio.sleep(0)
    await far.online("C-1", 4)
    with pytest.raises(LineUnavailable) as unavailable:
        await opening
    assert unavailable.value.reason is ReasonCode.CONCENTRATOR_RESTARTED
    far.answers = True
    await line.open()  # the next one stands
    await line.write(b"again")
