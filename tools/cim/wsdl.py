"""`ami cim wsdl`: every WSDL and XSD, listed, or written into a folder as a client needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from protocols.cim import schema, wsdl_text
from protocols.cim.profile import messages, reading, wsdl, xsd
from tools.options import Json
from tools.terminal import out, print_json, show, wrong_usage


@dataclass(frozen=True, slots=True)
class Offered:
    """A file: where it lies in the folder, what it is, its operations."""

    path: str
    about: str
    operations: tuple[str, ...]
    text: Callable[[], bytes]


def every() -> Iterator[Offered]:
    """Of the nouns: wsdl/ beside xsd/, which they refer to.  Of the adapters: one folder."""
    services = wsdl_text.services()
    for name in schema.WSDLS:
        service = services[name]
        asked = tuple(each.name for each in service.operations)
        yield Offered(f"wsdl/{name}", service.about, asked, partial(schema.wsdl, name))
    for name in schema.XSDS:
        yield Offered(f"xsd/{name}", "", (), partial(schema.xsd, name))
    text = partial(schema.xsd, "Message.xsd")
    yield Offered("adapters/Message.xsd", "The envelope, beside the adapters' files.", (), text)
    for profile in (*map(reading.profile, reading.ADAPTERS), reading.utility()):
        yield Offered(
            f"adapters/{profile.name}.wsdl",
            profile.title,
            tuple(wsdl.operations(profile)),
            partial(wsdl.wsdl, profile),
        )
        for name, made in (
            (xsd.file_name(profile), xsd.xsd),
            (messages.file_name(profile), messages.xsd),
        ):
            yield Offered(f"adapters/{name}", "", (), partial(made, profile))


def wsdl_(
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write them all below this folder.")
    ] = None,
    json: Json = False,
) -> None:
    """List the WSDLs and XSDs of nouns and adapters, or write them.

    A door gives its own at its address: ?wsdl and ?xsd=FILE.

    Example: [bold]ami cim wsdl --to wsdls[/]
    """
    files = [*every()]
    if to is not None:
        _write(to, files)
    if json:
        print_json([{"file": it.path, "about": it.about, "operations": it.operations}
                    for it in files])  # fmt: skip
    elif to is not None:
        out.print(f"{len(files)} files below {to}", markup=False)
    else:
        table = Table("file", "operations", "about", box=None)
        for it in files:
            if it.operations:
                table.add_row(it.path, ", ".join(it.operations), it.about)
        show(table)


def _write(folder: Path, files: list[Offered]) -> None:
    """Ends the command where it cannot be written."""
    try:
        for it in files:
            place = folder / it.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(it.text())
    except OSError as error:
        wrong_usage(f"{error.filename}: {error.strerror}", code="no-folder")
