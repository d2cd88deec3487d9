"""What a concentrator needs of its way to the broker, and what that way tells it.

Three things may go wrong and are kept apart, because they look different from the broker's side:

- `cut`: the mobile line falls silent.  No octet passes and nobody is told.  A line that comes back
  in time carries the old connection on; otherwise the broker's keep-alive ends it (MQTT 3.1.1,
  3.1.2.10) and the last will goes out.
- `drop`: the device forgets its connection, as when it loses power.  It says no farewell.
- the broker ends the connection: `Ears.down`.

An uplink tries to connect once for each `connect`; when to try again is the device's affair, whose
modem knows when there is a network.  Nothing here settles a delivery: see protocols/concentrator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the connection breaks without a farewell."""

    topic: str
    payload: bytes


class Ears(Protocol):
    """Hears from an uplink.  Every call is made inside the world: see `FieldDriver.enter`."""

    def up(self) -> None:
        """The session stands, its subscriptions with it."""
        ...

    def down(self, why: str) -> None:
        """The try to connect failed, or the connection is lost.  Not called after `drop`."""
        ...

    def message(self, topic: str, payload: bytes) -> None:
        """A message came.  The broker hears of its safe arrival when this returns."""
        ...


class Uplink(Protocol):
    """One client id at one broker, subscribed (QoS 1) to the concentrator's `down` topic; its
    session at the broker is persistent.  All calls return at once."""

    def connect(self, will: Will, ears: Ears) -> None:
        """Try to open a connection; `ears` hears what comes of it."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand over a message at QoS 1, in the order of the calls.  Without a connection it is
        lost, and nobody is told."""
        ...

    def drop(self) -> None:
        """Forget the connection without a farewell.  Harmless when there is none."""
        ...

    def cut(self) -> None:
        """Silence the line in both directions, also for what still waits on it."""
        ...

    def restore(self) -> None:
        """Let the line speak again."""
        ...
