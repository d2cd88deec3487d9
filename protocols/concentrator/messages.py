"""The messages that head-end and concentrator exchange, one struct each.

A message travels as one JSON object on one MQTT topic (see `topics`).  Its field `type` names the
struct, its field `v` the version of this message set.  Readers ignore fields they do not know, so a
later minor version may add some; an unknown `type` or another `v` raises `UnknownMessage`.

Delivery is settled by the reader's own word, never by a broker's PUBACK: a broker may acknowledge a
message that nobody is subscribed to, and forget its queue when killed.  Every message therefore
has an id of its own, and a receipt answers it once the reader has stored it.

All times are UTC, ISO 8601 with a trailing Z on the wire.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from protocols.concentrator.clock import ClockTold, ClockWanted
from protocols.concentrator.collecting import SetTasks, Upload
from protocols.concentrator.demand import DemandMark, DemandRead
from protocols.concentrator.direction import (
    VERSION,
    FromConcentrator,
    ObjectRead,
    ObjectWanted,
    ToConcentrator,
)
from protocols.concentrator.firmware import (
    FirmwarePiece,
    FirmwareTold,
    OfferFirmware,
    WantFirmware,
)
from protocols.concentrator.gateway import (
    CloseTunnel,
    OpenTunnel,
    TunnelAnswer,
    TunnelClosed,
    TunnelFrame,
    TunnelOpened,
)
from protocols.concentrator.keys import KeysTold, KeysWanted
from protocols.concentrator.meter_firmware import MeterImage, UpdateTold
from protocols.concentrator.on_demand import Discover, DiscoveryEnded, Restart, Restarted
from protocols.concentrator.registration import AdmitMeter, Discovered, RefuseMeter
from protocols.concentrator.tariff import TariffWanted
from protocols.concentrator.unasked import MeterPushed
from protocols.concentrator.upkeep import ReadState, ShiftClock, State

__all__ = [
    "ACTING", "VERSION", "Accepted", "Action", "AdmitMeter", "Apdu", "ClockTold", "ClockWanted",
    "CloseTunnel", "DemandMark", "DemandRead", "Discover", "Discovered", "DiscoveryEnded",
    "Downward", "Execute", "FaultEntry", "FaultLog", "FirmwarePiece", "FirmwareTold", "Frame",
    "FromConcentrator", "KeysTold",
    "KeysWanted", "LimitRead", "LinkChanged", "LinkReport", "MeterImage", "MeterPushed",
    "ObjectRead", "ObjectWanted", "OfferFirmware", "Offline", "Online", "OpenTunnel",
    "ReadFaultLog", "ReadState", "ReceiptFromConcentrator", "ReceiptToConcentrator", "Refusal",
    "RefuseMeter", "Restart", "Restarted", "Result", "SetTasks", "ShiftClock", "State", "Status",
    "SupplyRead", "TariffWanted", "ToConcentrator", "TunnelAnswer", "TunnelClosed", "TunnelFrame",
    "TunnelOpened", "UnknownMessage", "UpdateTold", "Upload", "Upward", "WantFirmware", "Withdraw",
    "decode_downward", "decode_upward", "encode",
]  # fmt: skip


class UnknownMessage(ValueError):
    """The bytes are not a message of this set; the text says why and where."""


class Action(enum.StrEnum):
    """What a meter is asked to do."""

    SET_LIMIT = "set-limit"  # limiter, class 71: threshold_normal
    REMOVE_LIMIT = "remove-limit"  # threshold_normal back to the highest value of its type
    READ_LIMIT = "read-limit"
    CONNECT = "connect"  # disconnect control, class 70: method 2
    ARM = "arm"  # class 70: method 2, where the control mode leaves the rest to a hand
    DISCONNECT = "disconnect"  # class 70: method 1
    READ_SUPPLY = "read-supply"  # class 70: attributes 2 and 3
    RESET_DEMAND = "reset-demand"  # script table, class 9, 0.0.10.0.1.255: ends the billing period
    READ_DEMAND = "read-demand"  # billing periods and maximum demand
    LOAD_OFF = "load-off"  # the load relay's disconnect control, class 70: method 1
    LOAD_ON = "load-on"  # likewise: method 2
    READ_LOAD = "read-load"  # likewise: attributes 2 and 3
    READ = "read"  # the attributes named in `objects`
    SET_CLOCK = "set-clock"  # clock, class 8: measured, and shifted or set where it is off
    SET_TARIFF = "set-tariff"  # activity calendar, class 20, and special days, class 11
    CHANGE_KEYS = "change-keys"  # class 64: key_transfer of what `keys` brings
    UPDATE_FIRMWARE = "update-firmware"  # class 18: the image named in `firmware`


REPEATABLE = frozenset({Action.SET_CLOCK, Action.SET_TARIFF})
"""They look at what is there before they write: another attempt makes good what one left open."""

ACTING = REPEATABLE | {
    Action.SET_LIMIT,
    Action.REMOVE_LIMIT,
    Action.CONNECT,
    Action.ARM,
    Action.DISCONNECT,
    Action.RESET_DEMAND,
    Action.LOAD_OFF,
    Action.LOAD_ON,
}


class Status(enum.StrEnum):
    """How an execution ended, as the concentrator saw it."""

    DONE = "done"  # effect confirmed by reading it back
    NOT_IN_TABLE = "not-in-table"  # the concentrator's own meter table lacks this meter
    STALE = "stale"  # `not_after` had passed before anything was sent to the meter
    BUSY = "busy"  # the concentrator cannot take more work now; not an attempt
    UNREACHABLE = "unreachable"  # no route: no frame can be sent to the meter
    NO_ANSWER = "no-answer"  # no APDU; if acted, `limit` or `supply` show that nothing happened
    REFUSED = "refused"  # the meter answered with an error; see `refusal`
    UNREPRESENTABLE = "unrepresentable"  # the amount does not fit the meter's type and scaler
    MODE_FORBIDS = "mode-forbids"  # arming: the control mode would connect at once, or by no hand
    NOT_EQUIPPED = "not-equipped"  # the meter lacks the object; nothing that acts was sent
    EMERGENCY = "emergency"  # written, but an active emergency profile overrides it (attribute 10)
    NOT_APPLIED = "not-applied"  # the meter accepted, yet reads back something else
    KEY_REJECTED = "key-rejected"  # association failed: wrong key or invocation counter
    UNKNOWN = "unknown"  # sent, and then no word: the effect is not known
    CANCELLED = "cancelled"  # withdrawn before anything was sent to the meter
    UNDERWAY = "underway"  # of firmware: it goes well and takes longer; ask again by a new attempt


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The meter's own error: which service refused, with the DLMS code and its standard name."""

    service: Literal["associate", "get", "set", "action"]
    code: int  # DataAccessResult, ActionResult or ACSE diagnostic, as on the wire
    name: str


class LimitRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """A limiter (class 71) as read back, in the unit of the value it monitors."""

    threshold_normal: str  # decimal text, scaled
    threshold_active: str
    unit: str  # "W", "A", "VA"
    emergency_active: bool = False
    unlimited: bool = False  # threshold_normal is the highest value of its type


class SupplyRead(msgspec.Struct, frozen=True):
    """A disconnect control (class 70) as read back."""

    output_on: bool  # attribute 2
    control_state: int  # attribute 3: 0 disconnected, 1 connected, 2 ready for reconnection
    control_mode: int  # attribute 4: 0..6


class Frame(msgspec.Struct, frozen=True, omit_defaults=True):
    """One frame on the meter's link, as the concentrator saw it, for `explain`."""

    at: datetime
    direction: Literal["down", "up"]
    link: str  # "plc" or "rf"
    octets: int
    fate: str  # what the link layer saw: "delivered", "handed-on", "no-ack", ...
    airtime_ms: float
    snr_db: float | None = None
    hops: int = 1  # links between concentrator and meter on the route it was sent by


class Apdu(msgspec.Struct, frozen=True, omit_defaults=True):
    """One application message between concentrator (client) and meter (server).

    `wire` is what travelled, ciphered where the association ciphers.  `plain` is the deciphered
    xDLMS APDU without key material; it is absent for the association's own messages.
    """

    at: datetime
    direction: Literal["down", "up"]
    wire: bytes  # base64 in JSON
    plain: bytes | None = None


class LinkReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the concentrator's link layer knows of one meter, with no guess about causes."""

    meter: str
    at: datetime
    registered: bool  # the meter's module holds a place in the network
    frames_sent: int = 0
    frames_lost: int = 0  # no acknowledgement of the link layer
    link_acks: int = 0  # the module acknowledged a frame, whatever the meter behind it did
    handed_on: int = 0  # a module that repeats for it took a frame over, and no more is known of it
    last_heard: datetime | None = None
    snr_db: float | None = None
    link: Literal["plc", "rf"] | None = None  # which of its modules came, went or was moved
    level: int = 0  # links between concentrator and meter on that module's route; 0 without one
    via: tuple[str, ...] = ()  # meters whose modules repeat on it, the concentrator's first


class FaultEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a concentrator's or its modem's own fault log."""

    at: datetime
    component: Literal["power", "modem", "sim", "apn", "network", "concentrator", "router"]
    code: int  # +CME ERROR number or PDP cause, as the modem gave it; 0 where there is none
    text: str
    since: datetime | None = None  # of what could be written only at its end: when it began


# --- head-end to concentrator --------------------------------------------------------------------


class Execute(ToConcentrator, frozen=True, tag="execute", omit_defaults=True, kw_only=True):
    """Act on a meter, or read it.

    (`order`, `attempt`) is the idempotency key: the concentrator stores it with `not_after` before
    acting, answers a repeat from memory (also after its own reboot), and sends nothing that acts to
    the meter once `not_after` has passed.
    """

    order: str  # the head-end's order
    attempt: int  # counts from 1 within an order
    meter: str
    action: Action
    not_after: datetime  # nothing that can act leaves later
    amount: str | None = None  # decimal text; SET_LIMIT only
    unit: str | None = None  # "W", "kW", "VA", "kVA", "A"; SET_LIMIT only
    objects: tuple[ObjectWanted, ...] = ()  # READ only
    clock: ClockWanted | None = None  # SET_CLOCK only; left out: the usual bounds
    tariff: TariffWanted | None = None  # SET_TARIFF only
    since: DemandMark | None = None  # RESET_DEMAND only: as it stood; nothing acts on another
    firmware: MeterImage | None = None  # UPDATE_FIRMWARE only
    keys: KeysWanted | None = None  # CHANGE_KEYS only

    def __post_init__(self) -> None:
        if self.keys is not None and self.action is not Action.CHANGE_KEYS:
            raise ValueError("keys belong to change-keys alone")
        if self.firmware is not None and self.action is not Action.UPDATE_FIRMWARE:
            raise ValueError("an image belongs to update-firmware, and only to it")
        if self.tariff is not None and self.action is not Action.SET_TARIFF:
            raise ValueError("a calendar belongs to set-tariff alone")
        if self.since is not None and self.action is not Action.RESET_DEMAND:
            raise ValueError("how a meter's billing stood belongs to reset-demand alone")


class Withdraw(ToConcentrator, frozen=True, tag="withdraw", kw_only=True):
    """Do not begin this order any more; answered by its `Result` (cancelled, or as it ended).

    `meter` and `action` are those of the `Execute`, which may not have arrived and then never will
    be carried out: the answer has to name them.
    """

    order: str  # the head-end's order
    attempt: int  # counts from 1 within an order
    meter: str
    action: Action


class ReadFaultLog(ToConcentrator, frozen=True, tag="read-fault-log", kw_only=True):
    """Report the own and the modem's fault log since a time; answered by `FaultLog`."""

    since: datetime  # lines from this time on


class ReceiptToConcentrator(ToConcentrator, frozen=True, tag="receipt", kw_only=True):
    """The head-end has stored the concentrator's message `of`; it need not be sent again."""

    of: str  # the id of the message that is stored


# --- concentrator to head-end --------------------------------------------------------------------


class Accepted(FromConcentrator, frozen=True, tag="accepted", kw_only=True):
    """The concentrator has stored the command; it survives its reboot from here on."""

    order: str  # the head-end's order
    attempt: int  # counts from 1 within an order


class Result(FromConcentrator, frozen=True, tag="result", omit_defaults=True, kw_only=True):
    """How an execution ended.  Sent again until the head-end's receipt arrives."""

    order: str  # the head-end's order
    attempt: int  # counts from 1 within an order
    meter: str
    action: Action
    status: Status
    acted: bool  # whether a message that can act was sent to the meter in this attempt
    engine: str | None = None  # which DLMS engine spoke: "own" or "gurux"
    refusal: Refusal | None = None  # with status `refused`
    before: LimitRead | None = None  # the limiter before it was written; SET and REMOVE only
    limit: LimitRead | None = None  # as read back
    supply: SupplyRead | None = None  # as read back
    load: SupplyRead | None = None  # the load relay's control, as read back
    demand: DemandRead | None = None  # as read back
    readings: tuple[ObjectRead, ...] = ()  # one for each of `objects`; READ only
    update: UpdateTold | None = None  # UPDATE_FIRMWARE only
    clock: ClockTold | None = None  # SET_CLOCK only, by the own clock
    keys: KeysTold | None = None  # CHANGE_KEYS only
    link: LinkReport | None = None  # what this attempt saw of the meter's link
    apdus: tuple[Apdu, ...] = ()  # in the order in which they travelled
    frames: tuple[Frame, ...] = ()


class Online(FromConcentrator, frozen=True, tag="online", kw_only=True):
    """A session has begun.  Retained on the status topic; `boot` counts the device's starts."""

    concentrator: str
    boot: int  # counts the device's starts
    firmware: str
    tasks: int = 0  # version of the task table that it has; 0 without one


class Offline(FromConcentrator, frozen=True, tag="offline", kw_only=True):
    """The session's last will, published by the broker; `at` is when the session had begun."""

    concentrator: str
    boot: int  # counts the device's starts


class FaultLog(FromConcentrator, frozen=True, tag="fault-log", kw_only=True):
    """The fault log since the time asked for; sent unasked after a recovered connection."""

    entries: tuple[FaultEntry, ...]


class LinkChanged(FromConcentrator, frozen=True, tag="link-changed", kw_only=True):
    """A meter's link came or went."""

    link: LinkReport


class ReceiptFromConcentrator(FromConcentrator, frozen=True, tag="receipt", kw_only=True):
    """The concentrator has stored the head-end's message `of`."""

    of: str  # the id of the message that is stored


Downward = (
    Execute
    | Withdraw
    | ReadFaultLog
    | SetTasks
    | ReadState
    | ShiftClock
    | OfferFirmware
    | FirmwarePiece
    | AdmitMeter
    | RefuseMeter
    | Discover
    | Restart
    | OpenTunnel
    | TunnelFrame
    | CloseTunnel
    | ReceiptToConcentrator
)
Upward = (
    Accepted
    | Result
    | Online
    | Offline
    | FaultLog
    | LinkChanged
    | MeterPushed
    | Upload
    | State
    | Discovered
    | DiscoveryEnded
    | Restarted
    | WantFirmware
    | FirmwareTold
    | TunnelOpened
    | TunnelAnswer
    | TunnelClosed
    | ReceiptFromConcentrator
)

_encoder = msgspec.json.Encoder()
_downward: msgspec.json.Decoder[Downward] = msgspec.json.Decoder(Downward)
_upward: msgspec.json.Decoder[Upward] = msgspec.json.Decoder(Upward)


def encode(message: Downward | Upward) -> bytes:
    """The message's bytes on the wire."""
    return _encoder.encode(message)


def decode_downward(wire: bytes) -> Downward:
    """A message to a concentrator.  Raises `UnknownMessage`."""
    return _decode(_downward, wire)


def decode_upward(wire: bytes) -> Upward:
    """A message from a concentrator.  Raises `UnknownMessage`."""
    return _decode(_upward, wire)


M = TypeVar("M", bound=ToConcentrator | FromConcentrator)


def _decode(decoder: msgspec.json.Decoder[M], wire: bytes) -> M:
    try:
        message = decoder.decode(wire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownMessage(str(error)) from error
    if message.v != VERSION:
        raise UnknownMessage(f"version {message.v} is not {VERSION}")
    return message
