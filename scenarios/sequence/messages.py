"""What a message between head-end and concentrator is called in a diagram, and its few values."""

from __future__ import annotations

from protocols.concentrator.collecting import BadBatch, SetTasks, Upload, unpacked
from protocols.concentrator.messages import (
    Accepted,
    ClockTold,
    Discovered,
    DiscoveryEnded,
    Downward,
    Execute,
    FaultLog,
    FirmwarePiece,
    FirmwareTold,
    LinkChanged,
    OfferFirmware,
    Online,
    ReadFaultLog,
    ReceiptFromConcentrator,
    ReceiptToConcentrator,
    Restarted,
    Result,
    ShiftClock,
    State,
    TunnelAnswer,
    TunnelFrame,
    Upward,
    WantFirmware,
    Withdraw,
)

_FOLDED = (FirmwarePiece, WantFirmware, TunnelFrame, TunnelAnswer)
SILENT = (ReceiptFromConcentrator, ReceiptToConcentrator, Accepted, ReadFaultLog)
"""They say that something is stored, or ask before each order for faults, of which only those that
there were are drawn."""


def word_of(message: Downward | Upward) -> str | None:
    """The message's name; None for one that is not drawn."""
    if isinstance(message, SILENT) or (isinstance(message, FaultLog) and not message.entries):
        return None
    return str(type(message).__struct_config__.tag)


def told(message: Downward | Upward) -> tuple[str, int | None]:
    """Its values in a few words, and the order that it is of."""
    if isinstance(message, _FOLDED):
        return "", None
    match message:
        case Execute():
            amount = "" if message.amount is None else f" {message.amount} {message.unit}"
            objects = f" ×{len(message.objects)}" if message.objects else ""
            return f"{message.action}{amount}{objects}", int(message.order)
        case Withdraw():
            return f"{message.action}", int(message.order)
        case Result():
            return f"{message.status}{_result(message)}", int(message.order)
        case SetTasks():
            return f"v{message.version}: {', '.join(task.name for task in message.tasks)}", None
        case Upload():
            return _upload(message), None
        case State():
            return _state(message), None
        case ShiftClock():
            return f"{message.by_s:+.1f} s", None
        case OfferFirmware():
            return f"{message.version}, {message.octets} B", None
        case FirmwareTold():
            return f"{message.version} {message.progress}", None
        case Discovered():
            return message.module, None
        case DiscoveryEnded():
            return f"{message.found}/{message.modules}", None
        case Restarted():
            return f"boot {message.boot}", None
        case LinkChanged():
            state = "+" if message.link.registered else "-"
            return f"{state}{message.link.meter}", None
        case FaultLog():
            return f"{len(message.entries)}", None
        case Online():
            return f"boot {message.boot}, {message.firmware}", None
    return "", None


def _result(message: Result) -> str:
    parts = []
    if message.limit is not None:
        limit = message.limit
        parts.append("∞" if limit.unlimited else f"{limit.threshold_normal} {limit.unit}")
    if message.supply is not None:
        parts.append(f"state {message.supply.control_state}")
    if message.load is not None:
        parts.append("load on" if message.load.output_on else "load off")
    if message.demand is not None and message.demand.resets is not None:
        parts.append(f"period {message.demand.resets}")
    if message.clock is not None:
        parts.append(_clock(message.clock))
    if message.readings:
        parts.append(f"×{len(message.readings)}")
    return ", " + ", ".join(parts) if parts else ""


def _clock(told: ClockTold) -> str:
    """Such as "+40.0 s, shift -40.0 s, +0.0 s"."""
    before = "?" if told.before_s is None else f"{told.before_s:+.1f} s"
    if told.by == "nothing":
        return before
    after = "?" if told.after_s is None else f"{told.after_s:+.1f} s"
    return f"{before}, {told.by} {told.moved_s:+.1f} s, {after}"


def _upload(message: Upload) -> str:
    try:
        batch = unpacked(message.packed)
    except BadBatch:
        return f"{message.blocks}"
    names = sorted({block.task for block in batch.blocks})
    rows = sum(block.rows for block in batch.blocks)
    return f"{message.blocks} × {', '.join(names)}" + (f" ({rows} rows)" if rows else "")


def _state(message: State) -> str:
    registered = sum(place.registered for place in message.meters)
    deepest = max((place.level for place in message.meters), default=0)
    return f"{registered}/{len(message.meters)}, level ≤ {deepest}, {message.firmware}"
