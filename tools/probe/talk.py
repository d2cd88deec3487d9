"""A talk with one meter, opened: procedures in, what they found out.

What may happen in the field is raised as `Stopped`, so that a verb reads as what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from headend.app.probe import Conversation, Failure, Opened, Progress, ReasonCode, of_outcome
from headend.app.probe import Withheld as NotSent
from headend.models import Association, Model
from protocols.concentrator.messages import Status
from protocols.dlms.objects.association import ObjectList
from protocols.dlms.procedures import Outcome, read_object_list
from protocols.dlms.procedures.identify import LOGICAL_DEVICE_NAME, SERIAL_NUMBER
from protocols.dlms.procedures.identify import text_of as identity_text
from protocols.dlms.services import AttributeDescriptor, GetResult
from tools.probe.acting import Watch, Withheld, withheld_report

if TYPE_CHECKING:
    from tools.probe.desk import Desk

T = TypeVar("T")

_REASONS = {
    Status.UNREPRESENTABLE: ReasonCode.LIMIT_NOT_REPRESENTABLE,
    Status.EMERGENCY: ReasonCode.EMERGENCY_ACTIVE,
    Status.NOT_APPLIED: ReasonCode.NOT_APPLIED,
    Status.UNKNOWN: ReasonCode.EFFECT_NOT_KNOWN,
}
"""Ends that `of_outcome` does not tell apart: of what was sent and did not have its effect."""


class Stopped(Exception):
    """The verb ends here, badly; `failure` says why and what to do next."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


@dataclass(slots=True)
class Talk:
    """See the module."""

    desk: Desk
    conversation: Conversation
    opened: Opened
    model: Model
    association: Association
    _objects: ObjectList | None = field(default=None, init=False)

    async def do(
        self,
        procedure: Generator[Any, Any, T | Outcome],
        progress: Callable[[Progress], None] | None = None,
    ) -> T:
        """What a procedure finds.  Raises `Stopped`."""
        found = await self.outcome(procedure, progress)
        if isinstance(found, Outcome):
            raise Stopped(failure_of(found))
        return found

    async def act(self, procedure: Generator[Any, Any, T | Outcome], **facts: object) -> T:
        """Carry out what may change something, and finds something; see `command`."""
        found = await self._act(procedure, facts)
        assert not isinstance(found, Outcome)
        return found

    async def command(self, procedure: Generator[Any, Any, Outcome], **facts: object) -> Outcome:
        """Carry out what may change something.  An outcome that is not done raises `Stopped`.

        The journal has its line, with `facts`, before the first request that acts leaves; in a
        dry run `Withheld` is raised there.
        """
        return await self._act(procedure, facts)

    async def _act(self, procedure: Generator[Any, Any, T], facts: dict[str, object]) -> T:
        watch, desk = Watch(), self.desk
        noted_targets: list[str] = []

        def noted() -> bool:
            """A line for each object and method; the thousand blocks of an image have one."""
            if not desk.dry_run and watch.target not in noted_targets:
                noted_targets.append(watch.target)
                desk.write_down(f"{desk.action}: sends", desk.meter, sends=watch.sent[-1:], **facts)
            return True

        try:
            found = await self.conversation.perform(watch.over(procedure), may_act=noted)
        except NotSent as error:
            entries = self.conversation.trace.entries
            raise Withheld(withheld_report(desk.report(""), watch.last, entries)) from error
        if isinstance(found, Failure):
            raise Stopped(found)
        if isinstance(found, Outcome) and found.status is not Status.DONE:
            raise Stopped(failure_of(replace(found, acted=found.acted or bool(watch.sent))))
        return found

    async def outcome(
        self,
        procedure: Generator[Any, Any, T],
        progress: Callable[[Progress], None] | None = None,
    ) -> T:
        """What a procedure returns, an `Outcome` too.  Raises `Stopped` where no word came."""
        found = await self.conversation.perform(procedure, progress=progress)
        if isinstance(found, Failure):
            raise Stopped(found)
        return found

    async def get(self, *attributes: AttributeDescriptor) -> Sequence[GetResult]:
        """Attributes, each with its value or why there is none.  Raises `Stopped`."""
        read = await self.conversation.read(*attributes)
        if isinstance(read, Failure):
            raise Stopped(read)
        return read

    async def number(self) -> str | None:
        """The meter's number, or else its logical device name; None where it tells neither."""
        for name in (SERIAL_NUMBER, LOGICAL_DEVICE_NAME):
            read = await self.conversation.read(AttributeDescriptor(1, name, 2))
            if isinstance(read, Failure):
                return None
            if text := identity_text(read[0]):
                return text
        return None

    async def objects(self, progress: Callable[[Progress], None] | None = None) -> ObjectList:
        """The association's object list, read once.  Raises `Stopped`."""
        if self._objects is None:
            self._objects = await self.do(read_object_list(), progress)
            self.conversation.met(self._objects)
        return self._objects


def failure_of(outcome: Outcome) -> Failure:
    """An outcome that is no success, as a reason with its next step."""
    reason = _REASONS.get(outcome.status)
    if reason is None:
        return of_outcome(outcome, acted=outcome.acted)
    why = outcome.detail
    if outcome.limit is not None:
        why += f"; the meter shows {outcome.limit.threshold_normal} {outcome.limit.unit}"
    next_step = {
        ReasonCode.LIMIT_NOT_REPRESENTABLE: "give an amount in the steps of the meter's register",
        ReasonCode.EMERGENCY_ACTIVE: "wait for the end of the emergency profile",
        ReasonCode.NOT_APPLIED: "read it again; the meter may be at fault",
        ReasonCode.EFFECT_NOT_KNOWN: "read it back before you repeat the command",
    }[reason]
    acted = outcome.acted and reason is ReasonCode.EFFECT_NOT_KNOWN
    return Failure(reason, why, next_step, acted)
