"""One simulated meter on a pty: what an optical probe's serial port is to a technician's tool.

Where nothing is at the path, a pty is made and the path links to it; where a tty is, such as one
end of socat, it is opened.  A pty keeps its speed, though it does not slow down, so a client at
another speed than the meter's gets what a line would give it: garbage, both ways.  It keeps no
parity.  Modem lines (DTR, RTS) are not touched: ptys have none.

When a client is gone, its speed is forgotten.  Otherwise one that left at 300 Bd would lock out the
next: setting 300 Bd 7E1 would change nothing that a pty has, which the C library calls an error.

For the live loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from devices.gateway.meter_line import AT_ONCE, LiveMeter, MeterLine
from devices.gateway.outflow import Pace
from protocols.link import ServerLink, SetLine

READ_OCTETS = 4096
UNTOUCHED_BAUD = 38400
"""The speed of a new pty.  A client that never sets one, like a plain file, is heard at any."""

CLIENT_LOOKED_FOR_S = 0.05
"""How often, while none has opened the pty."""

_BAUD_OF_CONSTANT = {
    getattr(termios, f"B{baud}"): baud
    for baud in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}
_CONSTANT_OF_BAUD = {baud: constant for constant, baud in _BAUD_OF_CONSTANT.items()}
_OSPEED = 5  # in what tcgetattr gives


class PtyListener:
    """Serves a meter on a pty while the context is open; raises OSError where it cannot.

    `echo` gives back what is received, as optical probes do.  `line` is its setting where the link
    makes none; without one, a client is heard at any speed.  `ended` hears that the tty is gone.
    """

    def __init__(
        self,
        live: LiveMeter,
        link: ServerLink,
        path: Path,
        *,
        echo: bool = False,
        pace: Pace = AT_ONCE,
        line: SetLine | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._live = live
        self._link = link
        self._path = path
        self._echo = echo
        self._pace = pace
        self._ended = ended
        self._port = -1
        self._made = False  # the pty is ours, and its path
        self._waiting: asyncio.TimerHandle | None = None
        self._first_setting = line
        self._line: MeterLine | None = None
        self._own_baud = 0
        self._last_seen_baud = UNTOUCHED_BAUD

    async def __aenter__(self) -> PtyListener:
        self._open()
        if self._first_setting is not None:
            self._set_line(self._first_setting)
        asyncio.get_running_loop().add_reader(self._port, self._readable)
        self._line = MeterLine(self._live, self._link, self._transmit, self._set_line, self._pace)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _open(self) -> None:
        if _is_tty(self._path):
            self._port = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(self._port)
            return
        if self._path.is_symlink() and not self._path.exists():
            self._path.unlink()  # left behind by one that was killed
        self._port, far_end = os.openpty()
        try:
            tty.setraw(far_end)
            os.set_blocking(self._port, False)
            self._path.symlink_to(os.ttyname(far_end))
            self._made = True
        except OSError:
            os.close(self._port)
            raise
        finally:
            os.close(far_end)

    def _close(self) -> None:
        if self._port < 0:
            return
        asyncio.get_running_loop().remove_reader(self._port)
        if self._waiting is not None:
            self._waiting.cancel()
        if self._line is not None:
            self._line.close()
        os.close(self._port)
        self._port = -1
        if self._made:
            with contextlib.suppress(OSError):
                self._path.unlink()

    # --- octets ----------------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            octets = os.read(self._port, READ_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            octets = b""  # nobody has the far end open
        if octets:
            self._take(octets)
        elif self._made:
            asyncio.get_running_loop().remove_reader(self._port)
            self._wait_for_client()
        else:
            self._close()
            self._ended()

    def _wait_for_client(self) -> None:
        self._set_speed(UNTOUCHED_BAUD)
        loop = asyncio.get_running_loop()
        self._waiting = loop.call_later(CLIENT_LOOKED_FOR_S, self._look_for_client)

    def _look_for_client(self) -> None:
        """Whether the pty has been opened."""
        self._waiting = None
        try:
            octets = os.read(self._port, READ_OCTETS)
        except BlockingIOError:
            octets = b""
        except OSError:
            self._wait_for_client()
            return
        asyncio.get_running_loop().add_reader(self._port, self._readable)
        if octets:
            self._take(octets)

    def _take(self, octets: bytes) -> None:
        if self._echo:
            self._write(octets)
        if self._line is not None:
            self._line.receive(self._as_heard(octets))

    def _transmit(self, octets: bytes) -> None:
        self._write(self._as_sent(octets))

    def _write(self, octets: bytes) -> None:
        # What a client does not read is lost when the pty is full, as on a line.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._port, octets)

    # --- speeds ----------------------------------------------------------------------------------

    def _set_line(self, line: SetLine) -> None:
        self._own_baud = line.baud
        if not self._made:  # the speed of a pty that we made is its client's
            self._set_speed(line.baud)

    def _set_speed(self, baud: int) -> None:
        constant = _CONSTANT_OF_BAUD.get(baud)
        if constant is None:
            return
        with contextlib.suppress(termios.error):
            settings = termios.tcgetattr(self._port)
            if settings[_OSPEED] != constant:
                settings[_OSPEED - 1] = settings[_OSPEED] = constant
                termios.tcsetattr(self._port, termios.TCSADRAIN, settings)

    def _client_baud(self) -> int:
        """The client's speed, where it can be known; otherwise ours."""
        if not self._made:
            return self._own_baud
        baud = _BAUD_OF_CONSTANT.get(termios.tcgetattr(self._port)[_OSPEED], 0)
        return self._own_baud if baud == UNTOUCHED_BAUD else baud

    def _as_heard(self, octets: bytes) -> bytes:
        # A client may set its new speed as soon as its octets are in the pty, where a line would
        # still be carrying them: so the speed at which it was last seen counts too.
        seen, self._last_seen_baud = self._last_seen_baud, self._client_baud()
        return octets if self._own_baud in (seen, self._last_seen_baud, 0) else _garbage(octets)

    def _as_sent(self, octets: bytes) -> bytes:
        self._last_seen_baud = self._client_baud()
        return octets if self._own_baud in (self._last_seen_baud, 0) else _garbage(octets)


def _garbage(octets: bytes) -> bytes:
    """What is read at a wrong speed: neither flags nor text."""
    return bytes(octet ^ 0xFF for octet in octets)


def _is_tty(path: Path) -> bool:
    """Whether a terminal is at the path, by whatever links."""
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False
