"""What a package says: for whom, for how long, which meters, what is to be done.

The content is JSON; a reader ignores fields that it does not know, so that a later minor version
may add some, and refuses another `v`.  How it is signed and sealed: `sealing`.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

import msgspec

from protocols.concentrator.messages import Action, ObjectWanted
from protocols.dlms.keys import COUNTER_MAX, CounterLease, Keys
from protocols.jobs.errors import JobRefused, Refused

VERSION = 1
Octets = Annotated[bytes, msgspec.Meta(min_length=16, max_length=32)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Counter = Annotated[int, msgspec.Meta(ge=0, le=COUNTER_MAX + 1)]


class Authorisation(enum.StrEnum):
    """What the technician may do at the meters of a package."""

    READ_ONLY = "read-only"
    READ_AND_WRITE = "read-and-write"


class MeterKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one client at one meter, and the counters leased under them: `first` and every
    one below `end`, for this job alone.  `peer_lowest` is the lowest accepted from the meter."""

    client: int
    generation: int  # the head-end's number for these keys
    encryption: Octets
    authentication: Octets
    first: Counter
    end: Counter
    peer_lowest: Counter = 0

    def __repr__(self) -> str:
        return f"MeterKeys(client={self.client}, counters {self.first} to {self.end - 1})"

    @property
    def keys(self) -> Keys:
        """As the DLMS engines take them.  Raises ValueError for sizes that no suite has."""
        return Keys(self.encryption, self.authentication)

    @property
    def lease(self) -> CounterLease:
        """The leased counters.  Raises ValueError where there are none."""
        return CounterLease(self.first, self.end)


class PackedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order: nothing of it acts before `not_before`, nor once `not_after` has passed."""

    number: int
    action: Action
    attempt: int  # (`number`, `attempt`) names this try for good
    not_before: Moment
    not_after: Moment
    amount: str | None = None  # decimal text; SET_LIMIT only
    unit: str | None = None
    objects: tuple[ObjectWanted, ...] = ()  # READ only


class PackedMeter(msgspec.Struct, frozen=True, kw_only=True):
    """One meter: how it is recognised, how it is spoken with, and what is to be done there."""

    name: str  # the utility's number; also its logical device name or serial number
    model: str  # name of a meter model (headend/models)
    role: str  # the model's association that the keys are for
    keys: MeterKeys
    address: str | None = None  # where it is reached, for people and for a line by network
    orders: tuple[PackedOrder, ...] = ()


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a package.  Times are UTC."""

    job: str  # also the id by which it is revoked
    device: str  # the name under which the device was enrolled
    made_at: Moment
    not_before: Moment
    expires_at: Moment
    authorisation: Authorisation
    meters: tuple[PackedMeter, ...]
    revoked: tuple[str, ...] = ()  # jobs that must not be worked any more
    v: int = VERSION

    def meter(self, *names: str | None) -> PackedMeter | None:
        """The meter with one of these names."""
        wanted = {name for name in names if name}
        return next((meter for meter in self.meters if meter.name in wanted), None)

    def order(self, number: int) -> tuple[PackedMeter, PackedOrder] | None:
        """An order with its meter."""
        for meter in self.meters:
            for order in meter.orders:
                if order.number == number:
                    return meter, order
        return None


class _Versioned(msgspec.Struct):
    v: int


_decoder = msgspec.json.Decoder(Package)


def encode(package: Package) -> bytes:
    """The content's octets."""
    return msgspec.json.encode(package)


def decode(octets: bytes) -> Package:
    """The content.  Raises JobRefused."""
    try:
        version = msgspec.json.decode(octets, type=_Versioned).v
        if version != VERSION:
            text = f"a package of version {version}; this program knows {VERSION}"
            raise JobRefused(Refused.VERSION, f"{text}. Try: a program of the same version")
        package = _decoder.decode(octets)
        for meter in package.meters:
            _ = meter.keys.keys, meter.keys.lease
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, JobRefused):
            raise
        raise JobRefused(Refused.NO_FILE_OF_OURS, f"the package says nothing: {error}") from error
    return package
