"""`ami capture`: what a capture holds, and with keys at hand what was ciphered in it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from protocols.capture.contents import Contents, Found, FoundApdu, Keys
from protocols.dissection import report, xml
from protocols.dissection.apdu import Dissected
from protocols.errors import ProtocolError
from tools.capture.keys import BadKeys, KeyFile, SeedKeys
from tools.dlms.apdu_text import Telling
from tools.terminal import complain, out, wrong_usage

app = typer.Typer(help="Captures taken apart: capture decode.", no_args_is_help=True)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@app.callback()
def _capture() -> None:
    """Captures taken apart."""


@app.command()
def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A pcapng file of ours.")],
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: a meter's system title to its keys."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Open with the test keys of this seed's simulated meters.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a packet.")] = False,
) -> None:
    """Every packet and its APDUs; with keys those inside ciphered ones, tags verified.

    A damaged file is told as far as it can be read, then where it is damaged; then, and where an
    APDU could not be read or opened, the exit code is 1.  Keys are never shown, neither those
    given nor those that were ciphered.

    Example: [bold]ami capture decode run.pcapng --seed 7[/]
    """
    contents = Contents(_keys(keys, seed))
    try:
        if keys is not None or seed is not None:
            with file.open("rb") as ahead:
                contents.learn(ahead.read)
        with file.open("rb") as stream:
            _tell(contents, stream.read, json)
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}")


def _keys(file: Path | None, seed: int | None) -> Keys:
    if file is not None and seed is not None:
        wrong_usage("--keys FILE or --seed N, and not both")
    if seed is not None:
        return SeedKeys(seed)
    if file is None:
        return Keys()
    try:
        return KeyFile.of(file.read_bytes())
    except OSError as error:
        wrong_usage(f"--keys {file}: {error.strerror}")
    except BadKeys as error:
        wrong_usage(f"--keys {file}: {error}")


def _tell(contents: Contents, read: Any, json: bool) -> None:
    tellings: dict[str, Telling] = {}
    count, bad = 0, False
    try:
        for found in contents.read(read):
            count += 1
            bad = bad or found.problem is not None or any(each.problem for each in found.apdus)
            if json:
                _write(_as_json(found))
            else:
                _show(found, tellings.setdefault(_conversation(found), Telling()))
    except ProtocolError as error:
        if json:
            _write(report.problems_as_json([error]) | {"packets_read": count})
        else:
            complain(
                f"the file is damaged at octet {error.offset}: {error.cause}",
                f"{count} packets before it could be read.",
            )
        bad = True
    if bad:
        raise typer.Exit(1)


def _conversation(found: Found) -> str:
    """Between whom: answers are told behind the questions of the same two."""
    ends = sorted((str(found.facts.get("source", "")), str(found.facts.get("destination", ""))))
    return str(found.facts.get("name") or ends)


# --- for machines --------------------------------------------------------------------------------


def _as_json(found: Found) -> dict[str, Any]:
    packet = found.packet
    told: dict[str, Any] = {
        "number": packet.number,
        "offset": packet.offset,
        "at": _at(packet.at_us).isoformat().replace("+00:00", "Z"),
        "interface": packet.interface.name,
        "words": found.words,
        **found.facts,
    }
    if found.apdus:
        told["apdus"] = [_apdu(apdu) for apdu in found.apdus]
    if found.problem is not None:
        told["error"] = report.problem_as_json(found.problem)
    return told


def _apdu(apdu: FoundApdu) -> dict[str, Any]:
    told: dict[str, Any] = {"octets": apdu.octets.hex()}
    if apdu.dissected is not None:
        told |= report.dissected_as_json(apdu.dissected, bytes.hex, _xml)
    if apdu.problem is not None:
        told["error"] = report.problem_as_json(apdu.problem)
    return told


def _xml(dissected: Dissected) -> str:
    return xml.text_of(dissected.element)


def _write(told: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


# --- for people ----------------------------------------------------------------------------------


def _show(found: Found, telling: Telling) -> None:
    packet = found.packet
    at = f"{_at(packet.at_us):%Y-%m-%d %H:%M:%S.%f}"
    line = Text.assemble(
        (f"{packet.number:>6} {packet.offset:>9}  {at} ", "dim"),
        (f"{packet.interface.name:<9}", "cyan"),
        (found.words, "red" if "lost" in found.words or found.problem is not None else "default"),
    )
    out.print(line)
    for apdu in found.apdus:
        for text, style in _lines(apdu, telling):
            out.print(Text(f"{'':18}{text}", style))
    if found.problem is not None:
        out.print(Text(f"{'':18}{found.problem}", "bold red"))


def _lines(apdu: FoundApdu, telling: Telling) -> list[tuple[str, str]]:
    lines = []
    dissected = apdu.dissected
    if dissected is not None:
        openings = dissected.openings
        outside = telling.apdu(dissected.apdu)
        lines.append(
            (outside.removesuffix(", not opened"), "dim") if openings else (outside, "bold")
        )
        for opening, inner in openings:
            lines.append((f"{telling.apdu(inner.apdu)}  (tag {opening.tag})", "bold green"))
    if apdu.problem is not None:
        lines.append((str(apdu.problem), "bold red"))
    return lines


def _at(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
