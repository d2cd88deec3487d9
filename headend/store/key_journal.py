"""Each change of keys, written beside the backups at once: a backup that is a day old loses no key.

One line a change, only ever added, on disk before the change is committed and so before a meter
hears of it.  Keys stand in it as in the database, sealed by the envelope, so that the journal opens
nothing that a backup does not.  A line that was cut by a crash is of a change that came about
nowhere, and is passed over.

What it does not hold: keys that came with a shipment, whose files stay with who delivered them, and
changes of the envelope key itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from headend.domain.keys import KeyState
from headend.ports import Clock, StoreUnavailable
from headend.store.keys import KeyRow, KeyWords
from headend.store.secrets import KINDS, SecretRow, SecretWords

FILE = "keys.journal"
_DIGEST = 16


class _Added(msgspec.Struct, frozen=True, tag="key"):
    at: datetime
    row: KeyRow


class _Moved(msgspec.Struct, frozen=True, tag="state"):
    at: datetime
    meter: str
    client: int
    generation: int
    state: KeyState


class _Secret(msgspec.Struct, frozen=True, tag="secret"):
    at: datetime
    kind: str
    row: SecretRow


_Line = _Added | _Moved | _Secret
_decoder: msgspec.json.Decoder[_Line] = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class KeyJournal:
    """The journal in a place of backups.  Several processes may add to it."""

    folder: Path
    clock: Clock

    def added(self, row: KeyRow) -> None:
        """A generation of keys is about to be kept.  Raises StoreUnavailable."""
        self._write(_Added(self.clock.now(), row))

    def moved(self, row: KeyRow, state: KeyState) -> None:
        """A generation is about to move on.  Raises StoreUnavailable."""
        at = self.clock.now()
        self._write(_Moved(at, row.meter, row.client, row.generation, state))

    def secret(self, kind: str, row: SecretRow) -> None:
        """A password or a key pair is about to be kept.  Raises StoreUnavailable."""
        self._write(_Secret(self.clock.now(), kind, row))

    def _write(self, line: _Line) -> None:
        octets = msgspec.json.encode(line)
        # The end of line in front ends what a crash may have left of the line before.
        whole = b"\n" + octets + b"\t" + _digest(octets) + b"\n"
        path = self.folder / FILE
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.write(descriptor, whole) != len(whole):
                    raise OSError(28, os.strerror(28))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            why = f"no key is changed while it cannot be written down: {path}: {error.strerror}"
            raise StoreUnavailable(why) from error


def replay(path: Path, words: KeyWords, secrets: SecretWords, since: datetime) -> int:
    """Bring keys to where the journal has them, by its lines since a time; how many those were.

    Doing it again changes nothing.
    """
    count = 0
    for line in _lines(path):
        if line.at < since:
            continue
        count += 1
        match line:
            case _Added(row=row):
                known = {each.generation for each in words.key_rows(row.meter, row.client)}
                if row.generation not in known:
                    words.add_keys(row)
            case _Moved():
                for row in words.key_rows(line.meter, line.client):
                    if row.generation == line.generation:
                        words.set_key_state(row, line.state)
            case _Secret(row=row):
                kind = next(each for each in KINDS if each.name == line.kind)
                secrets.put_secret(kind, row)
    return count


def _lines(path: Path) -> Iterator[_Line]:
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return
    for written in octets.split(b"\n"):
        line, _, digest = written.rpartition(b"\t")
        if line and digest == _digest(line):
            yield _decoder.decode(line)


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).hexdigest()[:_DIGEST].encode()
