"""`ami probe config`: what may be set at a meter, as a file; and a file brought back to a meter.

Configuration is what this client may both read and write, without the time and what moves by
itself.  Each value stands there as its octets (A-XDR, exact) and as text (for people, not read).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from headend.app.probe import BadKit
from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import describe
from protocols.dlms.procedures import Answer, Outcome, Request, read_attributes
from protocols.dlms.procedures.steps import refused_outcome
from protocols.dlms.services import AttributeDescriptor, SetRequest
from protocols.dlms.values import Value
from protocols.errors import ProtocolError
from tools.probe.asking import confirmed
from tools.probe.command import group, verb
from tools.probe.desk import Desk, Purpose
from tools.probe.progress import Bar, bar
from tools.probe.report import Column, Report, Table
from tools.probe.supply import DryRun, Yes
from tools.probe.talk import Talk, failure_of
from tools.probe.values import text_of
from tools.terminal import err, wrong_usage

app = group("config", "Configuration: export what may be set, or apply such a file.")

TIME = (8, 2)
MOVING = {TIME, (3, 2), (4, 2), (5, 2), (5, 3), (7, 2), (18, 5)}
"""Attributes that some meters let a client write, and that are no configuration."""

COLUMNS = (
    Column("obis", "OBIS"),
    Column("attribute", "attr"),
    Column("name", "name"),
    Column("before", "at the meter"),
    Column("after", "in the file"),
    Column("result", "result"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One attribute and its value."""

    attribute: AttributeDescriptor
    value: Value


class BadFile(BadKit):
    """The file is no configuration; the text says where."""


@verb("export", of=app)
async def export_(
    desk: Desk,
    file: Annotated[Path, typer.Argument(help="FILE.toml or FILE.json.")],
) -> Report:
    """Write what this client may set at the meter into a file.

    Example: [bold]ami probe config export meter.toml[/]
    """
    if file.suffix not in (".toml", ".json"):
        wrong_usage(f"{file}: a configuration is FILE.toml or FILE.json")
    async with desk.talk(Purpose.ACT) as talk:
        with bar("configuration", silent=desk.quiet) as shown:
            settings, refused = await _read(talk, await _settable(talk, shown), shown)
    text = _as_toml(settings, desk) if file.suffix == ".toml" else _as_json(settings, desk)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}")
    notes = [f"{len(settings)} attributes in {file}"]
    if refused:
        notes.append(f"{refused} more were refused")
    return desk.report("", notes=tuple(notes), journal={"file": str(file), "count": len(settings)})


@verb("apply", of=app)
async def apply(
    desk: Desk,
    file: Annotated[Path, typer.Argument(help="As config export wrote it, then edited.")],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> Report:
    """Bring a file's settings to the meter: shows what differs, asks, writes, reads back.

    Example: [bold]ami probe config apply meter.toml --dry-run[/]
    """
    wanted = read_file(file)
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT) as talk:
        asked = [each.attribute for each in wanted]
        before = await talk.do(read_attributes(asked))
        changes = [
            (setting, old)
            for setting, old in zip(wanted, before, strict=True)
            if not isinstance(old, Value) or axdr.encode(old) != axdr.encode(setting.value)
        ]
        if not changes:
            return desk.report("", notes=("the meter has all of it already",))
        for setting, old in changes:
            _show(setting, text_of(old), desk)
        await confirmed(desk, f"Meter {desk.meter}: write {len(changes)} values?", yes=yes)
        codes = await talk.act(write_each([setting for setting, _ in changes]), file=file.name)
        after = await talk.do(read_attributes([setting.attribute for setting, _ in changes]))
    rows, good = [], 0
    for (setting, old), refused, now in zip(changes, codes, after, strict=True):
        result = "written and read back"
        if refused is not None:
            result = str(failure_of(refused))
        elif not isinstance(now, Value) or axdr.encode(now) != axdr.encode(setting.value):
            result = f"reads back as {text_of(now)}"
        good += result == "written and read back"
        rows.append(_row(setting, text_of(old), result, desk))
    table = Table("changes", "", COLUMNS, tuple(rows))
    return desk.report("", tables=(table,), done=good == len(rows),
                       journal={"file": str(file), "written": good, "of": len(rows)})  # fmt: skip


def write_each(
    settings: Sequence[Setting],
) -> Generator[Request, Answer, list[Outcome | None]]:
    """Write one after the other; of each None, or how the meter refused it."""
    found: list[Outcome | None] = []
    for setting in settings:
        answer = yield SetRequest.of(setting.attribute, setting.value)
        found.append(refused_outcome("set", answer))
    return found


async def _settable(talk: Talk, shown: Bar) -> list[AttributeDescriptor]:
    """What may be read and written, in the meter's order."""
    return [
        AttributeDescriptor(each.class_id, each.instance, number)
        for each in await talk.objects(shown.travelled)
        for number in sorted(each.attributes)
        if number > 1
        and each.readable(number)
        and each.writable(number)
        and (each.class_id, number) not in MOVING
    ]


async def _read(
    talk: Talk, attributes: Sequence[AttributeDescriptor], shown: Bar
) -> tuple[list[Setting], int]:
    results = await talk.do(read_attributes(attributes, progress=shown.step), shown.travelled)
    settings = [
        Setting(attribute, result)
        for attribute, result in zip(attributes, results, strict=True)
        if not isinstance(result, DataAccessResult)
    ]
    return settings, len(attributes) - len(settings)


# --- the file -------------------------------------------------------------------------------------


def _as_toml(settings: Sequence[Setting], desk: Desk) -> str:
    """Written by hand: tomllib only reads."""
    lines = [f"meter = {json.dumps(desk.meter)}", f"at = {desk.now():%Y-%m-%dT%H:%M:%SZ}"]
    for each in _tables(settings, desk):
        lines.append("\n[[setting]]")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in each.items()]
    return "\n".join(lines) + "\n"


def _as_json(settings: Sequence[Setting], desk: Desk) -> str:
    table = {"meter": desk.meter, "at": f"{desk.now():%Y-%m-%dT%H:%M:%SZ}"}
    told = {**table, "setting": list(_tables(settings, desk))}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _tables(settings: Sequence[Setting], desk: Desk) -> Generator[dict[str, Any], None, None]:
    for each in settings:
        yield {
            "class": each.attribute.class_id,
            "object": str(each.attribute.instance),
            "attribute": each.attribute.attribute,
            "about": describe(each.attribute.instance, desk.language),
            "text": text_of(each.value),
            "octets": axdr.encode(each.value).hex().upper(),
        }


def read_file(path: Path) -> list[Setting]:
    """The settings of a file.  Raises `BadFile`."""
    try:
        text = path.read_text(encoding="utf-8")
        told = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BadFile(f"{path}: {error}") from error
    tables = told.get("setting") if isinstance(told, dict) else None
    if not isinstance(tables, list) or not tables:
        raise BadFile(f"{path} holds no settings")
    return [_setting(path, number, table) for number, table in enumerate(tables, start=1)]


def _setting(path: Path, number: int, table: Any) -> Setting:
    try:
        attribute = AttributeDescriptor(
            int(table["class"]), LogicalName(table["object"]), int(table["attribute"])
        )
        return Setting(attribute, axdr.decode(bytes.fromhex(table["octets"])))
    except KeyError as error:
        raise BadFile(f"{path}: setting {number} has no {error}") from error
    except (ValueError, TypeError, ProtocolError) as error:
        raise BadFile(f"{path}: setting {number}: {error}") from error


def _row(setting: Setting, before: str, result: str, desk: Desk) -> tuple[Any, ...]:
    attribute = setting.attribute
    name = describe(attribute.instance, desk.language)
    return (str(attribute.instance), attribute.attribute, name, before, text_of(setting.value),
            result)  # fmt: skip


def _show(setting: Setting, before: str, desk: Desk) -> None:
    if desk.quiet:
        return
    attribute = setting.attribute
    name = describe(attribute.instance, desk.language)
    err.print(Text(f"{attribute.instance} attribute {attribute.attribute}, {name}", style="bold"))
    err.print(Text(f"  - {before}", style="red"), soft_wrap=True)
    err.print(Text(f"  + {text_of(setting.value)}", style="green"), soft_wrap=True)
