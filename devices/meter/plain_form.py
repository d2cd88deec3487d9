"""What a meter holds in memory as plain values, so that it can be written down, and back.

Numbers, texts, octets, True, False and None stand as they are; everything else is a pair of the
name of its kind and its content.  Only the kinds of `KINDS` are ever made again: a file that names
another one, or that does not fit, is damaged, whatever it holds.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

from devices.meter import (
    action_schedule,
    billing,
    calendar,
    certificates,
    clock_object,
    disconnect,
    events,
    firmware,
    image_transfer,
    keyring,
    limiter,
    load,
    load_relay,
    meter_clock,
    monitor,
    profile,
    push,
    schedule,
    tariff,
    timeline,
)
from protocols.dlms import date_time, elliptic, values
from protocols.dlms.certificates import Certificate, Usage, read_certificate
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.row_status import RowStatus
from protocols.dlms.suite import CURVES

KINDS: dict[str, type[Any]] = {
    f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}": kind
    for kind in (
        *(
            kind
            for kind in vars(values).values()
            if isinstance(kind, type) and kind.__module__ == values.__name__
        ),
        *(action_schedule.ActionSchedules, action_schedule.Scheduled),
        billing.Billing,
        *(calendar.Calendar, calendar.Day, calendar.Plan, calendar.Season),
        *(calendar.SpecialDay, calendar.Week),
        *(certificates.Certificates, certificates._Held),
        clock_object.Preset,
        *(disconnect.ControlState, disconnect.DisconnectControl),
        *(events.Entry, events.Journal, events.Log),
        firmware.Firmware,
        *(image_transfer.ImageTransfer, image_transfer.Status),
        keyring.Keyring,
        *(limiter.ActionItem, limiter.EmergencyProfile, limiter.Limiter, limiter.Side),
        load.Energy,
        load_relay.LoadRelay,
        meter_clock.TimeRules,
        *(monitor.Level, monitor.RegisterMonitor, monitor.VoltageWatch),
        *(profile.Recording, profile.Recordings),
        *(push.Push, push.PushDesk),
        *(schedule.Daily, schedule.Every, schedule.Monthly, schedule.Never),
        tariff.Tariffs,
        *(timeline.Piece, timeline.Timeline),
        *(date_time.Date, date_time.DateTime, date_time.Time),
        *(KeyPairs, Keys, LogicalName, RowStatus, Usage),
    )
}
_NAMES = {kind: name for name, kind in KINDS.items()}
_PLAIN = frozenset((type(None), bool, int, float, str, bytes))
_BASES: tuple[type[Any], ...] = (int, float, str, bytes)
_SUITES = {curve.group.name: suite for suite, curve in CURVES.items()}


class Damaged(ValueError):
    """What was read is nothing that was written here; the text says why."""


def plain(thing: Any) -> Any:
    """The plain form.  Raises TypeError for what no meter holds."""
    kind = type(thing)
    if kind in _PLAIN:
        return thing
    if (write := _CONTAINERS.get(kind)) is not None:
        return write(thing)
    if kind is events.Entry:
        return _entry(thing)
    if (name := _NAMES.get(kind)) is not None:
        return [name, _content(thing)]
    if isinstance(thing, EllipticCurvePrivateKey):
        scalar = thing.private_numbers().private_value
        return ["private key", [_SUITES[thing.curve.name], scalar.to_bytes(48, "big")]]
    if isinstance(thing, EllipticCurvePublicKey):
        return ["public key", [_SUITES[thing.curve.name], elliptic.public_octets(thing)]]
    if isinstance(thing, Certificate):
        return ["certificate", [_SUITES[thing.key.curve.name], thing.octets]]
    raise TypeError(f"a meter's memory has no place for a {kind.__name__}")


@lru_cache(maxsize=4096)
def _entry(entry: events.Entry) -> Any:
    """Logs are long, and looked through each time."""
    return [_NAMES[events.Entry], _content(entry)]


def _content(thing: Any) -> Any:
    if isinstance(thing, enum.Enum):
        return thing.value
    if is_dataclass(thing):
        return {field.name: plain(getattr(thing, field.name)) for field in fields(thing)}
    if isinstance(thing, tuple):
        return [plain(each) for each in thing]
    for base in _BASES:
        if isinstance(thing, base):
            return base(thing)
    return {name: plain(getattr(thing, name)) for name in thing.__slots__}


_CONTAINERS: dict[type[Any], Callable[[Any], Any]] = {
    list: lambda many: ["list", [plain(each) for each in many]],
    tuple: lambda many: ["tuple", [plain(each) for each in many]],
    set: lambda many: ["set", sorted(plain(each) for each in many)],
    dict: lambda many: ["dict", [[plain(key), plain(value)] for key, value in many.items()]],
    deque: lambda many: ["deque", [many.maxlen, [plain(each) for each in many]]],
    bytearray: lambda octets: ["octets", bytes(octets)],
}


def restored(form: Any) -> Any:
    """What has this plain form.  Raises Damaged."""
    try:
        return _restored(form)
    except Damaged:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Damaged(str(error)) from error


def _restored(form: Any) -> Any:
    if type(form) in _PLAIN:
        return form
    name, content = form
    if (make := _MAKERS.get(name)) is not None:
        return make(content)
    if (kind := KINDS.get(name)) is None:
        raise Damaged(f"no meter holds a {name}")
    if issubclass(kind, enum.Enum) or not isinstance(content, list | dict):
        return kind(content)
    if isinstance(content, list):
        return kind(map(_restored, content))
    members = {field: _restored(each) for field, each in content.items()}
    if is_dataclass(kind):
        return kind(**members)
    thing = kind()
    for field, each in members.items():
        setattr(thing, field, each)
    return thing


def _private_key(suite: int, scalar: bytes) -> EllipticCurvePrivateKey:
    size = CURVES[suite].size  # type: ignore[index]
    # What `private_key` adds to bring a drawn scalar into the curve's range was added already.
    number = int.from_bytes(scalar, "big") - 1
    return elliptic.private_key(suite, number.to_bytes(size, "big"))


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "list": lambda many: [_restored(each) for each in many],
    "tuple": lambda many: tuple(_restored(each) for each in many),
    "set": lambda many: {_restored(each) for each in many},
    "dict": lambda pairs: {_restored(key): _restored(value) for key, value in pairs},
    "deque": lambda content: deque(map(_restored, content[1]), maxlen=content[0]),
    "octets": bytearray,
    "private key": lambda content: _private_key(*content),
    "public key": lambda content: elliptic.public_key(*content),
    "certificate": lambda content: read_certificate(*content),
}
