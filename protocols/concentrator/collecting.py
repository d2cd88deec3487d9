"""Store-and-forward: what a concentrator collects by itself, and how it is uploaded.

A concentrator reads its meters by a table of tasks, keeps what it read in blocks, and uploads them
in batches.  A batch travels packed: MessagePack (its layouts named once for all blocks that share
them), deflated.  A profile's buffer travels as the meter gave it, so that whoever stores it can
decode it, and decode it again.
"""

from __future__ import annotations

import enum
import zlib
from datetime import datetime
from typing import Annotated

import msgspec

from protocols.concentrator.direction import (
    FromConcentrator,
    ObjectRead,
    ObjectWanted,
    ToConcentrator,
)

BATCH_OCTETS_MAX = 4 << 20
"""Of a batch once inflated; more is refused, so that nobody can fill the reader's memory."""


class BadBatch(ValueError):
    """The packed octets are no batch; the text says why."""


class Kind(enum.StrEnum):
    """What a task reads."""

    PROFILE = "profile"  # rows of a profile (class 7), from where the last reading ended
    EVENTS = "events"  # rows of an event log, likewise; several may bear one time
    REGISTERS = "registers"  # objects as they are when read


class TimeSpan(msgspec.Struct, frozen=True):
    """Rows whose time is after `begin`, up to and with `end`."""

    begin: datetime
    end: datetime


class Task(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is read of which meters, how often, and in which hours.

    It falls due at `after_s` past midnight in `zone` and every `every_s` from there: at the same
    times of the wall clock where it is due less than hourly.  With `weekday` it falls due once a
    week, with `day` once a month, `after_s` past the midnight at which that day
    begins.  Meters that do not answer are tried again until `window_s` have passed, and in any case
    when it falls due anew; a profile is then read from where the last reading ended.  Orders
    overtake every task.
    """

    name: str  # within the table
    kind: Kind
    objects: tuple[ObjectWanted, ...]  # of a profile or an event log the one whose buffer is read
    every_s: int  # a part of a day, or whole days; not looked at with `weekday` or `day`
    after_s: int = 0
    weekday: Annotated[int, msgspec.Meta(ge=1, le=7)] | None = None  # 1 is Monday
    day: Annotated[int, msgspec.Meta(ge=1, le=31)] | None = None  # of the month, or its last one
    zone: str = ""  # whose midnight, as the IANA names it; left out: UTC
    window_s: int = 0  # 0: until it falls due anew
    priority: int = 5  # among tasks that are due; 1 comes first
    meters: tuple[str, ...] = ()  # none named: every meter of the concentrator's table
    back_s: int = 86_400  # how far back the first reading of a profile reaches
    whole_days: bool = False  # of a profile: up to the newest midnight in `zone`, the rest later
    spans: tuple[TimeSpan, ...] = ()  # of a profile: only these rows, once; the earliest first
    blocks_max: int = 200  # kept of one meter; beyond, the oldest is dropped, counted and told


class SetTasks(ToConcentrator, frozen=True, tag="set-tasks", kw_only=True):
    """The whole table of tasks; it takes the place of the one before.

    Answered by a `receipt` once it is stored.  A version that is not above the stored one is
    receipted and changes nothing.  A task of the same name, kind and objects keeps where it is.
    """

    version: int  # counts up; `online` tells which one the concentrator has
    tasks: tuple[Task, ...]


class ColumnTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one column of a profile holds: an entry of capture_objects, and its scaler_unit."""

    class_id: int
    name: str  # logical name
    attribute: int
    index: int = 0
    scaler: int | None = None
    unit: int | None = None  # the code of the Blue Book


class Layout(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a profile's rows hold, as the meter told when it was last asked."""

    profile: str  # logical name
    columns: tuple[ColumnTold, ...]
    period_s: int = 0  # capture period; 0: captured on an event


class Block(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one reading of one meter brought.

    `number` counts the blocks of this meter and task, those that memory dropped included: (meter,
    task, number) names a block for ever, and a gap tells how many are lost.
    """

    meter: str
    task: str
    number: int
    read_at: datetime  # by the concentrator's clock
    layout: int | None = None  # of a profile or event log: which of the batch's layouts
    buffer: bytes = b""  # the buffer's A-XDR octets
    rows: int = 0  # how many rows it holds
    readings: tuple[ObjectRead, ...] = ()  # of a task of registers

    def at_layout(self, number: int) -> Block:
        """The same, with its layout's place in a batch."""
        return msgspec.structs.replace(self, layout=number)


class Batch(msgspec.Struct, frozen=True):
    """What an upload's `packed` holds."""

    layouts: tuple[Layout, ...]
    blocks: tuple[Block, ...]


class Upload(FromConcentrator, frozen=True, tag="upload", omit_defaults=True, kw_only=True):
    """Blocks that were collected.  Sent again until the head-end's receipt arrives.

    Both sides may meet a block twice; the head-end keeps each interval once.
    """

    blocks: int  # how many are in it
    waiting: int = 0  # blocks that come after it
    dropped: int = 0  # blocks that memory lost since the upload before
    packed: bytes  # a Batch as MessagePack, deflated (RFC 1950); base64 in JSON


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(Batch)


def packed(batch: Batch) -> bytes:
    """A batch as it travels."""
    return zlib.compress(_pack.encode(batch), 6)


def unpacked(octets: bytes) -> Batch:
    """A batch that came.  Raises `BadBatch`."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(octets, BATCH_OCTETS_MAX)
        if not inflater.eof:
            raise BadBatch(f"cut short, or more than {BATCH_OCTETS_MAX} octets")
        batch = _unpack.decode(plain)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBatch(str(error)) from error
    for block in batch.blocks:
        if block.layout is not None and not 0 <= block.layout < len(batch.layouts):
            raise BadBatch(f"block {block.meter} {block.task} {block.number} has no layout")
    return batch
