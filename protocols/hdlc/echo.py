"""Own frames that come back: optical probes and two-wire lines echo what is sent.

Where client and server have different addresses, a frame from our own address is an echo.  Where
they have the same (client 1 at logical device 1 in one octet), only what a server never says tells
that a line echoes at all; from then on each frame is expected back once.
"""

from __future__ import annotations

from collections import deque

from protocols.hdlc.frame import Frame, Kind

_REMEMBERED = 8  # frames: a window and a question
_COMMANDS = (Kind.SNRM, Kind.DISC)


class EchoFilter:
    """Tells a client's own frames from the server's."""

    def __init__(self) -> None:
        self._sent: deque[Frame] = deque(maxlen=_REMEMBERED)
        self.echoes = 0
        """Frames that came back."""

    def sent(self, frame: Frame) -> None:
        """This one may come back."""
        self._sent.append(frame)

    def is_echo(self, frame: Frame, own: bytes, peer: bytes) -> bool:
        """Whether this received frame is one of ours."""
        if frame.source != own or frame.destination != peer:
            return False
        if own == peer and frame.kind not in _COMMANDS:
            if not self.echoes or frame not in self._sent:
                return False
            self._sent.remove(frame)
        self.echoes += 1
        return True
