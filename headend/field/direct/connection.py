"""The way to one meter: a line, the link over it, and the association that stands in the link.

Drives the scripts of `protocols.dlms.script`.  One that opens an association names its engines by
itself, the public client's among them, and each gets a link of its own over the same line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from headend.field.direct.access import Access
from headend.field.direct.dialogue import Dialogue, LinkGone, NoLine, NotAgreed, Notification
from headend.field.direct.line import Line, LineError, LineLost
from headend.field.direct.links import link_for
from headend.field.direct.trace import Layer, Trace
from headend.field.direct.wire import Wire
from headend.models import Association, Framing, Model
from headend.models.schema import PUBLIC
from protocols.dlms.events import Associated
from protocols.dlms.procedures import NotSent, Pause, Unanswered
from protocols.dlms.script import Heard, Script, Use
from protocols.link import LinkDown

T = TypeVar("T")


class Connection:
    """See the module.  `next_own` and `peer_lowest`: the invocation counters, as far as known;
    `peers` those of meters under the same key, by their system titles."""

    def __init__(
        self,
        line: Line,
        model: Model,
        access: Access,
        trace: Trace,
        *,
        dry_run: bool,
        notified: Callable[[Notification], None] | None,
    ) -> None:
        self.line = line
        self._model = model
        self._access = access
        self._trace = trace
        self._dry_run = dry_run
        self._notified = notified
        self._line_open = False
        self._wire: Wire | None = None  # the present one, or the last
        self.dialogue: Dialogue | None = None
        self.associated: Associated | None = None
        self.next_own: int | None = None
        self.peer_lowest = 0
        self.peers: dict[bytes, int] = {}

    @property
    def lost(self) -> LineLost | None:
        """How the line ended, where it did."""
        return None if self._wire is None else self._wire.lost

    async def drive(
        self,
        script: Script[T],
        framing: Framing | None = None,
        association: Association | None = None,
    ) -> T:
        """Drive a script to its end; raises what it does not catch of `Unanswered`.

        One that opens an association names the engines by itself, each for a link of its own.
        """
        try:
            said = next(script)
            while True:
                heard: Heard = None
                try:
                    if isinstance(said, Pause):
                        await asyncio.sleep(said.seconds)
                    elif isinstance(said, Use):
                        assert framing is not None and association is not None
                        await self._use(said, framing, association)
                    else:
                        assert self.dialogue is not None
                        heard = await self.dialogue.exchange(said)
                except NotAgreed as error:
                    heard = NotSent(str(error))
                except Unanswered as error:
                    said = script.throw(error)
                    continue
                said = script.send(heard)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            script.close()

    async def _use(self, use: Use, framing: Framing, association: Association) -> None:
        """Make the link for an engine; the one before is closed, its association was released."""
        await self.hang_up()
        if self.lost is not None:  # meters hang up after a release
            await self.close()
        self._wire = None
        await self._open_line()
        line, model = self.line, self._model
        used = model.association[PUBLIC] if use.for_counter else association
        link = link_for(framing, model, used, datagrams=not line.stream, line=line.setting)
        self._wire = wire = Wire(line, link, self._trace)
        self.dialogue = dialogue = Dialogue(
            wire,
            use.engine,
            self._trace,
            self._access.counters if used.ciphers else None,
            self._access.peers,
            pause_s=model.quirks.pause_s,
            dry_run=self._dry_run,
            notified=self._notified,
        )
        dialogue.confidential = not use.for_counter
        dialogue.wire.secret = used.takes_password
        up = await dialogue.wire.connect()
        if isinstance(up, LinkDown):
            raise LinkGone(up)

    async def hang_up(self) -> None:
        """End association and link; the line stays open."""
        dialogue, associated = self.dialogue, self.associated
        self.dialogue = self.associated = None
        if dialogue is None:
            return
        try:
            if associated is not None and self._model.quirks.release:
                await dialogue.release()
            await dialogue.wire.disconnect()
        finally:
            await dialogue.settle()
            if dialogue.counts:
                engine = dialogue.engine
                self.next_own = engine.invocation_counter
                if self._access.peers is None:
                    self.peer_lowest = engine.peer_invocation_counter
                else:
                    self.peers[engine.peer_system_title] = engine.peer_invocation_counter

    async def _open_line(self) -> None:
        if self._line_open:
            return
        try:
            await self.line.open()
        except LineError as error:
            raise NoLine(error) from error
        self._line_open = True
        self._trace.note(Layer.LINE, f"{self.line.name} is open")

    async def close(self) -> None:
        if self._line_open:
            self._line_open = False
            await self.line.close()
            self._trace.note(Layer.LINE, f"{self.line.name} is closed")
