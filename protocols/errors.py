"""Errors of every protocol below this package, on both sides of the wire.

    ProtocolError                the bytes or the order of messages break the protocol
      LocalProtocolError         we were about to break it: a fault of the calling code
      RemoteProtocolError        the peer broke it

Decoders raise plain `ProtocolError`, because whose fault it is depends on where octets came from.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Octets that are not what the standard allows, at `offset` in what was decoded."""

    def __init__(self, offset: int, cause: str) -> None:
        super().__init__(f"at octet {offset}: {cause}")
        self.offset = offset
        self.cause = cause


class LocalProtocolError(ProtocolError):
    """What the caller asked for is not allowed in this state, or cannot be said at all."""

    def __init__(self, cause: str, offset: int = 0) -> None:
        super().__init__(offset, cause)


class RemoteProtocolError(ProtocolError):
    """What the peer sent is malformed, forged, replayed or out of turn."""
