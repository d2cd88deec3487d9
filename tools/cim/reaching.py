"""Ways to whoever answers CIM messages, as commands are told them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from headend import certificates
from headend.app.cim_ground import check_broker
from headend.app.cim_reaching import TIMEOUT_S, Ask, Told, Way, reaching
from headend.clock import WallClock
from headend.config import BadConfig, Tls
from protocols.cim.bus.topics import is_name
from tools.terminal import failed, wrong_usage

__all__ = [
    "SOURCE", "TIMEOUT_S", "Ask", "At", "Directly", "Source", "Timeout", "TlsFolder",
    "Told", "Way", "reaching", "unreached", "way_to",
]  # fmt: skip

SOURCE: Final = "AMI-CLI"
EXAMPLES: Final = "http://127.0.0.1:8091/soap/cim/SIAD, or mqtt://127.0.0.1:1883/SIAD on the bus"

At = Annotated[str, typer.Option("--at", metavar="ADDRESS", help=f"Whom to ask: {EXAMPLES}.")]
Source = Annotated[str, typer.Option("--source", help="Who asks: Header/Source.")]
TlsFolder = Annotated[
    Path | None,
    typer.Option(
        "--tls",
        metavar="FOLDER",
        help="Show a certificate: authority.pem, SOURCE.pem and SOURCE.key of this folder.",
    ),
]
Directly = Annotated[
    bool, typer.Option("--directly", help="On the bus: straight to the queue, past the router.")
]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="On the bus: wait so many s.")]


def way_to(at: str, source: str, tls: Path | None, *, directly: bool, timeout_s: float) -> Way:
    """The way that options name.  Ends the command for what is no address, and for a certificate
    that cannot be used."""
    way = Way(at=at, source=source, directly=directly, timeout_s=timeout_s)
    bus = way.on_bus
    if not way.usable:
        wrong_usage(f"--at takes an address like {EXAMPLES}, not {at!r}")
    if bus is not None and not is_name(source):
        wrong_usage(f"--source on the bus is a name of letters and digits, not {source!r}")
    if directly and not (bus is not None and bus.path.strip("/")):
        wrong_usage("--directly needs a queue: --at mqtt://HOST:PORT/SIAD")
    if bus is not None and bus.scheme == "mqtts" and tls is None:
        wrong_usage(f"{at} asks for a certificate", "Name its folder: --tls FOLDER")
    if tls is not None and (bus is None or bus.scheme == "mqtts"):
        way = Way(
            at=at, source=source, tls=_files(tls, source), directly=directly, timeout_s=timeout_s
        )
    if way.broker is not None:
        try:
            check_broker(way.broker)
        except BadConfig as error:
            wrong_usage(f"{error}: mqtts:// with --tls FOLDER")
    return way


def _files(folder: Path, source: str) -> Tls:
    """The certificate that is shown.  Ends the command where there is none."""
    files = certificates.in_folder(folder, source)
    try:
        certificates.check(files, "--tls", WallClock().now())
    except BadConfig as error:
        wrong_usage(str(error))
    return files


def unreached(error: ConnectionError, way: Way) -> NoReturn:
    """End the command: nobody was there."""
    advice = "Start one: ami cim serve adapters.toml, or the invented utility: ami cim utility"
    if way.at.startswith(("https", "mqtts")):
        advice = "Its certificates are shown with --tls FOLDER"
    failed(str(error), advice, code="no-answer")
