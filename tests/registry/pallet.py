"""Shipments for tests: lines as a manufacturer writes them, in both forms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from headend.registry.shipment.transport import TransportKey

TRANSPORT = TransportKey(bytes(range(16)))
NAMESPACE = "urn:ami:shipment:1"

Line = Mapping[str, str]


def key(text: str) -> bytes:
    """A key that only this text gives."""
    return hashlib.sha256(text.encode()).digest()[:16]


def keys(meter: str, client: int = 1, *, master: bool = False) -> dict[str, str]:
    """The wrapped keys of a meter's client, by column."""
    parts = ("encryption", "authentication", *(("master",) if master else ()))
    return {
        f"key-{client}-{part}": TRANSPORT.wrapped(key(f"{meter}/{client}/{part}")).hex()
        for part in parts
    }


def as_csv(lines: Sequence[Line]) -> bytes:
    """In the columns that any line has."""
    names = list(dict.fromkeys(name for line in lines for name in line)) or ["meter"]
    rows = [",".join(line.get(name, "") for name in names) for line in lines]
    return "\n".join([",".join(names), *rows, ""]).encode()


def as_xml(lines: Sequence[Line]) -> bytes:
    """As shipment.xsd says."""
    meters = "\n".join(map(_element, lines))
    return f'<Shipment xmlns="{NAMESPACE}">\n{meters}\n</Shipment>\n'.encode()


def _element(line: Line) -> str:
    plain = " ".join(
        f"{name}={quoteattr(text)}" for name, text in line.items() if "-" not in name and text
    )
    clients = sorted({name.split("-")[1] for name in line if name.startswith("key-")})
    inside = ""
    for client in clients:
        parts = "".join(
            f"<{part.title()}>{line[name]}</{part.title()}>"
            for part in ("encryption", "authentication", "master")
            if (name := f"key-{client}-{part}") in line
        )
        inside += f'<Keys client="{client}">{parts}</Keys>'
    for name, text in line.items():
        if name.startswith("password-"):
            client = name.removeprefix("password-")
            inside += f'<Password client="{client}">{text}</Password>'
    return f"<Meter {plain}>{inside}</Meter>"


def pallet(count: int) -> list[Line]:
    """So many meters, each with the keys of one client."""
    return [
        {"meter": str(1000 + at), "model": "sim-3p", "title": f"46524E{at:010X}"}
        | keys(str(1000 + at))
        for at in range(count)
    ]


def written(folder: Path, octets: bytes, name: str = "pallet.csv") -> Path:
    """A file of these octets."""
    file = folder / name
    file.write_bytes(octets)
    return file
