"""A serial port: an optical probe, a Bluetooth probe, RS-485.

On POSIX the port's file descriptor is watched by the event loop; elsewhere a thread reads.  DTR and
RTS power many optical probes, and ptys have neither: a port that refuses them is used without.

Mode E begins with 7 data bits and even parity.  Drivers of cheap converters refuse that; then
parity is made here, since 7E1 and 8N1 are the same ten bits on the wire.  A pty has no wire and
takes no parity at all.

A Bluetooth probe sets the speed of its eye by itself, or by what its driver hands on; a port that
refuses a speed is used at the one that it has.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import threading
from typing import Any, Literal

import serial
from serial.tools import list_ports

from headend.field.direct.address import SerialAddress
from headend.field.direct.line import Arrivals, LineLost, LineUnavailable
from protocols.link import Parity, SetLine

PORT_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError)  # SerialException is an OSError
if sys.platform != "win32":
    import termios

    PORT_ERRORS += (termios.error,)  # which is none
READ_OCTETS = 4096
WAITING_OCTETS_MAX = 1 << 20
"""Nobody leaves so much unread but a program that hangs; more is dropped."""

EMPTY_READS_MAX = 3
"""Reads of nothing from a port that says it has something: it has gone."""

POLL_S = 0.1  # how soon a reader thread sees that the port is to be closed

PTY_PREFIX = "/dev/pts/"


READ_ERRORS: tuple[type[Exception], ...] = (*PORT_ERRORS, TypeError)  # of a port closed meanwhile


class SerialLine:
    """See the module.  `threaded` reads in a thread also where that is not needed."""

    kind: Literal["serial"] = "serial"
    stream = True

    def __init__(self, address: SerialAddress, *, threaded: bool | None = None) -> None:
        self._address = address
        self._threaded = sys.platform == "win32" if threaded is None else threaded
        self._port: Any = None
        self._arrivals = Arrivals(WAITING_OCTETS_MAX)
        self._empty_reads = 0
        self._setting = address.setting
        self._seven_bits = False
        self._own_parity = Parity.NONE
        self._reader: threading.Thread | None = None

    @property
    def name(self) -> str:
        return self._address.device

    @property
    def setting(self) -> SetLine:
        return self._setting

    async def open(self) -> None:
        if self._port is not None:
            return
        address = self._address
        port = serial.Serial(baudrate=address.setting.baud, timeout=0, write_timeout=None)
        port.port = address.device
        if sys.platform != "win32":  # there a port is exclusive anyway
            port.exclusive = True
        try:
            port.dtr, port.rts = address.dtr, address.rts
            _opened(port)
        except PORT_ERRORS as error:
            raise _unavailable(address.device, error) from error
        self._port = port
        self._arrivals = Arrivals(WAITING_OCTETS_MAX)
        self._empty_reads = 0
        await self.set_line(address.setting)
        loop = asyncio.get_running_loop()
        if self._threaded:
            port.timeout = POLL_S
            self._reader = threading.Thread(
                target=self._read_on, args=(port, loop), name=f"reads {address}", daemon=True
            )
            self._reader.start()
        else:
            loop.add_reader(port.fileno(), self._readable)

    async def close(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        reader, self._reader = self._reader, None
        if reader is not None:
            await asyncio.to_thread(reader.join)
        else:
            asyncio.get_running_loop().remove_reader(port.fileno())
        port.close()
        self._arrivals.end(self._lost("it was closed"))

    async def write(self, octets: bytes) -> None:
        port = self._open_port()
        if self._own_parity is not Parity.NONE:
            octets = bytes(_with_parity(octet, self._own_parity) for octet in octets)
        try:
            if self._threaded:
                await asyncio.to_thread(port.write, octets)
            else:
                await self._write_on(port.fileno(), memoryview(octets))
        except PORT_ERRORS as error:
            raise self._lost(_text(error)) from error

    async def drain(self) -> None:
        port = self._open_port()
        try:
            await asyncio.to_thread(port.flush)  # waits for the last bit, seconds at 300 Bd
        except PORT_ERRORS as error:
            raise self._lost(_text(error)) from error

    async def read(self) -> bytes:
        octets = await self._arrivals.take()
        return bytes(octet & 0x7F for octet in octets) if self._seven_bits else octets

    async def set_line(self, setting: SetLine) -> None:
        port = self._open_port()
        self._setting = setting
        self._seven_bits = setting.data_bits == 7
        self._own_parity = Parity.NONE
        try:
            _set_speed(port, setting.baud)
            if not _takes(port, setting):
                port.bytesize, port.parity = 8, Parity.NONE.value
                if self._seven_bits and not os.path.realpath(self.name).startswith(PTY_PREFIX):
                    self._own_parity = setting.parity
        except PORT_ERRORS as error:
            raise self._lost(_text(error)) from error

    # --- what the port brings --------------------------------------------------------------------

    def _readable(self) -> None:
        port = self._port
        try:
            octets = os.read(port.fileno(), READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            self._gone(_text(error))
            return
        self._empty_reads = 0 if octets else self._empty_reads + 1
        if self._empty_reads >= EMPTY_READS_MAX:
            self._gone("the port is there no more")
        elif octets and not self._arrivals.full:
            self._arrivals.put(octets)

    def _gone(self, why: str) -> None:
        asyncio.get_running_loop().remove_reader(self._port.fileno())
        self._arrivals.end(self._lost(why))

    def _read_on(self, port: Any, loop: asyncio.AbstractEventLoop) -> None:
        """The reader thread: until the port is closed or gone."""
        while self._port is port:
            try:
                octets = port.read(1)
                octets += port.read(port.in_waiting)
            except READ_ERRORS as error:
                if self._port is port:
                    loop.call_soon_threadsafe(self._arrivals.end, self._lost(_text(error)))
                return
            if octets and not self._arrivals.full:
                loop.call_soon_threadsafe(self._arrivals.put, octets)

    async def _write_on(self, port: int, octets: memoryview) -> None:
        loop = asyncio.get_running_loop()
        while octets:
            try:
                octets = octets[os.write(port, octets) :]
            except BlockingIOError:
                room = asyncio.Event()
                loop.add_writer(port, room.set)
                try:
                    await room.wait()
                finally:
                    loop.remove_writer(port)

    # --- trouble ---------------------------------------------------------------------------------

    def _open_port(self) -> Any:
        if self._port is None:
            raise self._lost("it was closed")
        return self._port

    def _lost(self, why: str) -> LineLost:
        return LineLost(
            f"the probe on {self.name} went away", why, "plug it in again, then repeat the command"
        )


def _opened(port: Any) -> None:
    """Open the port, at the speed that it has where it refuses ours."""
    try:
        port.open()
    except PORT_ERRORS as error:
        if _code(error) != errno.EINVAL or (speed := _speed_of(port)) is None:
            raise
        port.baudrate = speed
        port.open()


def _set_speed(port: Any, baud: int) -> None:
    """Change the speed; one that is refused stays as it was."""
    before = port.baudrate
    try:
        port.baudrate = baud
    except PORT_ERRORS as error:
        if _code(error) != errno.EINVAL:
            raise
        port.baudrate = before


def _speed_of(port: Any) -> int | None:
    """The speed that a closed port has."""
    if sys.platform == "win32":
        return None
    descriptor = os.open(port.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        constant = termios.tcgetattr(descriptor)[5]
    finally:
        os.close(descriptor)
    known: dict[int, int] = port.BAUDRATE_CONSTANTS
    return next((baud for baud, each in known.items() if each == constant), None)


def _code(error: Exception) -> object:
    """The errno; `termios.error` has it as its first argument."""
    return getattr(error, "errno", None) or (error.args[0] if error.args else None)


def _takes(port: Any, setting: SetLine) -> bool:
    """Set size and parity; whether the driver really uses them: some refuse, some only nod."""
    try:
        port.bytesize, port.parity = setting.data_bits, setting.parity.value
    except PORT_ERRORS:
        return False
    if sys.platform == "win32":
        return True
    control = termios.tcgetattr(port.fileno())[2]
    with_parity = setting.parity is not Parity.NONE
    size = termios.CS7 if setting.data_bits == 7 else termios.CS8
    return bool(control & termios.PARENB) is with_parity and control & termios.CSIZE == size


def _with_parity(octet: int, parity: Parity) -> int:
    ones = (octet & 0x7F).bit_count() & 1
    return octet & 0x7F | (ones if parity is Parity.EVEN else 1 - ones) << 7


def _unavailable(device: str, error: Exception) -> LineUnavailable:
    happened = f"the port {device} cannot be opened"
    code = getattr(error, "errno", None)
    if code in (errno.EAGAIN, errno.EBUSY):
        return LineUnavailable(
            happened,
            "another program uses it",
            "close the other program (a terminal, another ami), then repeat the command",
        )
    if code in (errno.EACCES, errno.EPERM) and os.path.exists(device):
        return LineUnavailable(
            happened,
            "this user may not use it",
            "sudo usermod -aG dialout $USER, then log in again",
        )
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV, None) and not os.path.exists(device):
        present = ", ".join(sorted(found.device for found in list_ports.comports()))
        return LineUnavailable(
            happened,
            "there is no such port",
            f"plug the probe in; ports present: {present or 'none'}",
        )
    return LineUnavailable(happened, _text(error), "check that this is the probe's serial port")


def _text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
