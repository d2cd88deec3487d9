"""The fault logs of a concentrator: its own, and its modem's, which it hands on.

After a recovered connection the head-end gets what neither log has told it yet.  Each line is told
once unasked; the message that carries it is owed until the head-end's receipt.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from devices.concentrator.flash import Flash
from devices.modem import Modem
from protocols.concentrator.messages import FaultEntry

LINES_MAX = 200


class FaultBook:
    """Writes the own log and reads both."""

    def __init__(self, flash: Flash, modem: Modem) -> None:
        self._flash = flash
        self._modem = modem

    def write(
        self,
        at: datetime,
        component: Literal["power", "network", "concentrator"],
        text: str,
        since: datetime | None = None,
    ) -> None:
        """Add a line to the own log, of what began `since`; the oldest goes when it is full."""
        log = self._flash.fault_log
        log.append(FaultEntry(at=at, component=component, code=0, text=text, since=since))
        if len(log) > LINES_MAX:
            del log[0]
            self._flash.faults_told = max(0, self._flash.faults_told - 1)

    def since(self, since: datetime) -> tuple[FaultEntry, ...]:
        """Both logs from a time on, in order of time."""
        own = (entry for entry in self._flash.fault_log if entry.at >= since)
        return _in_order([*own, *self._modem.fault_log(since)])

    def news(self) -> tuple[FaultEntry, ...]:
        """What has not been told yet.  It counts as told from now on."""
        flash = self._flash
        fresh = flash.fault_log[flash.faults_told :]
        flash.faults_told = len(flash.fault_log)
        until = flash.modem_told_until
        modem = [
            entry for entry in self._modem.fault_log(until) if until is None or entry.at > until
        ]
        if modem:
            flash.modem_told_until = modem[-1].at
        return _in_order([*fresh, *modem])


def _in_order(entries: list[FaultEntry]) -> tuple[FaultEntry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.at))
