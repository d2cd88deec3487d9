"""Writes the message tables of docs/concentrator-messages.md from the structs themselves.

    python -m tools.concentrator.page

A test compares the page with what this module would write, so the page cannot fall behind.  The
meaning of a field is the comment on its line in protocols/concentrator.
"""

from __future__ import annotations

import enum
import hashlib
import inspect
import re
import types
import typing
import zlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from protocols.concentrator import (
    collecting,
    firmware,
    gateway,
    messages,
    meter_firmware,
    on_demand,
    registration,
    unasked,
    upkeep,
)
from protocols.concentrator.messages import Action, Status

PACKAGE = "protocols.concentrator"
PAGE = Path(__file__).parents[2] / "docs" / "concentrator-messages.md"
BEGIN = "<!-- from here written by tools/concentrator/page.py; change the structs, not the text -->"
END = "<!-- to here -->"

_SENT = datetime(2026, 7, 6, 14, 0, 0, tzinfo=UTC)
_DONE = datetime(2026, 7, 6, 14, 0, 21, 500_000, tzinfo=UTC)
_UNTIL = datetime(2026, 7, 6, 14, 5, 0, tzinfo=UTC)
_LINK = messages.LinkReport(
    meter="M-000417",
    at=_DONE,
    registered=True,
    frames_sent=14,
    frames_lost=2,
    link_acks=12,
    last_heard=_DONE,
    snr_db=11.5,
)
_IMAGE = hashlib.sha256(b"image").hexdigest()
_BATCH = collecting.Batch(
    layouts=(
        collecting.Layout(
            profile="1.0.99.1.0.255",
            columns=(
                collecting.ColumnTold(class_id=8, name="0.0.1.0.0.255", attribute=2),
                collecting.ColumnTold(
                    class_id=3, name="1.0.1.8.0.255", attribute=2, scaler=0, unit=30
                ),
            ),
            period_s=900,
        ),
    ),
    blocks=(
        collecting.Block(
            meter="M-000417",
            task="load-profile",
            number=1,
            read_at=_DONE,
            layout=0,
            buffer=bytes.fromhex("01010202090c07ea070601 0a000000 00f000 06000012c8"),
            rows=1,
        ),
    ),
)

EXAMPLES: tuple[messages.Downward | messages.Upward, ...] = (
    messages.Execute(
        id="7c0e6f3e-2f0a-4c36-9d2f-0d7a6c0e5b11",
        at=_SENT,
        order="88",
        attempt=1,
        meter="M-000417",
        action=Action.SET_LIMIT,
        not_after=_UNTIL,
        amount="3450",
        unit="W",
    ),
    messages.Withdraw(
        id="2b9f3a52-41a5-4a53-8a69-6ad0e6a1f0c4",
        at=_SENT,
        order="88",
        attempt=1,
        meter="M-000417",
        action=Action.SET_LIMIT,
    ),
    messages.ReadFaultLog(id="a6a1a7a4-3d9c-4d7e-8a57-1f2f0b9f6c02", at=_SENT, since=_SENT),
    collecting.SetTasks(
        id="0d6c1b52-9a3e-4c1e-8d0e-5a1f5a6b7c21",
        at=_SENT,
        version=4,
        tasks=(
            collecting.Task(
                name="load-profile",
                kind=collecting.Kind.PROFILE,
                objects=(messages.ObjectWanted(class_id=7, name="1.0.99.1.0.255"),),
                every_s=3600,
                after_s=300,
                window_s=3000,
            ),
        ),
    ),
    upkeep.ReadState(id="4b7a0d6e-1c57-4b7e-8a51-6d0f6d9b2c33", at=_SENT, since=_SENT),
    upkeep.ShiftClock(id="9f1c2e5a-77b0-4d2c-9a63-0b8f5e4d1a72", at=_SENT, by_s=-12.4),
    firmware.OfferFirmware(
        id="6e3b9a81-4d5f-4c70-b2a8-9f1d7e0c5a64",
        at=_SENT,
        image=_IMAGE,
        version="ami-concentrator 1.1.0",
        octets=5,
        activate_at=_UNTIL,
    ),
    firmware.FirmwarePiece(
        id="1c7d5e92-8a3b-4f61-9e0d-2b6f4a8c7d35",
        at=_SENT,
        image=_IMAGE,
        offset=0,
        octets=b"image",
    ),
    registration.AdmitMeter(
        id="7a4e9d10-6b2c-4e0f-9c8d-1f3b5a7c9e21",
        at=_SENT,
        module="00124B0012AB34CD",
        meter="M-000519",
    ),
    registration.RefuseMeter(
        id="2d8f6c43-0e1a-4b9d-8f27-6c4a2e0b8d13",
        at=_SENT,
        module="00124B0012AB34CE",
        why="it is not in the registry",
    ),
    on_demand.Discover(id="activity-12-20260706T140000.000000", at=_SENT, not_after=_UNTIL),
    on_demand.Restart(id="activity-13-20260706T140000.000000", at=_SENT, not_after=_UNTIL),
    gateway.OpenTunnel(
        id="5d2a7c10-3a6f-4b1e-9b2f-7d9c3e1f0a44",
        at=_SENT,
        tunnel="b7f1",
        meter="M-000417",
        idle_s=120,
    ),
    gateway.TunnelFrame(
        id="c0b4f9a2-58a1-4a0b-8a3e-0c1f8e2b7d19",
        at=_SENT,
        tunnel="b7f1",
        sequence=1,
        octets=bytes.fromhex("0001000100010003620100"),
        not_after=_UNTIL,
    ),
    gateway.CloseTunnel(id="e1a6b3d4-7c2f-4f55-b6d8-2a9f0c4e8b73", at=_SENT, tunnel="b7f1"),
    messages.ReceiptToConcentrator(
        id="f3f8d2c0-9b1e-4f0f-8f49-3c1f6e2d7a90", at=_SENT, of="C-07.3.41"
    ),
    messages.Accepted(id="C-07.3.40", at=_SENT, order="88", attempt=1),
    messages.Result(
        id="C-07.3.41",
        at=_DONE,
        order="88",
        attempt=1,
        meter="M-000417",
        action=Action.SET_LIMIT,
        status=Status.DONE,
        acted=True,
        engine="own",
        before=messages.LimitRead(threshold_normal="9200", threshold_active="9200", unit="W"),
        limit=messages.LimitRead(threshold_normal="3450", threshold_active="3450", unit="W"),
        link=_LINK,
        apdus=(
            messages.Apdu(
                at=_DONE,
                direction="down",
                wire=bytes.fromhex("c001c100480000110000ff0400"),
                plain=bytes.fromhex("c001c100480000110000ff0400"),
            ),
        ),
        frames=(
            messages.Frame(
                at=_DONE,
                direction="down",
                link="plc",
                octets=61,
                fate="delivered",
                airtime_ms=31.2,
                snr_db=11.5,
            ),
        ),
    ),
    messages.Online(
        id="C-07.3.1",
        at=_SENT,
        concentrator="C-07",
        boot=3,
        firmware="ami-concentrator 1.0.0",
    ),
    messages.Offline(id="C-07.3.0", at=_SENT, concentrator="C-07", boot=3),
    messages.FaultLog(
        id="C-07.3.2",
        at=_SENT,
        entries=(
            messages.FaultEntry(
                at=datetime(2026, 7, 6, 13, 12, 9, tzinfo=UTC),
                component="sim",
                code=13,
                text="+CME ERROR: SIM failure",
            ),
        ),
    ),
    messages.LinkChanged(id="C-07.3.77", at=_DONE, link=_LINK),
    unasked.MeterPushed(
        id="C-07.3.78",
        at=_DONE,
        meter="M-000417",
        heard_at=_DONE,
        octets=bytes.fromhex("0f0000000100020109060007190900ff"),
        link="rf",
        hops=1,
    ),
    collecting.Upload(
        id="C-07.3.80",
        at=_DONE,
        blocks=1,
        packed=zlib.compress(msgspec.msgpack.encode(_BATCH), 0),  # the same by every zlib
    ),
    upkeep.State(
        id="C-07.3.90",
        at=_DONE,
        of="4b7a0d6e-1c57-4b7e-8a51-6d0f6d9b2c33",
        boot=3,
        up_since=_SENT,
        firmware="ami-concentrator 1.0.0",
        memory=upkeep.MemoryTold(blocks=2, octets=7300, octets_max=16777216, dropped=0),
        tasks=4,
        behind=(
            upkeep.TaskBehind(task="load-profile", meter="M-000423", failed=3, trouble="no-answer"),
        ),
        meters=(
            upkeep.MeterPlace(
                meter="M-000417",
                registered=True,
                link="plc",
                level=2,
                via=("M-000403",),
                last_heard=_DONE,
            ),
        ),
        hours=(upkeep.HeardInHour(hour=_SENT, asked=56, heard={"M-000417": 55}),),
        events=(
            upkeep.EventEntry(at=_SENT, code=upkeep.EventCode.TASKS_SET, text="version 4, 1 tasks"),
        ),
    ),
    firmware.WantFirmware(id="C-07.3.96", at=_SENT, image=_IMAGE, offset=0, octets=5),
    firmware.FirmwareTold(
        id="C-07.3.97",
        at=_DONE,
        image=_IMAGE,
        version="ami-concentrator 1.1.0",
        progress=firmware.Progress.VERIFIED,
    ),
    registration.Discovered(
        id="C-07.3.95",
        at=_DONE,
        module="00124B0012AB34CE",
        identity="FRN0000004711",
        title="",
        conforms=False,
        findings=("does not prove itself: key-rejected",),
    ),
    on_demand.DiscoveryEnded(
        id="C-07.3.98",
        at=_DONE,
        of="activity-12-20260706T140000.000000",
        modules=1,
        found=1,
    ),
    on_demand.Restarted(id="C-07.4.1", at=_DONE, of="activity-13-20260706T140000.000000", boot=4),
    gateway.TunnelOpened(id="C-07.3.81", at=_SENT, tunnel="b7f1"),
    gateway.TunnelAnswer(
        id="C-07.3.82",
        at=_DONE,
        tunnel="b7f1",
        sequence=1,
        fate=gateway.Fate.CARRIED,
        octets=bytes.fromhex("0001000100010003630100"),
    ),
    gateway.TunnelClosed(id="C-07.3.83", at=_DONE, tunnel="b7f1", why=gateway.Closing.ASKED),
    messages.ReceiptFromConcentrator(
        id="C-07.3.39", at=_SENT, of="7c0e6f3e-2f0a-4c36-9d2f-0d7a6c0e5b11"
    ),
)
"""One of each message.  A test holds that none is missing."""

PARTS = (
    messages.Refusal,
    messages.LimitRead,
    messages.SupplyRead,
    messages.DemandMark,
    messages.DemandRead,
    messages.LinkReport,
    messages.FaultEntry,
    messages.Frame,
    messages.Apdu,
    messages.ObjectWanted,
    messages.ObjectRead,
    meter_firmware.MeterImage,
    meter_firmware.UpdateTold,
    collecting.Task,
    collecting.TimeSpan,
    collecting.Batch,
    collecting.Layout,
    collecting.ColumnTold,
    collecting.Block,
    upkeep.MemoryTold,
    upkeep.TaskBehind,
    upkeep.MeterPlace,
    upkeep.HeardInHour,
    upkeep.EventEntry,
)
"""The structs that messages contain."""

ENUMERATIONS = (
    Action,
    Status,
    collecting.Kind,
    gateway.Fate,
    gateway.Closing,
    upkeep.EventCode,
    firmware.Progress,
)


def reference() -> str:
    """The part of the page that the structs determine."""
    down = typing.get_args(messages.Downward)
    lines = [BEGIN, "", "### Head-end to concentrator (`down`)", ""]
    up_begun = False
    for example in EXAMPLES:
        if type(example) not in down and not up_begun:
            up_begun = True
            lines += ["### Concentrator to head-end (`up`; `online` and `offline` on `status`)", ""]
        lines += _message(example)
    lines += ["### Values and parts", ""]
    for values in (
        Action,
        Status,
        meter_firmware.Stage,
        collecting.Kind,
        gateway.Fate,
        gateway.Closing,
        upkeep.EventCode,
    ):
        lines += _enumeration(values)
    for part in PARTS:
        lines += [f"#### {part.__name__}", "", _doc(part), "", *_fields(part), ""]
    return "\n".join([*lines, END])


def written(page: str) -> str:
    """The page with its reference part made new."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + reference() + after


def _message(example: messages.Downward | messages.Upward) -> list[str]:
    kind = type(example)
    tag = kind.__struct_config__.tag
    wire = msgspec.json.format(messages.encode(example), indent=2).decode()
    return [
        f"#### `{tag}`",
        "",
        _doc(kind),
        "",
        *_fields(kind),
        "",
        "```json",
        wire,
        "```",
        "",
    ]


def _fields(kind: type[msgspec.Struct]) -> list[str]:
    meanings = _comments(kind)
    hints = typing.get_type_hints(kind)
    rows = ["| field | JSON | | meaning |", "|---|---|---|---|"]
    for info in msgspec.structs.fields(kind):
        optional = "" if info.required else "optional"
        meaning = meanings.get(info.name, "")
        rows.append(
            f"| `{info.encode_name}` | {_json(hints[info.name])} | {optional} | {meaning} |"
        )
    return rows


def _json(hint: typing.Any) -> str:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _json(next(part for part in typing.get_args(hint) if part is not type(None)))
    if origin is tuple:
        return f"array of {_json(typing.get_args(hint)[0])}"
    if origin is typing.Literal:
        return " / ".join(f'`"{value}"`' for value in typing.get_args(hint))
    if origin is dict:
        key, value = (_json(part) for part in typing.get_args(hint))
        return f"object: {key} to {value}"
    if isinstance(hint, type) and issubclass(hint, enum.Enum | msgspec.Struct):
        return hint.__name__
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    names |= {datetime: "time", bytes: "base64"}
    return names[hint]


def _enumeration(kind: type[enum.StrEnum]) -> list[str]:
    meanings = _comments(kind)
    rows = [f"#### {kind.__name__}", "", _doc(kind), "", "| value | meaning |", "|---|---|"]
    rows += [f'| `"{value}"` | {meanings.get(value.name, "")} |' for value in kind]
    return [*rows, ""]


def _comments(kind: type) -> dict[str, str]:
    """The comment on each field's line, inherited fields included."""
    found: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if ancestor.__module__.startswith(PACKAGE):
            for line in inspect.getsource(ancestor).splitlines():
                if match := re.match(r"    (\w+)(?:: | = ).*  # (.+)$", line):
                    found[match[1]] = match[2]
    return found


def _doc(kind: type) -> str:
    text = inspect.getdoc(kind)
    assert text is not None
    # Prose wraps in the source; the page's own lines end at paragraphs.
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
