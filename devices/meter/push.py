"""Pushes: what a meter sends unasked, on its schedule, on an alarm, and when power goes or comes.

Class 40, Blue Book 4.4.8.  A push is an APDU with a destination: whoever gives the meter its links
collects it and carries it, over an open link or a new one, and says so when that failed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from devices.chance import octets
from devices.meter import dirt, meter_clock
from devices.meter.events import Event
from devices.meter.identity import PUSH_CLIENT
from devices.meter.state import MeterState
from protocols.dlms.codes import Security
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import DataNotification
from protocols.dlms.security import Protection
from protocols.dlms.values import Array, Integer, LongUnsigned, OctetString, Structure, Value

SCHEDULED = LogicalName("0.0.25.9.0.255")
ON_ALARM = LogicalName("0.4.25.9.0.255")
ON_POWER = LogicalName("0.7.25.9.0.255")
SETUPS = (SCHEDULED, ON_ALARM, ON_POWER)
"""On its schedule; when an alarm comes up; as last gasp and when power returns."""

PUSH_SETUP = 40
BY_MODULE = 8
"""The transport service of a setup whose pushes go out by the meter's own module, through whoever
that module belongs to: "DLMS gateway" (Blue Book 4.4.8, from memory)."""
GATEWAY = b"concentrator"
"""Its destination: a module has one place to send to, whatever this says."""
LATE_S = 1800.0
"""By how much a push comes late from a meter that has this fault."""

FIRST_INVOKE_ID = 1
HIGH_INVOKE_ID = 0x8000_0001
"""Where a meter with this fault begins to count: a signed 32-bit reader sees it as negative."""

QUEUE_MAX = 32


@dataclass(frozen=True, slots=True)
class Push:
    """One APDU on its way out."""

    setup: LogicalName
    transport: int
    """0 TCP, 1 UDP, 5 HDLC, and the others of `transport_service_type`."""
    destination: bytes
    """As the transport writes it: "192.0.2.1:4059" for TCP and UDP."""
    client: int
    """The client address that the frame is for."""
    apdu: bytes
    at: float
    """When the meter wanted it sent, by the world's time."""
    failures: int = 0


@dataclass(slots=True)
class PushDesk:
    """What waits to be pushed, and what waits to be carried."""

    waiting: list[Push] = field(default_factory=list)
    ready: deque[Push] = field(default_factory=lambda: deque(maxlen=QUEUE_MAX))
    pushed: int = 0

    @classmethod
    def of(cls, meter: MeterState) -> PushDesk:
        return cls()

    def next_deadline(self, meter: MeterState) -> float | None:
        return min((push.at for push in self.waiting), default=None)

    def advance(self, meter: MeterState, now: float) -> None:
        due = [push for push in self.waiting if push.at <= now]
        if due:
            self.waiting = [push for push in self.waiting if push.at > now]
            self.ready.extend(due)
            meter.happened(Event.PUSH_SENT, now)


def trigger(meter: MeterState, setup: LogicalName, now: float, *, at_once: bool = False) -> bool:
    """Push what a setup lists, as it is now.  False where it names no destination.

    `at_once` leaves out randomisation and window: a last gasp has no time for them.
    """
    transport, destination, _ = _method(meter, setup, now)
    if not destination:
        return False
    desk = meter.part(PushDesk)
    desk.pushed += 1
    apdu = _apdu(meter, setup, desk.pushed, now)
    start = now if at_once else _start(meter, setup, desk.pushed, now)
    if start is None:
        return False
    if meter.dirty("push-late"):
        start += LATE_S
    push = Push(setup, transport, destination, PUSH_CLIENT, apdu, start)
    desk.waiting += [push, push] if meter.dirty("push-twice") else [push]
    desk.advance(meter, now)
    return True


def failed(meter: MeterState, push: Push, now: float) -> None:
    """A push could not be carried: it is tried again after the setup's delay, or given up."""
    retries, delay_s = (meter.value_of(PUSH_SETUP, push.setup, n, now) for n in (6, 7))
    assert isinstance(retries, int)
    assert isinstance(delay_s, int)
    if push.failures >= retries:
        meter.happened(Event.PUSH_GIVEN_UP, now)
        return
    again = replace(push, at=now + delay_s, failures=push.failures + 1)
    meter.part(PushDesk).waiting.append(again)


def _method(meter: MeterState, setup: LogicalName, now: float) -> tuple[int, bytes, int]:
    method = meter.value_of(PUSH_SETUP, setup, 3, now)
    assert isinstance(method, Structure)
    transport, destination, message = method
    assert isinstance(transport, int)
    assert isinstance(destination, bytes)
    assert isinstance(message, int)
    return int(transport), bytes(destination), int(message)


def _apdu(meter: MeterState, setup: LogicalName, number: int, now: float) -> bytes:
    first = HIGH_INVOKE_ID if meter.dirty("invoke-id-high") else FIRST_INVOKE_ID
    listed = meter.value_of(PUSH_SETUP, setup, 2, now)
    assert isinstance(listed, Array)
    body = Structure([_pushed(meter, each, now) for each in listed])
    clock = dirt.spoiled_date(meter, meter.clock_octets(now))
    plain = DataNotification((first + number - 1) & 0xFFFF_FFFF, clock, body).encode()
    return _protected(meter, plain) if meter.type.push_protected else plain


def _pushed(meter: MeterState, listed: Value, now: float) -> Value:
    """The value of one element of a push object list; null-data where there is none."""
    assert isinstance(listed, Structure)
    class_id, name, attribute, index = listed
    assert isinstance(class_id, int)
    assert isinstance(name, bytes)
    assert isinstance(attribute, int)
    assert isinstance(index, int)
    value = meter.value_of(int(class_id), LogicalName(name), int(attribute), now)
    value = dirt.spoiled_push(meter, int(class_id), LogicalName(name), int(attribute), value)
    if index and isinstance(value, Structure) and index <= len(value):
        return value[index - 1]
    return value


def _protected(meter: MeterState, plain: bytes) -> bytes:
    """Under a key that only pushes use: no association's counter can meet this one."""
    own, peer = meter.counters(PUSH_CLIENT)
    protection = Protection(
        meter.identity.keys(PUSH_CLIENT, wrong=meter.faults.wrong_keys),
        system_title=meter.identity.system_title,
        peer_system_title=b"",
        invocation_counter=own,
        peer_invocation_counter=peer,
    )
    wire = protection.seal(plain, int(Security.AUTHENTICATED_ENCRYPTED), general=True)
    meter.note_counters(PUSH_CLIENT, own=protection.invocation_counter, peer=peer)
    return wire


def _start(meter: MeterState, setup: LogicalName, number: int, now: float) -> float | None:
    """When the setup lets it leave: within a window, and a random while later."""
    interval = meter.value_of(PUSH_SETUP, setup, 5, now)
    assert isinstance(interval, int)
    identity = meter.identity
    draw = octets(identity.seed, "meter", identity.index, "push", number, count=4)
    delay_s = int.from_bytes(draw, "big") % (int(interval) + 1)
    opens = _window(meter, setup, now)
    return None if opens is None else opens + delay_s


def _window(meter: MeterState, setup: LogicalName, now: float) -> float | None:
    """When a communication window is open, from now on; None when none will be."""
    windows = meter.value_of(PUSH_SETUP, setup, 4, now)
    assert isinstance(windows, Array)
    if not windows:
        return now
    meter_time, found = meter.time(now), []
    for window in windows:
        assert isinstance(window, Structure)
        begin, end = (
            meter_clock.understood(bytes(each), meter.rules)  # type: ignore[arg-type]
            for each in window
        )
        if begin is not None and end is not None and meter_time < end:
            found.append(max(begin, meter_time))
    return meter.world_time(min(found)) if found else None


def delivered_objects(setup: LogicalName) -> Array:
    """The push object list of a setup as delivered: who, when, and what it is about."""
    what = {
        SCHEDULED: ((3, "1.0.1.8.0.255", 2), (3, "1.0.1.7.0.255", 2)),
        ON_ALARM: ((1, "0.0.97.98.0.255", 2), (1, "0.0.97.98.1.255", 2)),
        ON_POWER: ((1, "0.0.96.11.0.255", 2),),
    }[setup]
    return Array(
        Structure(
            (
                LongUnsigned(class_id),
                OctetString(LogicalName(name)),
                Integer(attribute),
                LongUnsigned(0),
            )
        )
        for class_id, name, attribute in (
            (PUSH_SETUP, str(setup), 1),
            (1, "0.0.42.0.0.255", 2),
            (8, "0.0.1.0.0.255", 2),
            *what,
        )
    )
