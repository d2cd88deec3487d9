"""An image to several meters of a street at once: each block is sent once, and all listen.

    joining   each meter by itself: initiated (class 18, method 1), and given the street's keys
    sending   the blocks, one message each, to everybody; nobody answers
    asking    each meter by itself what it lacks, by its next ordinary session: a little is sent to
              it there and then, much waits for another pass, of what several lack

The initiation is unicast and acknowledged: a meter that had missed it would take the blocks for
those of the image before.  Verification and activation are unicast as ever.  Nothing here is needed
for an update to succeed: what a broadcast did not bring, `street_update` does.

All of it is in flash, the invocation counter before it is used: after a reboot it goes on with the
block that was under way.  Keys are made anew for each broadcast, so that nothing said in an earlier
one, or by a meter that has moved to another street, is worth anything in this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from functools import partial
from random import Random
from typing import Any, Protocol

import simpy

from devices.concentrator.flash import Bringing, Broadcast, MeterImages, Pass
from devices.concentrator.image_store import ImageStore
from devices.concentrator.power_line import PowerLine
from devices.concentrator.table import Entry
from devices.concentrator.turns import BULK, Turns
from protocols.concentrator.messages import MeterImage
from protocols.dlms.broadcast import block_for_all, street_keys, then_join
from protocols.dlms.firmware_update import Advance
from protocols.dlms.procedures import Outcome, Pause
from protocols.dlms.procedures.steps import Request

METERS_MIN = 2
"""Of one image that is to be broadcast.  Two meters already have 80 blocks in half of the time,
also with 30 % of frames lost (measured: docs/firmware.md); one has nobody to share with."""
SESSION_BLOCKS = 12
"""What a session costs beside its blocks, in the time that a block takes by unicast: association,
proofs, where the meter stands, the keys, release.  Some 8 on a quiet line (measured: 3.5 s, of
0.46 s a block), and half as much again for what goes wrong."""
BLOCK_OCTETS = 256  # of a meter that was not asked yet (assumption)
PASSES_MAX = 4
VOTES_MIN = 2  # meters that lack a block, for it to be in another pass

Steps = Generator[Request | Pause, Any, Outcome]


class Session(Protocol):
    """A session's share of an update, with a meter whose turn is ours (`StreetUpdate`)."""

    def __call__(
        self,
        entry: Entry,
        bringing: Bringing,
        *,
        go_on: Callable[[Advance], bool],
        also: Callable[[Steps], Steps],
    ) -> Generator[simpy.Event, Any, Advance]: ...


class StreetBroadcast:
    """See the module.  `street_update` calls `step` before each meter that it turns to."""

    def __init__(
        self,
        line: PowerLine,
        held: MeterImages,
        table: dict[str, Entry],
        turns: Turns,
        images: ImageStore,
        *,
        system_title: bytes,
        secrets: Random,
        session: Session,
    ) -> None:
        self._line = line
        self._held = held
        self._table = table
        self._turns = turns
        self._images = images
        self._system_title = system_title
        self._secrets = secrets
        self._session = session

    def step(self, pending: list[str]) -> Generator[simpy.Event, Any, bool]:
        """The next thing to do for these meters together; False where each is on its own now."""
        under_way = self._held.broadcast or self._begun(pending)
        if under_way is None:
            return False
        octets = self._images.whole(under_way.image)
        if octets is None:
            self._held.broadcast = None
            return True
        match under_way.at:
            case Pass.JOINING:
                yield from self._join(under_way, pending)
            case Pass.SENDING:
                yield from self._send(under_way, octets, pending)
            case Pass.ASKING:
                return self._weighed(under_way, pending)
        return True

    # --- while each meter is on its own -----------------------------------------------------------

    def lacks_much(self, meter: str, advance: Advance) -> bool:
        """Whether a meter whose session has begun should wait for another pass."""
        under_way = self._asking(meter)
        if under_way is None or under_way.passes >= PASSES_MAX:
            return False
        return len(advance.lacking) > 2 * SESSION_BLOCKS

    def asked(self, meter: str, advance: Advance) -> None:
        """A session with a meter has ended, whatever came of it."""
        if (under_way := self._asking(meter)) is not None:
            under_way.lacking[meter] = advance.lacking if self.lacks_much(meter, advance) else ()

    def waits(self, meter: str) -> bool:
        """Whether a meter waits for another pass."""
        under_way = self._asking(meter)
        return under_way is not None and bool(under_way.lacking.get(meter))

    def _asking(self, meter: str) -> Broadcast | None:
        under_way = self._held.broadcast
        if under_way is None or under_way.at is not Pass.ASKING or meter not in under_way.members:
            return None
        return under_way

    # --- joining ----------------------------------------------------------------------------------

    def _begun(self, pending: list[str]) -> Broadcast | None:
        """A new one, where there is an image that enough meters await."""
        awaited = Counter(
            self._held.meters[meter].image.image for meter in pending if self._may_join(meter)
        )
        for meter in pending:
            image = self._held.meters[meter].image
            if worth(awaited[image.image], -(-image.octets // BLOCK_OCTETS)):
                secret = self._secrets.randbytes(32)
                self._held.broadcast = Broadcast(image, street_keys(secret))
                return self._held.broadcast
        return None

    def _may_join(self, meter: str) -> bool:
        bringing = self._held.meters[meter]
        if bringing.asked or self._table[meter].street_master is None:
            return False
        told = bringing.told
        return told is None or not told.blocks or told.missing > 2 * SESSION_BLOCKS

    def _join(self, under_way: Broadcast, pending: list[str]) -> Generator[simpy.Event, Any, None]:
        ready = [
            meter
            for meter in self._of(under_way.image, pending)
            if self._may_join(meter) and not self._turns.taken(meter)
        ]
        if not ready:
            self._begin_sending(under_way)
            return
        meter = min(ready)
        entry, bringing = self._table[meter], self._held.meters[meter]
        assert entry.street_master is not None
        taken: list[bool] = []
        with self._turns.of(meter).request(priority=BULK) as turn:
            yield turn
            advance = yield from self._session(
                entry,
                bringing,
                go_on=lambda advance: False,
                also=partial(
                    then_join,
                    master=entry.street_master,
                    keys=under_way.keys,
                    joined=lambda: taken.append(True),
                ),
            )
        bringing.asked = True
        size = under_way.block_octets or advance.block_octets
        if taken and advance.block_octets == size:
            under_way.members.append(meter)
            under_way.block_octets = size

    def _begin_sending(self, under_way: Broadcast) -> None:
        blocks = -(-under_way.image.octets // (under_way.block_octets or BLOCK_OCTETS))
        if not worth(len(under_way.members), blocks):
            self._held.broadcast = None
            return
        under_way.left = list(range(blocks))
        under_way.at = Pass.SENDING

    # --- sending ----------------------------------------------------------------------------------

    def _send(
        self, under_way: Broadcast, octets: bytes, pending: list[str]
    ) -> Generator[simpy.Event, Any, None]:
        """One block; then whatever is urgent has the line."""
        listening = {*under_way.members} & {*self._of(under_way.image, pending)}
        if not under_way.left or len(listening) < VOTES_MIN:
            under_way.at, under_way.lacking, under_way.left = Pass.ASKING, {}, []
            under_way.passes += 1
            return
        counter, under_way.counter = under_way.counter, under_way.counter + 1
        frame = block_for_all(
            under_way.keys,
            self._system_title,
            counter,
            octets,
            under_way.block_octets,
            under_way.left[0],
        )
        legs = [entry.leg for entry in self._table.values()]  # whoever has no key hears it as well
        with self._line.medium.request(priority=BULK) as turn:
            yield turn
            yield from self._line.cleared()
            yield from self._line.to_all(legs, frame, listening.__contains__)
        del under_way.left[0]

    # --- asking -----------------------------------------------------------------------------------

    def _weighed(self, under_way: Broadcast, pending: list[str]) -> bool:
        """Whether there was anything to decide: once each meter has said what it lacks."""
        standing = {*under_way.members} & {*self._of(under_way.image, pending)}
        if any(m not in under_way.lacking and not self._turns.taken(m) for m in standing):
            return False
        lists = [blocks for meter, blocks in under_way.lacking.items() if meter in standing]
        votes = Counter(block for blocks in lists for block in blocks)
        again = sorted(block for block, count in votes.items() if count >= VOTES_MIN)
        saved = sum(votes[block] - 1 for block in again)
        if saved > SESSION_BLOCKS * sum(map(bool, lists)):
            under_way.left, under_way.at, under_way.lacking = again, Pass.SENDING, {}
        else:
            self._held.broadcast = None
        return True

    def _of(self, image: MeterImage, pending: list[str]) -> list[str]:
        meters = self._held.meters
        return [meter for meter in pending if meters[meter].image.image == image.image]


def worth(meters: int, blocks: int) -> bool:
    """Whether a broadcast saves time: the blocks of all meters but one, for a session more of
    each."""
    return meters >= METERS_MIN and (meters - 1) * blocks > SESSION_BLOCKS * meters
