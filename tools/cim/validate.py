"""`ami cim validate`: what is wrong with messages in files, where, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from headend.clock import WallClock
from protocols.cim import envelope, validation, xml
from protocols.cim.errors import NotAMessage
from protocols.cim.profile import reading
from protocols.cim.validation import Finding
from protocols.cim.xml import Element
from tools.cim.advice import advice
from tools.cim.files import octets_of
from tools.cim.replies import error_told
from tools.cim.rules import findings
from tools.options import Json
from tools.terminal import out, print_json, wrong_usage

SHOWN = 50  # of one file, to a person


def validate(
    files: Annotated[list[Path], typer.Argument(help="Messages, in SOAP envelopes or without.")],
    adapter: Annotated[
        str | None,
        typer.Option(help="Hold a generic get against this adapter's profile: siad, vip, …"),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Extensions of the profiles are errors, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Hold messages against the schemas, and against the rules that their readers add.

    Each error has its code, its line, the way to its element and what to do.  Exit code 1 where
    there is one.

    Example: [bold]ami cim validate order.xml[/]
    """
    if adapter is not None and adapter not in reading.ADAPTERS:
        wrong_usage(f"--adapter takes one of {', '.join(reading.ADAPTERS)}, not {adapter!r}")
    told = [_judged(file, adapter, strict=strict) for file in files]
    if json:
        print_json([_told(*each) for each in told])
    else:
        for each in told:
            _show(*each)
    if any(found for _, _, found in told):
        raise typer.Exit(1)


def _judged(file: Path, adapter: str | None, *, strict: bool) -> tuple[Path, str, list[Finding]]:
    """A file, what it holds, and what is wrong."""
    octets = octets_of(file)
    try:
        element = validation.message_in(xml.parse(octets))
    except NotAMessage as error:
        return file, "no message", [Finding(error=error.error)]
    profile = None if adapter is None else reading.profile(adapter)
    found = findings(element, now=WallClock().now(), profile=profile, strict=strict)
    return file, _about(element), found


def _about(element: Element) -> str:
    """What a message is, in words: its element, verb and noun."""
    header = envelope.glimpse(element)
    said = f"{header.verb} {header.noun}".strip()
    return f"{xml.local(element)} ({said})" if said else xml.local(element)


def _told(file: Path, about: str, found: list[Finding]) -> dict[str, Any]:
    return {
        "file": str(file),
        "message": about,
        "valid": not found,
        "errors": [
            {**error_told(each.error), "line": each.line, "path": each.path} for each in found
        ],
    }


def _show(file: Path, about: str, found: list[Finding]) -> None:
    if not found:
        out.print(f"{file}: valid: {about}", markup=False)
        return
    out.print(f"{file}: {about}: {len(found)} to mend", markup=False)
    for each in found[:SHOWN]:
        place = "" if each.line is None else f"line {each.line}, {each.path}: "
        out.print(f"  {place}{each.error.code} {each.error.details}", markup=False)
        out.print(f"      {advice(each.error)}", markup=False)
    if len(found) > SHOWN:
        out.print(f"  and {len(found) - SHOWN} more: --json lists all")
