"""Who this probe is among all clients: a system title of its own (Green Book 4.3.4).

Made by chance at its first use and kept, so that no other probe shares it: under one key, two
senders with one title could use a nonce twice.
"""

from __future__ import annotations

from pathlib import Path

from headend.ports import Chance
from headend.store.kit.folder import BadKit, prepare, read, write

MAKER = b"AMI"
"""Where the FLAG Association's three letters of a manufacturer stand."""

TITLE_SIZE = 8


def system_title(folder: Path, chance: Chance) -> bytes:
    """The title of this kit.  Raises `BadKit`."""
    path = prepare(folder) / "system-title"
    kept = read(path)
    if kept is None:
        title = MAKER + chance.octets("system title", TITLE_SIZE - len(MAKER))
        write(path, title.hex().encode() + b"\n")
        return title
    try:
        title = bytes.fromhex(kept.decode("ascii"))
    except ValueError:
        title = b""
    if len(title) != TITLE_SIZE:
        raise BadKit(f"{path}: no system title of 16 hexadecimal digits. Try: put a copy back")
    return title
