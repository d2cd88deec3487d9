"""Whatever crashes, and whenever: each order has one end, one reply, and at most one effect.

A story is played once to count its moments (before and after each word with the store and the
field), and then once for each moment, at which the process dies.  What starts anew has the same
store and the same field, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from headend.orders import lanes
from headend.orders.accept import Submission, Wish
from headend.ports import Connectivity
from headend.store import queries
from protocols.concentrator.messages import Status
from tests.orders.fuse import Fuse
from tests.orders.office import Office, opened
from tests.orders.scripted_field import (
    BUSY,
    CUT_OFF,
    LOST,
    NO_EFFECT,
    NO_WORD,
    NOT_SENT,
    UNREACHABLE,
    Say,
)

LIMIT = Wish("M1", Kind.SET_LIMIT, Decimal(3000), "W")
CUT, BACK = Wish("M1", Kind.DISCONNECT), Wish("M1", Kind.CONNECT)


@dataclass(frozen=True, slots=True)
class Story:
    """What is ordered, one message each, and what goes wrong on the way."""

    wishes: Sequence[Wish]
    script: Sequence[Say] = ()
    withdrawals: Sequence[bool] = ()
    looks: Sequence[Status] = ()
    offline_s: float = 0.0
    deadline_s: float = 6 * 3600.0
    bounded_s: float | None = None
    unknown: bool = False  # an end as "effect not known" is right as well


STORIES = {
    "all goes well": Story([LIMIT]),
    "the meter is reached at the second try": Story([LIMIT], [UNREACHABLE]),
    "the concentrator is busy": Story([LIMIT], [BUSY]),
    "nothing could be sent": Story([LIMIT], [NOT_SENT]),
    "the concentrator is offline": Story([LIMIT], offline_s=50),
    "the command is lost": Story([LIMIT], [LOST]),
    "its acceptance is lost": Story([LIMIT], [replace(LOST, arrives=True)]),
    "its result is late": Story([LIMIT], [CUT_OFF]),
    "its result is late, and says no": Story([LIMIT], [replace(CUT_OFF, status=Status.NO_ANSWER)]),
    "the meter did it, and nobody knows": Story([CUT], [NO_WORD], looks=[Status.NO_ANSWER]),
    "the meter did not, and nobody knows": Story([LIMIT], [NO_EFFECT], [False]),
    "two orders of one meter": Story([LIMIT, replace(LIMIT, amount=Decimal(2000))], [UNREACHABLE]),
    "a limit that ends": Story([LIMIT], bounded_s=900),
    "the effect is found after the deadline": Story(
        [CUT], [NO_WORD], looks=[Status.NO_ANSWER] * 6, deadline_s=120, unknown=True
    ),
}
DOWN_S = {"at once": 1.0, "after the command's time": 400.0}


@pytest.mark.parametrize(
    "down", ["at once", pytest.param("after the command's time", marks=pytest.mark.prove)]
)
@pytest.mark.parametrize("name", STORIES)
async def test_a_crash_at_any_moment(name: str, down: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "POLL_S", 60.0)
    moments = await play(STORIES[name])
    assert moments > 20
    for moment in range(1, moments + 1):
        try:
            await play(STORIES[name], [moment], DOWN_S[down])
        except BaseException as error:
            error.add_note(f"{name!r}, crashed at moment {moment} of {moments}, back {down}")
            raise


@pytest.mark.prove
@pytest.mark.parametrize("second", [1, 2, 3, 4, 6, 9, 13])
@pytest.mark.parametrize("name", ["the command is lost", "its result is late", "all goes well"])
async def test_a_crash_soon_after_a_crash(
    name: str, second: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "POLL_S", 60.0)
    for moment in range(3, 33, 2):
        try:
            await play(STORIES[name], [moment, second], 1.0)
        except BaseException as error:
            error.add_note(f"{name!r}, crashed at moment {moment}, then at {second}")
            raise


async def play(story: Story, crashes: Sequence[int] = (), down_s: float = 1.0) -> int:
    """One run, with a crash at each of these moments of successive lives; its moments."""
    async with opened(start=False) as office:
        office.field.script += story.script
        office.field.withdrawals += story.withdrawals
        office.field.looks += story.looks
        if story.offline_s:
            office.field.connected = Connectivity(False, office.clock.now())
            asyncio.get_running_loop().call_later(story.offline_s, back_online, office)
        now = office.clock.now()
        bound = None if story.bounded_s is None else now + timedelta(seconds=story.bounded_s)
        submissions = [
            Submission(
                "CIS",
                (replace(wish, until=bound),),
                message_id=f"m{number}",
                deadline=now + timedelta(seconds=story.deadline_s),
                any_day=True,
            )
            for number, wish in enumerate(story.wishes)
        ]
        for moment in (*crashes, None):
            fuse = Fuse(moment)
            office.start(fuse.store, fuse.field)
            living = asyncio.create_task(live(office, submissions))
            dying = asyncio.create_task(fuse.blown.wait())
            done, _ = await asyncio.wait({living, dying}, return_when=asyncio.FIRST_COMPLETED)
            await office.crash()
            for task in (living, dying):
                task.cancel()
            await asyncio.gather(living, dying, return_exceptions=True)
            if living in done:
                living.result()
                break
            await asyncio.sleep(down_s)
        assert living in done
        await check(office, story)
        return fuse.moments


def back_online(office: Office) -> None:
    office.field.connected = Connectivity(True)


async def live(office: Office, submissions: Sequence[Submission]) -> None:
    """The commercial system sends each message until it is answered; then all orders end."""
    for submission in submissions:
        await office.accept(submission)
    async with asyncio.timeout(12 * 3600):
        while True:
            orders = office.store.read(lambda connection: queries.orders(connection, limit=100))
            open_ = [order for order in orders if not order.final]
            if not open_ and all(order.verify_at is None for order in orders):
                return
            assert office.life.lanes.errors == []
            await office.life.settling.wait_for_end([order.number for order in open_] or [0], 30)


async def check(office: Office, story: Story) -> None:
    await office.check()
    orders = office.store.read(lambda connection: queries.orders(connection, limit=100))
    assert len(orders) == len(story.wishes) * (1 if story.bounded_s is None else 2)
    for order in orders:
        effects = [command for command in office.field.effects if command.order == order.number]
        if story.unknown and order.state is State.EXPIRED:  # the process was down until then
            assert effects == []
        elif story.unknown and order.state is not State.DONE:
            assert order.reason is ReasonCode.EFFECT_NOT_KNOWN
            (note,) = [message.note for message in office.told(order.number) if message.note]
            assert ("the command took effect" in note) is bool(effects)
        else:
            assert order.state is State.DONE, office.journal(order.number)
            assert len(effects) == 1
        for attempt in office.attempts(order.number):  # nobody may have seen how a reading ended
            assert attempt.ended_at or attempt.verification
    # One meter's orders act in the order of their acceptance.
    acted = [command.order for command in office.field.effects]
    assert acted == sorted(acted)
