"""What the capabilities need from the world, in the domain's words; `app` decides who provides."""

from headend.ports.field import CarrierPortal, Command, Connectivity, Field, FieldListener, Report
from headend.ports.keys import (
    CountersContended,
    Generation,
    KeyCounters,
    KeyShared,
    KeysUnreadable,
    MeterKeys,
    Vault,
)
from headend.ports.memory import (
    AlreadyStored,
    InboundMessage,
    OutboundMessage,
    OutboundStream,
    Outgoing,
    Standing,
    StoreUnavailable,
    Unreadable,
)
from headend.ports.rows import ProfileRows, RowsGathered, RowsHeld, RowsKept
from headend.ports.transaction import Store, Transaction
from headend.ports.words.readings import IntervalRow
from headend.ports.world import Chance, Clock

__all__ = [
    "AlreadyStored",
    "CarrierPortal",
    "Chance",
    "Clock",
    "Command",
    "Connectivity",
    "CountersContended",
    "Field",
    "FieldListener",
    "Generation",
    "InboundMessage",
    "IntervalRow",
    "KeyCounters",
    "KeyShared",
    "KeysUnreadable",
    "MeterKeys",
    "OutboundMessage",
    "OutboundStream",
    "Outgoing",
    "ProfileRows",
    "Report",
    "RowsGathered",
    "RowsHeld",
    "RowsKept",
    "Standing",
    "Store",
    "StoreUnavailable",
    "Transaction",
    "Unreadable",
    "Vault",
]
