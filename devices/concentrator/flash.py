"""What a concentrator still knows after a reboot.

Everything else in it is lost with its power.  The values here are written before what they speak of
happens: an attempt is stored before it is accepted, 'about to act' before the frame that acts
leaves, an invocation counter is reserved before it is used.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from protocols.concentrator.collecting import Block, Layout, Task
from protocols.concentrator.firmware import Progress as Updated
from protocols.concentrator.messages import (
    Action,
    ClockWanted,
    DemandMark,
    FaultEntry,
    KeysWanted,
    ObjectWanted,
    TariffWanted,
)
from protocols.concentrator.meter_firmware import MeterImage, UpdateTold
from protocols.concentrator.upkeep import EventEntry
from protocols.dlms.firmware_update import Memory
from protocols.dlms.keys import Keys
from protocols.dlms.procedures import Captured


class Key(NamedTuple):
    """What identifies an attempt for good."""

    order: str
    attempt: int


class Stage(enum.Enum):
    """How far an attempt has come."""

    STORED = "stored"  # nothing that acts has been sent
    ACTING = "acting"  # a frame that acts has been sent, or was about to be
    ENDED = "ended"


@dataclass(slots=True)
class Attempt:
    """One attempt of an order.  `result` is the message that tells how it ended, encoded."""

    key: Key
    meter: str
    action: Action
    amount: str | None
    unit: str | None
    not_after: datetime
    behind_s: float = 0.0  # by how much the own clock is, as far as the head-end's messages show
    expires_uptime: float | None = None  # in memory only: uptime counts anew after a reboot
    stage: Stage = Stage.STORED
    withdrawn: bool = False
    result_id: str = ""
    result: bytes = b""
    receipted: bool = False
    keep_until: datetime | None = None  # once ended
    objects: tuple[ObjectWanted, ...] = ()
    clock: ClockWanted | None = None
    tariff: TariffWanted | None = None
    since: DemandMark | None = None
    firmware: MeterImage | None = None
    keys: KeysWanted | None = None


@dataclass(slots=True)
class Owed:
    """A message that the head-end has not receipted yet."""

    payload: bytes
    keep_max: int | None = None  # so many of its kind are kept, the newest; None: until the receipt
    tries: int = 0
    next_at: float = 0.0  # world's time; counts from the start again after a reboot


@dataclass(slots=True)
class Counters:
    """Invocation counters of one meter's association."""

    next_own: int | None = None  # None: not known, ask the meter
    peer_lowest: int = 0  # the lowest that is accepted from the meter


@dataclass(slots=True)
class NewKeys:
    """Keys that a meter may have: a transfer of them was to be sent, and nothing has shown yet what
    became of it."""

    keys: Keys = field(repr=False)
    counters: Counters = field(default_factory=lambda: Counters(next_own=1))


@dataclass(slots=True)
class Progress:
    """How far a task has come at one meter."""

    done_for: float | None = None  # POSIX seconds of the due time that was last satisfied
    next_from: float | None = None  # of a profile: the earliest row that was not read yet
    last_rows: bytes = b""  # of an event log: the newest time's rows, which come again
    captured: Captured | None = None  # what the profile held, to spare questions
    blocks: int = 0  # numbers given to blocks
    read_at: float | None = None
    failed: int = 0  # tries in a row
    trouble: str = ""  # of the last try


@dataclass(slots=True)
class Kept:
    """One block in memory, waiting to be uploaded."""

    block: Block
    layout: Layout | None

    @property
    def octets(self) -> int:
        return len(self.block.buffer) + sum(len(each.raw) + 64 for each in self.block.readings) + 64


@dataclass(slots=True)
class Stranger:
    """A module that was found, and what the head-end has decided."""

    found_at: float  # world's time
    meter: str = ""  # admitted under this name
    refused: str = ""  # why


@dataclass(slots=True)
class Image:
    """Another firmware, in the second place."""

    sha256: str
    version: str
    size: int
    activate_at: datetime  # by the own clock
    octets: bytes = b""
    progress: Updated = Updated.FETCHING
    activating: bool = False  # the next start is with it
    failed: bool = False  # it did not start, and nobody has been told yet


@dataclass(slots=True)
class Bringing:
    """An image on its way to one meter.  Nothing but an attempt of its order activates it."""

    order: str
    image: MeterImage
    until: datetime  # by the own clock; without another attempt until then the order is over
    memory: Memory = Memory()
    told: UpdateTold | None = None  # where the meter stood last
    refused: str = ""  # why it will not come to run; told by the next attempt
    sent: int = 0  # blocks that the meter took since the last attempt
    activated_at: datetime | None = None  # by the own clock
    asked: bool = False  # to take part in a broadcast, whatever came of it


class Pass(enum.Enum):
    """What a broadcast is at."""

    JOINING = "joining"  # meters are told of the image and given the key
    SENDING = "sending"  # blocks, to all at once
    ASKING = "asking"  # each meter, by itself, what it lacks


@dataclass(slots=True)
class Broadcast:
    """One image on its way to several meters at once."""

    image: MeterImage
    keys: Keys  # the street's, of this broadcast alone
    counter: int = 0  # the next under these keys; written before it is used
    at: Pass = Pass.JOINING
    members: list[str] = field(default_factory=list)  # the meters that have the keys
    block_octets: int = 0  # of each of them
    left: list[int] = field(default_factory=list)  # the blocks that this pass has yet to send
    passes: int = 0
    lacking: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By meter: what it lacked when it was asked after the last pass."""


@dataclass(slots=True)
class MeterImages:
    """Images for meters, each once, and the meters that they are for."""

    octets: dict[str, bytes] = field(default_factory=dict)  # by SHA-256; as far as they came
    meters: dict[str, Bringing] = field(default_factory=dict)
    broadcast: Broadcast | None = None


@dataclass(slots=True)
class Collected:
    """The task table, how far it has come, and what was read and not uploaded yet."""

    version: int = 0
    tasks: tuple[Task, ...] = ()
    progress: dict[tuple[str, str], Progress] = field(default_factory=dict)  # task, meter
    kept: dict[int, Kept] = field(default_factory=dict)  # by serial number, in order of arrival
    serial: int = 0
    upload: str = ""  # id of the upload that is owed
    dropped: int = 0  # blocks lost since the last upload was made
    dropped_ever: int = 0


@dataclass(slots=True)
class Flash:
    """The memory of one concentrator."""

    run: str = ""  # tells this device from an earlier one of its name, whose messages are known
    boot: int = 0
    ran_until: datetime | None = None  # when it stopped; real ones note each minute that they run
    port_lost_at: datetime | None = None  # when the link to an external router went
    messages: int = 0  # numbers given to messages since this boot
    attempts: dict[Key, Attempt] = field(default_factory=dict)
    outbox: dict[str, Owed] = field(default_factory=dict)
    counters: dict[str, Counters] = field(default_factory=dict)
    keys: dict[str, Keys] = field(default_factory=dict, repr=False)  # in place of those delivered
    new_keys: dict[str, NewKeys] = field(default_factory=dict)  # beside them, by meter
    fault_log: list[FaultEntry] = field(default_factory=list)  # the own one, newest last
    faults_told: int = 0  # how many of the own log's lines went to the head-end unasked
    modem_told_until: datetime | None = None  # of the modem's log likewise
    collected: Collected = field(default_factory=Collected)
    firmware: str = ""  # that runs, where it is another than the one delivered
    image: Image | None = None
    images: MeterImages = field(default_factory=MeterImages)
    strangers: dict[str, Stranger] = field(default_factory=dict)  # by module
    discoveries: list[str] = field(default_factory=list)  # asked for by message, and not done yet
    restart: str = ""  # the message that asks for the restart to come
    demanded: list[str] = field(default_factory=list)  # messages that asked for either, the last
    events: list[EventEntry] = field(default_factory=list)  # its own log, newest last
    shifted: list[str] = field(default_factory=list)  # messages that shifted the clock
    local: dict[int, Counters] = field(default_factory=dict)  # of its own port, by client
    local_associations: int = 0  # opened there, ever
