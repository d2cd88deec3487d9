"""A page as it fills, for layers that find instances one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from headend.integration.cim.layer import BadPosition, Condition, Flaw, Page
from protocols.cim.profile import lexical
from protocols.cim.profile.instance import Instance, Position
from protocols.cim.profile.lexical import NotAValue
from protocols.cim.profile.model import Primitive


class Filling:
    """Takes instances in order of their positions, for which the conditions hold.  One more than a
    page holds tells that another page follows."""

    def __init__(self, conditions: Sequence[Condition], limit: int) -> None:
        self._conditions, self._limit = conditions, limit
        self._found: list[tuple[Position, Instance, tuple[Flaw, ...]]] = []
        self.looked_up_to: Position | None = None
        """Where a page that is not full ends before all there is."""

    @property
    def full(self) -> bool:
        return len(self._found) > self._limit

    @property
    def ended(self) -> bool:
        """Whether nothing more is taken."""
        return self.full or self.looked_up_to is not None

    @property
    def left(self) -> int:
        """How many instances more make it full."""
        return self._limit + 1 - len(self._found)

    def add(self, position: Position, instance: Instance, flaws: tuple[Flaw, ...] = ()) -> None:
        """Take an instance, or what stands in the place of one that is left out."""
        if all(instance.attributes.get(it.attribute.name) == it.value for it in self._conditions):
            self._found.append((position, instance, flaws))

    def page(self) -> Page:
        """What was taken."""
        given = self._found[: self._limit]
        return Page(
            tuple(
                instance for _, instance, flaws in given if not any(each.left_out for each in flaws)
            ),
            given[-1][0] if self.full and given else self.looked_up_to,
            tuple(flaw for _, _, flaws in given for flaw in flaws),
        )


def instant_in(text: str) -> datetime:
    """A time in a position.  Raises `BadPosition`."""
    try:
        value = lexical.read(Primitive.DATE_TIME, text)
    except NotAValue as error:
        raise BadPosition(str(error)) from error
    assert isinstance(value, datetime)
    return value
