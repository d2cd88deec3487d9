"""Names of the bus's queues.  Each says who reads it and who writes it.

`<root>/route/<requester>[/<destination>]`    requester to router; the router finds the destination
`<root>/requests/<destination>/<requester>`   to a destination, from the router or directly
`<root>/replies/<requester>/<responder>`      back again

Since every level but the first two is the name of a reader or of a writer, a broker that puts its
client's authenticated name into permissions (`acl` below) keeps anyone from asking or answering
under another's name, in MQTT 3.1.1 as in 5.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ROOT: Final = "cim/v1"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def is_name(text: str) -> bool:
    """Whether a system may be called so: up to 64 letters, digits, dots, dashes, underscores."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Topics:
    """The queues below one root.  Raises `ValueError` for what is no name of a system."""

    root: str = ROOT

    def route(self, requester: str, destination: str | None = None) -> str:
        """Where a requester leaves what the router is to carry."""
        named = "" if destination is None else f"/{_checked(destination)}"
        return f"{self.root}/route/{_checked(requester)}{named}"

    def requests(self, destination: str, requester: str) -> str:
        """A destination's request queue, as one requester writes to it."""
        return f"{self.root}/requests/{_checked(destination)}/{_checked(requester)}"

    def replies(self, requester: str, responder: str) -> str:
        """A requester's reply queue, as one responder writes to it."""
        return f"{self.root}/replies/{_checked(requester)}/{_checked(responder)}"

    def to_router(self) -> str:
        """What the router subscribes to for requests."""
        return f"{self.root}/route/#"

    def to_destination(self, destination: str) -> str:
        """What a destination subscribes to."""
        return f"{self.root}/requests/{_checked(destination)}/+"

    def to_requester(self, requester: str) -> str:
        """What a requester subscribes to for its replies, those of its instances included."""
        return f"{self.root}/replies/{_checked(requester)}/#"

    def read_route(self, topic: str) -> tuple[str, str | None] | None:
        """Requester and named destination of a `route` topic; None for any other topic."""
        names = self._names("route", topic)
        if names is None or not 1 <= len(names) <= 2:
            return None
        return names[0], names[1] if len(names) == 2 else None

    def read_request(self, topic: str) -> tuple[str, str] | None:
        """Destination and requester of a `requests` topic; None for any other topic."""
        names = self._names("requests", topic)
        return (names[0], names[1]) if names is not None and len(names) == 2 else None

    def read_reply(self, topic: str) -> tuple[str, str] | None:
        """Requester and responder of a `replies` topic; None for any other topic."""
        names = self._names("replies", topic)
        return (names[0], names[1]) if names is not None and len(names) in (2, 3) else None

    def _names(self, kind: str, topic: str) -> list[str] | None:
        head = f"{self.root}/{kind}/"
        if not topic.startswith(head):
            return None
        names = topic.removeprefix(head).split("/")
        return names if all(map(is_name, names)) else None

    def acl(self) -> str:
        """Permissions for Mosquitto's `acl_file`: each client speaks and hears under its own user
        name (%u) and no other.  The router alone reads `route`; its user is to be named `ROUTER`.
        """
        return (
            f"user ROUTER\ntopic read {self.root}/route/#\n\n"
            f"pattern write {self.root}/route/%u\n"
            f"pattern write {self.root}/route/%u/+\n"
            f"pattern write {self.root}/requests/+/%u\n"
            f"pattern read {self.root}/requests/%u/+\n"
            f"pattern read {self.root}/replies/%u/#\n"
            f"pattern write {self.root}/replies/+/%u\n"
            f"pattern write {self.root}/replies/+/%u/+\n"
        )


def _checked(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"no name for a system on the bus: {name!r}")
    return name
