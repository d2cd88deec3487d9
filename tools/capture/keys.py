"""Keys for reading captures: from a file, or those of simulated meters, which their seed makes.

The file is a JSON object.  Its names are meters' system titles in hexadecimal, where keys differ by
client with a slash and the client's address: `{"53494D0000000001/5": {"encryption": "00…",
"authentication": "11…"}}`; `broadcast` and `master` may stand there as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import msgspec

from devices.meter.identity import MANUFACTURER, Identity
from protocols.capture.contents import Keys, Titles
from protocols.dissection import hex_text
from protocols.dissection.opening import KeyRing
from protocols.errors import ProtocolError

_NAME = re.compile(r"([0-9A-Fa-f]{16})(?:/(\d{1,5}))?\Z")


class BadKeys(ValueError):
    """The file is no key file; the text says why and repeats nothing of what may be a key."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    encryption: str | None = None
    authentication: str | None = None
    broadcast: str | None = None
    master: str | None = None


@dataclass(frozen=True, slots=True)
class KeyFile(Keys):
    """Keys by title, and by title and client."""

    rings: dict[tuple[bytes, int | None], KeyRing]

    @classmethod
    def of(cls, octets: bytes) -> Self:
        """Raises BadKeys."""
        try:
            entries = msgspec.json.decode(octets, type=dict[str, _Entry])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadKeys("no JSON object of system titles with their keys") from None
        rings = {}
        for number, (name, entry) in enumerate(entries.items(), start=1):
            found = _NAME.match(name)
            if found is None:
                raise BadKeys(f"entry {number} is not named by a system title of 16 digits")
            client = None if found[2] is None else int(found[2])
            rings[bytes.fromhex(found[1]), client] = _ring(number, entry)
        return cls(rings)

    def ring(self, titles: Titles) -> KeyRing:
        for client in (titles.client_sap, None):
            if (titles.meter, client) in self.rings:
                return self.rings[titles.meter, client]
        return KeyRing()


@dataclass(frozen=True, slots=True)
class SeedKeys(Keys):
    """TEST KEYS of simulated meters: their system titles say which meter of the seed each is."""

    seed: int

    def ring(self, titles: Titles) -> KeyRing:
        marked = titles.meter.startswith(MANUFACTURER.encode())
        if not marked or titles.client_sap is None:
            return KeyRing()
        index = int.from_bytes(titles.meter[len(MANUFACTURER) :], "big")
        keys = Identity(self.seed, index % 10**10).keys(titles.client_sap)
        return KeyRing(encryption=keys.encryption, authentication=keys.authentication)


def _ring(number: int, entry: _Entry) -> KeyRing:
    try:
        return KeyRing(
            encryption=_key(entry.encryption),
            authentication=_key(entry.authentication),
            broadcast=_key(entry.broadcast),
            master=_key(entry.master),
        )
    except ProtocolError:
        raise BadKeys(f"a key of entry {number} is not hexadecimal") from None
    except ValueError as error:
        raise BadKeys(f"entry {number}: {error}") from None


def _key(text: str | None) -> bytes | None:
    return None if text is None else hex_text.parse(text)
