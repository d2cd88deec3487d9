"""The way to devices, and who hears what arrives unasked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from headend.domain.evidence import Evidence
from headend.domain.meter_image import MeterImage
from headend.domain.reading import WantedObject
from protocols.concentrator.messages import (
    Action,
    ClockWanted,
    DemandMark,
    FaultEntry,
    KeysWanted,
    Result,
    TariffWanted,
)


@dataclass(frozen=True, slots=True)
class Command:
    """What a concentrator is asked to do.  (`order`, `attempt`) identifies it for good."""

    order: int
    attempt: int
    concentrator: str
    meter: str
    action: Action
    not_after: datetime
    amount: Decimal | None = None
    unit: str | None = None
    objects: tuple[WantedObject, ...] = ()
    clock: ClockWanted | None = None
    tariff: TariffWanted | None = None
    since: DemandMark | None = None  # RESET_DEMAND only
    model: str = "generic"
    image: MeterImage | None = None  # UPDATE_FIRMWARE only
    keys: KeysWanted | None = None  # CHANGE_KEYS through a concentrator only
    activate: bool = True  # UPDATE_FIRMWARE: the time has come to start what is verified


@dataclass(frozen=True, slots=True)
class Connectivity:
    """What is known of a concentrator's session.  `online` is None before any word of it."""

    online: bool | None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a command, as far as the head-end heard.

    `sent` is False when nothing was published (the concentrator was known to be offline, or the
    broker was): the command cannot have had an effect.  `accepted` tells that the concentrator
    stored it.  `result` is its final word, where it arrived in time.

    `direct`: no concentrator is between us and the meter, the result is our own, and `evidence` is
    what our line saw.
    """

    sent: bool
    accepted: bool = False
    result: Result | None = None
    direct: bool = False
    evidence: tuple[Evidence, ...] = ()


class Field(Protocol):
    """The way to devices, by MQTT to concentrators or straight to meters."""

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        """Have a command carried out and wait for word of it, at most until shortly after its
        `not_after`.

        `again`: an earlier life of ours may have sent it.  A concentrator answers that from memory;
        where there is none, what can act is not sent a second time, and its effect is unknown.
        """
        ...

    async def withdraw(self, command: Command) -> Report:
        """Ask that a command be not begun; the result tells whether it was, and how it ended."""
        ...

    async def stored(self, command: Command) -> None:
        """What was reported of a command is stored: its result is receipted to its sender.  Left
        out, the sender repeats the result, which then arrives as a late one."""
        ...

    def open(self, concentrator: str) -> bool:
        """Whether our own way there stands (the broker), whatever is at its other end."""
        ...

    def connectivity(self, concentrator: str) -> Connectivity: ...

    def listen(self, listener: FieldListener) -> None:
        """Name the one who hears what nobody waits for."""
        ...


class FieldListener(Protocol):
    """Hears what arrives from the field unasked, or too late for whoever asked.

    A message is receipted to its sender only after the method returned, that is, once stored.
    """

    async def late_result(self, concentrator: str, result: Result) -> None: ...

    async def in_other_hands(self, order: int) -> bool:
        """Whether another worker is just taking a step with an order, and waits for its result."""
        ...

    async def came_online(self, concentrator: str, at: datetime) -> None: ...

    async def went_offline(self, concentrator: str, at: datetime) -> None: ...

    async def meter_reachable(self, concentrator: str, meter: str) -> None:
        """A meter's module has a place in its concentrator's network again, or another way."""
        ...

    async def learned(self, concentrator: str, entries: Sequence[FaultEntry]) -> None:
        """A fault log was read after recovery."""
        ...


class CarrierPortal(Protocol):
    """The mobile operator's portal: what it says of a SIM, or nothing."""

    async def ask(self, sim: str) -> Evidence | None: ...
