"""The MDM's part in a story: its account and token, its questions, and its ear at the stream."""

from __future__ import annotations

import asyncio

from headend.access.desk import AccountDesk
from headend.access.desk import By as MadeBy
from headend.app.head_end import HeadEnd
from headend.domain.account import Role
from headend.ports import Chance, Clock
from scenarios.commands import OPERATOR
from scenarios.parts import BadScenario
from scenarios.schema import MdmSpec, seconds
from scenarios.stand_ins.mdm import Mdm

ACCOUNT = "mdm"
ROLES = frozenset({Role.OPERATOR})


async def admitted(head_end: HeadEnd, clock: Clock, chance: Chance) -> Mdm:
    """An MDM with an account and a token of a head-end that runs, at its REST door."""
    from headend.app.rest import simulated_door  # half a second of start-up, for those who ask

    guard, by = head_end.guard, MadeBy(OPERATOR, "story")
    desk = AccountDesk(head_end.store, clock, chance, guard.passwords, head_end.config.access)
    await desk.add(ACCOUNT, ROLES, by)
    _, token = await desk.create_token(ACCOUNT, by, scopes=(), about="MDM")
    return Mdm(simulated_door(head_end), token, clock.now)


async def ask(mdm: Mdm, spec: MdmSpec) -> None:
    """Ask what the story says, when it says so.  Raises `BadScenario` for an answer that is not
    what it should be."""
    await asyncio.sleep(seconds(spec.at))
    method, path = spec.ask.split(" ", 1)
    answer = await mdm.ask(method, path, spec.body)
    right = answer.status == spec.status if spec.status else answer.status < 400
    if not right:
        told = answer.body.decode(errors="replace")[:300]
        raise BadScenario(f"mdm at {spec.at}: {spec.ask} was answered {answer.status}: {told}")
