"""What the capabilities need from the world, in the domain's words; `app` decides who provides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from headend.domain.collecting import TaskTable, UploadTaken
from headend.domain.discovery import Discovery
from headend.domain.evidence import Evidence
from headend.domain.firmware import FirmwareUpdate
from headend.domain.interval import CollectedBlock, IntervalDay
from headend.domain.job import Conflict, Device, Job, Lease, TakenOrder
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Attempt, JournalLine, Order, State
from headend.domain.reading import Push, Reading, WantedObject
from headend.domain.reason import ReasonCode
from headend.domain.upkeep import ClockMeasured, HourHeard, KnownState, SessionChange
from protocols.concentrator.collecting import Layout
from protocols.concentrator.messages import Action, FaultEntry, Result
from protocols.dlms.keys import Keys

T = TypeVar("T")

IntervalRow = tuple[Any, ...]
"""Meter, end of the interval in POSIX seconds, status, then the quantities: integers or None."""


class Clock(Protocol):
    """Where the time of day comes from.  Waiting goes through asyncio."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


class Chance(Protocol):
    """Where chance comes from; seeded when simulated."""

    def uuid(self) -> str: ...

    def uniform(self, name: str, low: float, high: float) -> float:
        """A draw from the stream called `name`."""
        ...

    def octets(self, name: str, count: int) -> bytes:
        """So many octets that nobody can guess when live; from the stream called `name`."""
        ...


# --- the field -----------------------------------------------------------------------------------


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
    model: str = "generic"


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

    async def came_online(self, concentrator: str, at: datetime) -> None: ...

    async def went_offline(self, concentrator: str, at: datetime) -> None: ...

    async def learned(self, concentrator: str, entries: Sequence[FaultEntry]) -> None:
        """A fault log was read after recovery."""
        ...


class CarrierPortal(Protocol):
    """The mobile operator's portal: what it says of a SIM, or nothing."""

    async def ask(self, sim: str) -> Evidence | None: ...


# --- memory --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A commercial message as first received; (`source`, `message_id`) is its idempotency key,
    where it has a `message_id`.

    `digest` is of the body without its time stamp, `request` the octets as they came (the SOAP
    envelope); `answer` those of the first answer.
    """

    source: str
    message_id: str | None
    digest: str
    received_at: datetime
    transaction_id: str
    request: bytes
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message owed to the commercial side on one channel, at least once.

    Rows of one (`order`, `channel`) leave in the order of `sequence`, each only after the one
    before it is settled by the consumer's own acknowledgement of `message_id`.
    """

    message_id: str
    order: int
    channel: str  # "queue", "soap" or "legacy"
    kind: str  # "reply" or "event"
    created_at: datetime
    body: bytes  # a `protocols.commercial.messages.ResultMessage`, encoded
    sequence: int = 0  # given by the store
    address: str | None = None  # "soap": where to
    tries: int = 0
    not_before: datetime | None = None
    settled_at: datetime | None = None
    trouble: str | None = None  # why the last try came to nothing, where that is known


class StoreUnavailable(RuntimeError):
    """The database would not begin, write or commit; nothing of the transaction was kept."""


class AlreadyStored(RuntimeError):
    """Something with this key is stored already, perhaps by a worker that was faster."""


class Unreadable(RuntimeError):
    """What is stored of an order is no order to this program, perhaps to a later one."""

    def __init__(self, number: int, why: Exception) -> None:
        super().__init__(f"order {number} cannot be read: {why}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Standing:
    """Of an order whose step broke, what its end takes, as it is stored: texts are not decoded, so
    that reading them cannot break.  `out_of_time`: its deadline has passed or, of one that has
    ended, the time in which its effect is looked for."""

    number: int
    transaction_id: str
    source: str
    meter: str
    kind: str
    noun: str
    message_id: str | None
    correlation_id: str | None
    reply_address: str | None
    amount: str | None
    unit: str | None
    generic: bool
    unfinished: bool
    bounded: bool  # a limit that is to end at a time
    commanded: int
    breakages: int  # before this one
    out_of_time: bool


class KeysUnreadable(RuntimeError):
    """A key record does not open: another envelope key, or damaged."""


class KeyShared(ValueError):
    """Another meter, or another client of this one, has this encryption key already: two senders
    under one key could use a nonce twice."""


class CountersContended(RuntimeError):
    """Another conversation under the same key has reserved the counters that would follow ours."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The keys that a client shares with a meter, at one time; `counted_by` names its counters."""

    meter: str
    client: int
    counted_by: int
    keys: Keys = field(repr=False)


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """What a client may find a meter to have: the current keys, or, while a change is under way,
    the pending ones.  A change is settled by `registry.key_change`."""

    current: Generation
    pending: Generation | None = None


class Vault(Protocol):
    """Where keys and passwords lie, sealed.  Each method returns once its work is safe on disk."""

    async def keys(self, meter: str, client: int) -> MeterKeys | None: ...

    async def install(
        self, meter: str, client: int, keys: Keys, *, next_counter: int | None = None
    ) -> None:
        """Take keys as the meter has them, without any change at the meter.  Raises KeyShared.

        `next_counter` None leaves it to the meter to name the first.
        """
        ...

    async def remember(self, meter: str, client: int, keys: Keys) -> None:
        """Keep pending keys beside the current ones.  Raises KeyShared."""
        ...

    async def promote(self, meter: str, client: int) -> None:
        """The pending keys are the current ones now."""
        ...

    async def forget(self, meter: str, client: int) -> None:
        """The pending keys are nobody's."""
        ...

    async def password(self, meter: str, client: int) -> bytes | None:
        """The password that a client shows to the meter (low level security)."""
        ...

    async def install_password(self, meter: str, client: int, password: bytes) -> None:
        """Take a password as the meter has it, in place of the one before."""
        ...

    def counters(self, generation: Generation) -> KeyCounters:
        """The counters under these keys, for one conversation."""
        ...


class KeyCounters(Protocol):
    """The invocation counters that one conversation uses.  They only ever grow."""

    async def load(self) -> tuple[int | None, int]:
        """Reserve a block; its first counter, and the lowest that is accepted from the meter.

        None where nobody knows how far the meter has come: ask it, then `reserve`.
        """
        ...

    async def reserve(self, end: int) -> None:
        """Return once it is durable that every counter below `end` may have been used.

        Raises CountersContended where a block in between is another conversation's.
        """
        ...

    async def settle(self, next_own: int, peer_lowest: int) -> None:
        """Our association is over: the next of ours is `next_own`, and none above it was used.

        The same conversation may begin another one, from `next_own`, and `reserve` again.
        """
        ...

    def release(self) -> None:
        """The conversation is over, whether it used any or not: others may have them."""
        ...


class Transaction(Protocol):
    """The store's words inside one transaction.  Methods are plain calls; nothing awaits."""

    # registry
    def meter(self, name: str) -> Meter | None: ...
    def put_meters(self, meters: Iterable[Meter]) -> int: ...
    def concentrator(self, name: str) -> Concentrator | None: ...
    def put_concentrators(self, concentrators: Iterable[Concentrator]) -> int: ...

    def meter_called(self, identity: str) -> Meter | None:
        """The meter that calls itself so, or has that name."""
        ...

    def meter_titled(self, title: str) -> Meter | None:
        """The meter with this system title, sixteen hexadecimal digits in capitals."""
        ...

    def direct_meters(self, model: str) -> list[Meter]:
        """Those of a model that are reached without a concentrator, by name."""
        ...

    # readings
    def add_readings(self, readings: Iterable[Reading]) -> None: ...
    def add_push(self, push: Push) -> int:
        """Keep a push; its number."""
        ...

    def push_was_here(self, digest: str) -> bool:
        """Whether a push with this digest is kept already."""
        ...

    def add_intervals(self, rows: Sequence[IntervalRow]) -> int:
        """Keep what is new of a load profile's quantities; how many are."""
        ...

    # what concentrators collect
    def task_table(self, concentrator: str) -> TaskTable | None: ...
    def put_task_table(self, table: TaskTable) -> None: ...
    def layout_number(self, layout: Layout) -> int:
        """The number under which a layout is kept; the same for the same columns."""
        ...

    def layout(self, number: int) -> Layout: ...
    def add_block(self, block: CollectedBlock) -> bool:
        """Keep a block; False where it was here already."""
        ...

    def interval_day(self, meter: str, profile: str, day: date) -> IntervalDay | None: ...
    def interval_days(
        self, meter: str, profile: str, first: date, last: date
    ) -> list[IntervalDay]: ...
    def put_interval_day(self, page: IntervalDay) -> None: ...
    def add_upload(self, upload: UploadTaken) -> bool:
        """Keep what an upload brought; False where it was here already."""
        ...

    # how concentrators fare
    def state_of(self, concentrator: str) -> KnownState | None: ...
    def put_state(self, state: KnownState) -> None: ...
    def add_session(self, change: SessionChange) -> None: ...
    def put_discovery(self, discovery: Discovery) -> None: ...
    def put_update(self, update: FirmwareUpdate) -> None: ...
    def firmware_update(self, concentrator: str, image: str) -> FirmwareUpdate | None: ...
    def open_updates(self) -> list[FirmwareUpdate]:
        """Those of which nothing was heard yet, the oldest first."""
        ...

    def add_clock(self, measured: ClockMeasured) -> None: ...
    def put_hours(self, hours: Iterable[HourHeard]) -> None: ...

    # what concentrators told of themselves
    def add_evidence(self, concentrator: str, evidence: Iterable[Evidence]) -> None:
        """Keep statements about a concentrator; one that is kept already is kept once."""
        ...

    def evidence_about(self, concentrator: str, since: datetime) -> list[Evidence]:
        """Statements about a concentrator that bear a date since a time, the oldest first."""
        ...

    # commercial messages
    def inbound(self, source: str, message_id: str) -> InboundMessage | None: ...
    def add_inbound(self, message: InboundMessage) -> None: ...
    def set_answer(self, transaction_id: str, answer: bytes) -> None: ...

    # orders
    def next_order_number(self) -> int:
        """Grows with each call, also across restarts and workers."""
        ...

    def add_order(self, order: Order, story: Sequence[tuple[State, str]]) -> None:
        """Insert an order as it stands, and its first journal lines (at `order.accepted_at`)."""
        ...

    def save_order(
        self, order: Order, *, at: datetime, cause: str | None, attempt: int | None = None
    ) -> None:
        """Write an order's new standing and the journal line that tells why; None where the last
        line still tells it.

        What an order is does not change: number, transaction, source, messages' ids, meter, kind.
        """
        ...

    def order(self, number: int) -> Order | None: ...
    def orders_of(
        self, *, transaction_id: str | None = None, correlation_id: str | None = None
    ) -> list[Order]: ...
    def open_orders_of_meter(self, meter: str) -> list[Order]:
        """Not final, in order of acceptance."""
        ...

    def open_orders_of_concentrator(self, concentrator: str) -> list[Order]:
        """Not final, in order of acceptance."""
        ...

    def waiting_orders(self, concentrator: str | None = None) -> int:
        """How many are not final."""
        ...

    def claim(
        self,
        concentrator: str,
        *,
        worker: str,
        now: datetime,
        lease_until: datetime,
        urgent: bool = False,
    ) -> Order | None:
        """Lease the next order of a concentrator that is due, or None; with `urgent`, only one that
        a person or a supply waits for.

        Due: not final, with `not_before` and `ready_at` <= now, or final and awaiting verification
        (`verify_at` <= now); under no lease that still runs, its own worker's included; and no
        other order of its meter is in the way.  Smallest (`priority`, `number`) first.  Raises
        `Unreadable`; the order is not leased then, and stands before the others until it rests.

        In the way is one that is leased; one that has begun (DISPATCHED, EXECUTING, UNKNOWN); and
        an earlier one that is unfinished and ready.  The last two hold up only orders that have
        not begun themselves.
        """
        ...

    def release(self, number: int, *, worker: str | None = None) -> None:
        """Give a lease back; with `worker`, only if it still is that worker's."""
        ...

    def release_all(self, worker: str) -> int:
        """Give back a dead worker's leases; how many."""
        ...

    def next_due(self, concentrator: str, *, after: datetime | None = None) -> datetime | None:
        """The earliest time at which `claim` may find something, leases and blocking apart.

        With `after`, only later times, the ends of leases among them: when `claim` has just found
        nothing, whatever was due already waits for a release, which this process hears of itself,
        or for one of these.  (A meter that was linked anew may wait for its last concentrator.)
        """
        ...

    def hasten(self, concentrator: str, at: datetime) -> int:
        """Bring steps forward to `at` that wait for a later time only because the concentrator was
        silent: QUEUED and UNKNOWN orders that are ready, and verifications, none of them resting
        after a breakage.  How many."""
        ...

    def concentrators_with_work(self) -> list[str]: ...

    # orders whose steps broke; nothing here reads what an order holds
    def standing(
        self, number: int, *, worker: str, now: datetime, looks_since: datetime
    ) -> Standing | None:
        """How an order stands whose step broke; None when nothing is left to do with it, or when
        another worker has it by now.  Looks at effects of orders that ended before `looks_since`
        are out of time."""
        ...

    def rest(self, number: int, *, worker: str, now: datetime, until: datetime, cause: str) -> None:
        """Count a breakage, and let the order's next step wait until then, or until its deadline if
        that comes first; where nothing was sent yet, this is the reason from then on.  Gives the
        lease back."""
        ...

    def close(
        self,
        number: int,
        *,
        worker: str,
        now: datetime,
        reason: ReasonCode,
        look_at: datetime | None,
        cause: str,
    ) -> bool:
        """End an open order as FAILED; its effect is looked for from `look_at` on.  False when it
        is not open, or another worker's.  Gives the lease back."""
        ...

    def look_no_more(self, number: int, *, worker: str, now: datetime, cause: str) -> bool:
        """Let the effect of an order that has ended rest for good; False as in `close`."""
        ...

    def journal(self, number: int) -> list[JournalLine]: ...
    def last_line(self, number: int) -> JournalLine | None: ...
    def begin_attempt(self, attempt: Attempt) -> None: ...
    def end_attempt(self, attempt: Attempt) -> None: ...
    def attempts(self, number: int) -> list[Attempt]: ...
    def ended_with(
        self, concentrator: str, reasons: Iterable[ReasonCode], since: datetime
    ) -> list[Order]:
        """Final orders of a concentrator with one of these reasons that ended since a time."""
        ...

    def acted_on_since(self, meter: str, number: int) -> bool:
        """Whether a command of a later order than `number` was sent to the meter."""
        ...

    def count_states(self) -> dict[State, int]: ...

    # jobs
    def add_device(self, device: Device) -> None:
        """Enrol a device.  Raises AlreadyStored for a name or a title that is taken."""
        ...

    def device(self, name: str) -> Device | None: ...
    def devices(self) -> list[Device]: ...
    def add_job(self, job: Job, leases: Iterable[Lease], orders: Iterable[TakenOrder]) -> None: ...
    def job(self, job: str) -> Job | None: ...
    def jobs(self) -> list[Job]:
        """The latest first."""
        ...

    def jobs_at_meter(self, meter: str) -> list[Job]:
        """Those that lease counters of this meter."""
        ...

    def save_job(self, job: Job) -> None:
        """Write how a job stands; what it is does not change."""
        ...

    def lease_block(
        self, meter: str, client: int, generation: int, count: int
    ) -> tuple[int, int, int] | None:
        """Give out so many counters for good: the first, the end, and the lowest accepted from the
        meter.  None where nobody knows the next one, or too few are left."""
        ...

    def job_leases(self, job: str) -> list[Lease]: ...
    def settle_lease(self, lease: Lease, next_own: int, peer_lowest: int, least: int) -> None:
        """Write how far a device came; nothing below `least` is given out any more."""
        ...

    def keys_to_change(self) -> list[Lease]:
        """Leases of revoked jobs whose keys are still the meter's current ones."""
        ...

    def hold_order(
        self, number: int, owner: str, *, now: datetime, until: datetime, begun: bool = False
    ) -> bool:
        """Lease a queued order that nobody holds, or with `begun` any open one; False where there
        is none."""
        ...

    def meter_held(self, meter: str, now: datetime) -> bool:
        """Whether somebody holds an order of this meter."""
        ...

    def taken_orders(self, job: str) -> list[TakenOrder]: ...
    def save_taken(self, taken: TakenOrder) -> None: ...
    def tried_by_technician(self, number: int, attempt: int) -> bool:
        """Whether this attempt of an order was a job's: no concentrator knows of it."""
        ...

    def add_conflict(self, conflict: Conflict) -> None: ...
    def conflicts(self, job: str) -> list[Conflict]: ...

    # outbox
    def post(self, outgoing: Outgoing) -> None: ...
    def due_outgoing(
        self, now: datetime, limit: int, *, channels: Collection[str] | None = None
    ) -> list[Outgoing]:
        """Heads of their (order, channel) queues that are due, the longest due first.  With
        `channels`, of these alone: rows that nobody delivers must not use up the limit."""
        ...

    def next_outgoing_due(self, *, channels: Collection[str] | None = None) -> datetime | None: ...
    def postpone(self, message_id: str, *, until: datetime) -> None:
        """Count a try; the next one not before `until`."""
        ...

    def note_trouble(self, message_id: str, what: str) -> None:
        """Keep why a try came to nothing, for whoever asks what the message waits for."""
        ...

    def settle(self, message_id: str, *, at: datetime) -> bool:
        """The consumer acknowledged; False when it had already, or when there is no such message
        (receipts come from outside)."""
        ...

    def unsettled(self) -> int: ...


class Store(Protocol):
    """Durable memory.  `run` returns only after what `work` wrote is safe on disk."""

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction: all of it is kept, or, if it raises, nothing."""
        ...
