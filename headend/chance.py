"""The head-end's chance.  With `devices/chance`, the only place that asks a machine for it.

Chance is needed for message ids, for the jitter of retries, and for the challenges and dedicated
keys of associations: live, these come from the operating system.
"""

from __future__ import annotations

import os
import random
import uuid


class SystemChance:
    """The operating system's own."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def uuid(self) -> str:
        """A random UUID (RFC 4122, version 4)."""
        return str(uuid.uuid4())

    def uniform(self, name: str, low: float, high: float) -> float:
        """A draw between `low` and `high`; `name` only matters where chance is seeded."""
        return self._random.uniform(low, high)

    def octets(self, name: str, count: int) -> bytes:
        """So many octets that nobody can guess; `name` only matters where chance is seeded."""
        return os.urandom(count)


class SeededChance:
    """The same draws for the same seed and names, on every machine.

    Each name has its own stream, so that one more draw here does not move another's luck.  A
    head-end that restarts inside a simulation must not give out its earlier ids again: it passes
    the number of its start among `names`.
    """

    def __init__(self, seed: int, *names: str | int) -> None:
        self._key = "/".join(str(part) for part in (seed, *names))
        self._streams: dict[str, random.Random] = {}

    def uuid(self) -> str:
        """A UUID of version 4 from the stream of ids."""
        return str(uuid.UUID(int=self._stream("uuid").getrandbits(128), version=4))

    def uniform(self, name: str, low: float, high: float) -> float:
        """A draw between `low` and `high` from the stream called `name`."""
        return self._stream(f"uniform/{name}").uniform(low, high)

    def octets(self, name: str, count: int) -> bytes:
        """So many octets from the stream called `name`."""
        return self._stream(f"octets/{name}").randbytes(count)

    def _stream(self, name: str) -> random.Random:
        # A string seed goes through SHA-512 and depends on neither platform nor PYTHONHASHSEED.
        if (stream := self._streams.get(name)) is None:
            stream = self._streams[name] = random.Random(f"{self._key}/{name}")
        return stream
