"""What a meter notices and writes down: event codes, the logs that take them, and the alarms.

Codes and bits are those of IDIS package 2 (clauses 5.4 and 5.5), which many European companion
specifications share.  In the communication log IDIS names what modems do (140 to
158); what this meter writes there has codes of its own, beyond those.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field


class Log(enum.IntEnum):
    """Value group E of a log 0.0.99.98.E.255, and of its event object 0.0.96.11.E.255."""

    STANDARD = 0
    FRAUD = 1
    DISCONNECTOR = 2
    POWER_QUALITY = 4
    COMMUNICATION = 5


class Event(enum.IntEnum):
    """Something that happened, by its code."""

    POWER_DOWN = 1
    POWER_UP = 2
    DAYLIGHT_SAVING_CHANGED = 3
    CLOCK_ADJUSTED_OLD = 4
    CLOCK_ADJUSTED_NEW = 5
    CLOCK_INVALID = 6
    REPLACE_BATTERY = 7
    CALENDAR_ACTIVATED = 9
    ERROR_REGISTER_CLEARED = 10
    ALARM_REGISTER_CLEARED = 11
    WATCHDOG_ERROR = 15
    FIRMWARE_READY = 17
    FIRMWARE_ACTIVATED = 18
    PASSIVE_CALENDAR_PROGRAMMED = 19
    PARAMETERS_CHANGED = 47
    KEYS_CHANGED = 48
    FIRMWARE_VERIFICATION_FAILED = 51
    LOAD_PROFILE_CLEARED = 254
    EVENT_LOG_CLEARED = 255

    TERMINAL_COVER_REMOVED = 40
    TERMINAL_COVER_CLOSED = 41
    STRONG_FIELD_DETECTED = 42
    STRONG_FIELD_GONE = 43
    METER_COVER_REMOVED = 44
    METER_COVER_CLOSED = 45
    AUTHENTICATION_FAILURE = 46
    DECRYPTION_FAILURE = 49
    REPLAY_ATTACK = 50

    READY_FOR_RECONNECTION = 59
    MANUAL_DISCONNECTION = 60
    MANUAL_CONNECTION = 61
    REMOTE_DISCONNECTION = 62
    REMOTE_CONNECTION = 63
    LOCAL_DISCONNECTION = 64
    LIMITER_EXCEEDED = 65
    LIMITER_OK = 66
    LIMITER_CHANGED = 67
    SWITCH_FAILURE = 68
    LOCAL_RECONNECTION = 69

    UNDERVOLTAGE_L1 = 76
    UNDERVOLTAGE_L2 = 77
    UNDERVOLTAGE_L3 = 78
    OVERVOLTAGE_L1 = 79
    OVERVOLTAGE_L2 = 80
    OVERVOLTAGE_L3 = 81
    VOLTAGE_MISSING_L1 = 82
    VOLTAGE_MISSING_L2 = 83
    VOLTAGE_MISSING_L3 = 84
    VOLTAGE_NORMAL_L1 = 85
    VOLTAGE_NORMAL_L2 = 86
    VOLTAGE_NORMAL_L3 = 87

    ASSOCIATION_TIMED_OUT = 231  # 231 to 233 are ours
    PUSH_SENT = 232
    PUSH_GIVEN_UP = 233


OWN_OF_COMMUNICATION = (Event.ASSOCIATION_TIMED_OUT, Event.PUSH_SENT, Event.PUSH_GIVEN_UP)


def log_of(event: Event) -> Log:
    """Which log takes an event."""
    code = int(event)
    if 40 <= code <= 46 or event in (Event.DECRYPTION_FAILURE, Event.REPLAY_ATTACK):
        return Log.FRAUD
    if 59 <= code <= 69:
        return Log.DISCONNECTOR
    if 76 <= code <= 92:
        return Log.POWER_QUALITY
    if 140 <= code <= 160 or event in OWN_OF_COMMUNICATION:
        return Log.COMMUNICATION
    return Log.STANDARD


FRAUD_ALARM = 1 << 13
ALARMS: dict[Event, tuple[int, int]] = {
    # event: (number of the alarm register, bit)
    Event.CLOCK_INVALID: (0, 1 << 0),
    Event.REPLACE_BATTERY: (0, 1 << 1),
    Event.WATCHDOG_ERROR: (0, 1 << 12),
    Event.TERMINAL_COVER_REMOVED: (0, FRAUD_ALARM),
    Event.METER_COVER_REMOVED: (0, FRAUD_ALARM),
    Event.STRONG_FIELD_DETECTED: (0, FRAUD_ALARM),
    Event.AUTHENTICATION_FAILURE: (0, FRAUD_ALARM),
    Event.DECRYPTION_FAILURE: (0, FRAUD_ALARM),
    Event.REPLAY_ATTACK: (0, FRAUD_ALARM),
    Event.POWER_DOWN: (1, 1 << 0),
    Event.POWER_UP: (1, 1 << 1),
    Event.VOLTAGE_MISSING_L1: (1, 1 << 2),
    Event.VOLTAGE_MISSING_L2: (1, 1 << 3),
    Event.VOLTAGE_MISSING_L3: (1, 1 << 4),
    Event.VOLTAGE_NORMAL_L1: (1, 1 << 5),
    Event.VOLTAGE_NORMAL_L2: (1, 1 << 6),
    Event.VOLTAGE_NORMAL_L3: (1, 1 << 7),
    Event.KEYS_CHANGED: (1, 1 << 13),
    Event.SWITCH_FAILURE: (1, 1 << 31),
}
ALARM_REGISTERS = 2

ERRORS: dict[Event, int] = {
    Event.CLOCK_INVALID: 1 << 0,
    Event.REPLACE_BATTERY: 1 << 1,
    Event.WATCHDOG_ERROR: 1 << 12,
}
"""Bits of the error register 0.0.97.97.0.255, which stay until they are cleared."""

LOG_ENTRIES = {
    Log.STANDARD: 500,
    Log.FRAUD: 100,
    Log.DISCONNECTOR: 100,
    Log.POWER_QUALITY: 200,
    Log.COMMUNICATION: 100,
}
"""Entries that each log has room for; the oldest makes way."""

EVERY_ALARM = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log.  `clock` is what the meter's clock showed, 12 octets."""

    meter_time: float
    clock: bytes
    number: int
    extra: int = 0
    """Of the disconnector's log, the limiter's active threshold; of the power failures, seconds."""


@dataclass(slots=True)
class Journal:
    """A meter's logs and status words, while there is anything in them."""

    logs: dict[Log, deque[Entry]] = field(default_factory=dict)
    last: dict[Log, int] = field(default_factory=dict)
    """The code in each event object; cleared with nothing."""
    power_failures: deque[Entry] = field(default_factory=lambda: deque(maxlen=100))
    failures_counted: int = 0
    errors: int = 0
    alarms: list[int] = field(default_factory=lambda: [0] * ALARM_REGISTERS)
    """Alarm registers: what is so, or has been since they were cleared."""
    raised: list[int] = field(default_factory=lambda: [0] * ALARM_REGISTERS)
    """Alarm descriptors: what has come up since they were cleared."""
    filters: list[int] = field(default_factory=lambda: [EVERY_ALARM] * ALARM_REGISTERS)
    """Bits that may reach the alarm registers."""
    unreported: bool = False
    """Whether an alarm waits to be pushed."""

    def write(self, event: Event, meter_time: float, clock: bytes, extra: int = 0) -> None:
        """Put an event into its log, its event object and the status words."""
        log = log_of(event)
        entries = self.logs.get(log)
        if entries is None:
            entries = self.logs[log] = deque(maxlen=LOG_ENTRIES[log])
        entries.append(Entry(meter_time, clock, int(event), extra))
        self.last[log] = int(event)
        self.errors |= ERRORS.get(event, 0)
        if event in ALARMS:
            number, bit = ALARMS[event]
            passed = bit & self.filters[number]
            self.alarms[number] |= passed
            self.raised[number] |= passed
            self.unreported = self.unreported or bool(passed)

    def clear(self, log: Log) -> None:
        """Empty a log."""
        self.logs.pop(log, None)

    @property
    def entries(self) -> int:
        """How many lines all logs have together."""
        return sum(map(len, self.logs.values()))
