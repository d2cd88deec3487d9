"""The head-end's side of one meter's collection: sessions that ask for days of its load profile.

An engine asks, as in every conversation of the head-end: association with HLS 5, a GET of the
profile's buffer by range for each day that is missing, release.  What columns the profile has is
known from the meter's model, so nothing else needs to travel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import numpy as np
import numpy.typing as npt

from devices.meter.load import SLOTS_PER_DAY
from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.date_time import DateTime
from protocols.dlms.events import Associated, Released
from protocols.dlms.keys import Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.profile import Column, Decoder, Quantities, Times
from protocols.dlms.selective_access import RangeDescriptor
from protocols.dlms.services import (
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    ReleaseRequest,
    SelectiveAccess,
)
from protocols.dlms.settings import ClientSettings
from protocols.dlms.values import EncodedValue
from scenarios.fleet.city import CLIENT
from scenarios.fleet.district import CHANNELS, KIND, SLOT_S

Integers = npt.NDArray[np.int64]

SERVER = 1
DAY_S = SLOTS_PER_DAY * SLOT_S
MAX_PDU_SIZE = 1024
"""Octets of one APDU, as meters take them: a day of the profile comes in blocks."""
LOAD_PROFILE = LogicalName("1.0.99.1.0.255")
CLOCK_COLUMN = Column(8, LogicalName("0.0.1.0.0.255"), 2)
STATUS_COLUMN = Column(1, LogicalName("0.0.96.10.1.255"), 2)
_COLUMNS = (
    CLOCK_COLUMN,
    STATUS_COLUMN,
    *(Column(3, LogicalName(name), 2) for name in KIND.load_registers),
)
_DECODER = Decoder(_COLUMNS)


class NotTheProfile(RuntimeError):
    """What came is not the rows that were asked for."""


@dataclass(slots=True)
class Counters:
    """Of one meter's keys with us: ours are a lease from `own` to `end`."""

    own: int
    end: int
    peer: int


@dataclass(slots=True)
class Reading:
    """What is still wanted of one meter, and what came."""

    meter: str
    meter_title: bytes
    keys: Keys
    counters: Counters
    system_title: bytes
    first_day: int
    challenge: Callable[[int], bytes]
    """CtoS of each session, counted from 0."""
    values: Integers  # intervals x (status, channels)
    got: npt.NDArray[np.bool_]  # intervals
    sessions: int = 0
    _missing: list[int] = field(init=False)
    _engine: ClientConnection | None = None
    _asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._missing = list(range(len(self.got) // SLOTS_PER_DAY))

    @property
    def missing(self) -> list[int]:
        """Days, from 0, of which nothing came."""
        return self._missing

    def open(self, days: list[int], now: float) -> bytes:
        """Begin a session about these days; the frame to send."""
        self._asked = list(days)
        self._engine = ClientConnection(
            ClientSettings(
                authentication=AuthenticationMechanism.HIGH_GMAC,
                keys=self.keys,
                system_title=self.system_title,
                peer_system_title=self.meter_title,
                security=Security.AUTHENTICATED_ENCRYPTED,
                invocation_counter=self.counters.own,
                invocation_counter_end=self.counters.end,
                peer_invocation_counter=self.counters.peer,
                challenge=self.challenge(self.sessions),
                max_pdu_size=MAX_PDU_SIZE,
            )
        )
        self.sessions += 1
        return self._say(AssociationRequest(), now)

    def hear(self, octets: bytes, now: float) -> bytes | None:
        """Take the meter's answer; what to say next, None when the session is over."""
        engine = self._engine
        assert engine is not None
        for heard in wrapper.Decoder().feed(octets):
            engine.receive_data(heard.apdu, now=now)
        if (apdu := engine.data_to_send()) is not None:
            return wrapper.encode(CLIENT, SERVER, apdu)
        match engine.next_event():
            case Associated():
                return self._ask_next(now)
            case GetResponse(results):
                (result,) = results
                self._take(self._asked.pop(0), result)
                return self._ask_next(now)
            case Released():
                self.close()
                return None
            case other:
                raise NotTheProfile(f"meter {self.meter}: {other!r}")

    def close(self) -> None:
        """The session is over, or broke off: remember how far the counters have come."""
        if self._engine is not None:
            self.counters.own = self._engine.invocation_counter
            self.counters.peer = max(self.counters.peer, self._engine.peer_invocation_counter)
            self._engine = None

    def _ask_next(self, now: float) -> bytes:
        if not self._asked:
            return self._say(ReleaseRequest(), now)
        selection = _range(self.first_day + self._asked[0])
        wanted = AttributeDescriptor(7, LOAD_PROFILE, 2, selection)
        return self._say(GetRequest((wanted,), as_octets=True), now)

    def _say(self, message: AssociationRequest | GetRequest | ReleaseRequest, now: float) -> bytes:
        assert self._engine is not None
        return wrapper.encode(CLIENT, SERVER, self._engine.send(message, now=now))

    def _take(self, day: int, result: object) -> None:
        if not isinstance(result, EncodedValue):
            raise NotTheProfile(f"meter {self.meter}: {result!r} in place of its rows")
        clock, *columns = _DECODER.decode(result.octets)
        if not isinstance(clock, Times):
            raise NotTheProfile(f"meter {self.meter}: rows without their times")
        ends = clock.utc_s.astype(np.int64)
        first_end = self.first_day * DAY_S + SLOT_S
        place, odd = np.divmod(ends - first_end, SLOT_S)
        here = (odd == 0) & (place // SLOTS_PER_DAY == day)
        for number, column in enumerate(columns):
            if not isinstance(column, Quantities):
                raise NotTheProfile(f"meter {self.meter}: column {number + 1} holds no numbers")
            self.values[place[here], number] = column.raw[here]
        self.got[place[here]] = True
        if here.any():
            self._missing.remove(day)


@cache
def _range(day: int) -> SelectiveAccess:
    """The rows of intervals that end in a day, counted from 1970, in UTC."""
    first, last = (
        DateTime.from_datetime(datetime.fromtimestamp(at, UTC))
        for at in (day * DAY_S + SLOT_S, (day + 1) * DAY_S)
    )
    return RangeDescriptor.of_time(first, last).selection()


def nothing_yet(intervals: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Room for what comes."""
    return np.zeros((intervals, 1 + CHANNELS), np.int64), np.zeros(intervals, np.bool_)
