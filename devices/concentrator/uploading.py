"""Uploads what was collected: one batch at a time, owed until its receipt.

A batch is made only while there is a session, so that while there is none the memory itself decides
what is kept.  Blocks move from memory into the batch, and the batch lies in the outbox: each block
is in one place of flash at any time, and is told until somebody has it.
"""

from __future__ import annotations

from collections.abc import Callable

import simpy

from devices.concentrator.desk import Desk
from devices.concentrator.flash import Flash
from devices.concentrator.memory import BATCH_OCTETS, Memory
from devices.deadlines import later
from protocols.concentrator.collecting import Upload, packed
from protocols.concentrator.messages import encode

LINGER_S = 60.0  # for more blocks to come; larger batches pack better


class Uploading:
    """See the module.  `online` tells whether there is a session."""

    def __init__(
        self,
        env: simpy.Environment,
        desk: Desk,
        flash: Flash,
        memory: Memory,
        *,
        online: Callable[[], bool],
        linger_s: float = LINGER_S,
    ) -> None:
        self._env = env
        self._desk = desk
        self._flash = flash
        self._memory = memory
        self._online = online
        self._linger_s = linger_s
        self._lingering = False
        self._halted = False

    def halt(self) -> None:
        """The power is gone."""
        self._halted = True

    def session_begun(self) -> None:
        """There is a session: what has waited for one waits no longer."""
        self._upload()

    def news(self) -> None:
        """A block was stored: upload, soon or at once."""
        if self._memory.octets >= BATCH_OCTETS:
            self._upload()
        elif len(self._memory) and not self._lingering:
            self._lingering = True
            later(self._env, self._linger_s, self._lingered)

    def receipted(self, message_id: str) -> None:
        """The head-end has stored a message; where it is our upload, the next may go."""
        if message_id == self._flash.collected.upload:
            self._flash.collected.upload = ""
            self._upload()

    def _lingered(self) -> None:
        if not self._halted:
            self._lingering = False
            self._upload()

    def _upload(self) -> None:
        collected = self._flash.collected
        if self._halted or collected.upload or not len(self._memory) or not self._online():
            return
        dropped, collected.dropped = collected.dropped, 0
        batch = self._memory.take()
        message = Upload(
            id=self._desk.new_id(),
            at=self._desk.now(),
            blocks=len(batch.blocks),
            waiting=len(self._memory),
            dropped=dropped,
            packed=packed(batch),
        )
        collected.upload = message.id
        self._desk.outbox.owe(message.id, encode(message))
