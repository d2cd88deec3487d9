"""A meter's memory in a file: what was written to it, and how far it counted.

    memory = MeterMemory.open(path, meter, facts, now=now)  # restores the meter, or begins anew
    memory.keep()                                           # before anything leaves that shows it

FILE is replaced as a whole, and is on the disk before an answer leaves, whenever anything was
written to the meter; it reserves `BLOCK` counters ahead.  The counters of single messages stand in
FILE.counters, which is written in place and not waited for: what a process has written outlives
the process, however it ends, but not the machine.  So a process that was killed goes on with the
next counter, and after a fall of the machine, which another boot identifier tells, behind what was
reserved.  Either way no counter is used or taken twice.  FILE.image has a firmware image's octets.

One process at a time has a memory.  Keys are in it: TEST KEYS, but readable for its owner alone.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from pathlib import Path
from typing import Any

import msgspec

from devices.meter.accounts import Counts
from devices.meter.device import Meter
from devices.meter.image_transfer import ImageTransfer
from devices.meter.overlay import overlay, restore
from devices.meter.plain_form import Damaged

FORMAT = "ami-meter-state/1"
NOTE = "TEST KEYS, known to whoever knows the seed: they protect nothing"
BLOCK = 256
"""Counters, of each client and direction, that are reserved at a time."""
PAGE = 4096
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
OWNER_ONLY = 0o600


class Unusable(Exception):
    """The file holds no memory of this meter; the text says why."""


class _Kept(msgspec.Struct, frozen=True):
    """FILE."""

    format: str
    note: str
    facts: dict[str, Any]
    """What the memory makes no sense without: which meter it is."""
    serial: int
    boot: str
    counted: Counts
    reserved: Counts
    overlay: dict[str, Any]


class _Counted(msgspec.Struct, frozen=True):
    """FILE.counters: how far the meter came since the FILE of this serial."""

    serial: int
    counted: Counts


def facts_of(meter: Meter) -> dict[str, Any]:
    """What names a meter: a memory of other facts is another meter's."""
    return {
        "seed": meter.identity.seed,
        "meter": meter.identity.number,
        "model": meter.type.name,
        "phases": meter.type.phases,
        "suites": [[client.sap, int(client.suite)] for client in meter.clients.values()],
    }


class MeterMemory:
    """The file of one meter, for as long as this process lives."""

    def __init__(self, path: Path, meter: Meter, facts: dict[str, Any]) -> None:
        """Raises OSError, Unusable where another process has it."""
        self._path = path
        self._meter = meter
        self._facts = facts
        self._boot = ""
        self._serial = 0
        self._overlay: dict[str, Any] = {}
        self._counted = self._reserved = Counts()
        self._image = b""
        self._image_path = path.with_name(path.name + ".image")
        counters = path.with_name(path.name + ".counters")
        self._counters = os.open(counters, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            fcntl.flock(self._counters, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._counters)
            raise Unusable("another process has it open") from error

    @classmethod
    def open(
        cls, path: Path, meter: Meter, facts: dict[str, Any], *, now: float, boot: str = ""
    ) -> MeterMemory:
        """Give the meter, as delivered, what is remembered of it.  Raises OSError and Unusable.

        `facts` name the meter, in plain values; `boot` stands for the machine's boot identifier.
        """
        memory = cls(path, meter, facts)
        try:
            memory._boot = boot or _boot()
            memory._restore(now)
            memory._write(meter.counts, overlay(meter))
        except BaseException:
            memory.close()
            raise
        return memory

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._counters)

    def keep(self) -> None:
        """Write down what is new.  Raises OSError, and then nothing may leave."""
        counted, form, image = self._meter.counts, overlay(self._meter), self._image_now()
        if image != self._image:
            self._write_image(image)
        if form != self._overlay or not counted.within(self._reserved):
            self._write(counted, form)
        elif counted != self._counted:
            self._note(counted)

    # Writing.

    def _write(self, counted: Counts, form: dict[str, Any]) -> None:
        reserved = counted.ahead(BLOCK)
        kept = _Kept(
            FORMAT, NOTE, self._facts, self._serial + 1, self._boot, counted, reserved, form
        )
        whole = self._path.with_name(self._path.name + ".new")
        _replace(whole, self._path, msgspec.msgpack.encode(kept))
        self._serial += 1
        self._counted, self._reserved, self._overlay = counted, reserved, form

    def _note(self, counted: Counts) -> None:
        octets = msgspec.msgpack.encode(_Counted(self._serial, counted))
        head = len(octets).to_bytes(4, "big") + zlib.crc32(octets).to_bytes(4, "big")
        os.pwrite(self._counters, head + octets, 0)
        self._counted = counted

    def _image_now(self) -> bytearray | bytes:
        transfer = self._meter.existing(ImageTransfer)
        return b"" if transfer is None or transfer.content is None else transfer.content

    def _write_image(self, image: bytearray | bytes) -> None:
        """Only the pages that changed: blocks come one by one."""
        octets, known = bytes(image), self._image
        file = os.open(self._image_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            os.ftruncate(file, len(octets))
            for begin in range(0, len(octets), PAGE):
                page = octets[begin : begin + PAGE]
                if page != known[begin : begin + PAGE]:
                    os.pwrite(file, page, begin)
            os.fsync(file)
        finally:
            os.close(file)
        self._image = octets

    # Reading.

    def _restore(self, now: float) -> None:
        try:
            kept = msgspec.msgpack.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return
        except msgspec.MsgspecError as error:
            raise Unusable(f"it is no meter's memory: {error}") from error
        if kept.format != FORMAT:
            raise Unusable(f"it is {kept.format!r}, and not {FORMAT!r}")
        if kept.facts != self._facts:
            told = (
                f"{name} {kept.facts.get(name)}, not {mine}"
                for name, mine in self._facts.items()
                if kept.facts.get(name) != mine
            )
            raise Unusable(f"it is of another meter: {'; '.join(told)}")
        self._image = self._image_path.read_bytes() if self._image_path.exists() else b""
        try:
            restore(self._meter, kept.overlay, image=self._image, now=now)
        except Damaged as error:
            raise Unusable(f"it is damaged: {error}") from error
        self._serial = kept.serial
        self._meter.resume(self._came(kept))

    def _came(self, kept: _Kept) -> Counts:
        """How far the last process may have counted."""
        if kept.boot != self._boot or not self._boot:
            return kept.reserved
        noted = self._noted()
        if noted is None:
            return kept.reserved
        return noted.counted if noted.serial == kept.serial else kept.counted

    def _noted(self) -> _Counted | None:
        """The last note; None where it is damaged."""
        octets = os.pread(self._counters, os.fstat(self._counters).st_size, 0)
        if not octets:
            return _Counted(0, Counts())
        size, check, content = octets[:4], octets[4:8], octets[8:]
        content = content[: int.from_bytes(size, "big")]
        if zlib.crc32(content) != int.from_bytes(check, "big"):
            return None
        try:
            return msgspec.msgpack.decode(content, type=_Counted)
        except msgspec.MsgspecError:
            return None


def _replace(whole: Path, path: Path, octets: bytes) -> None:
    file = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, OWNER_ONLY)
    with os.fdopen(file, "wb") as writing:
        writing.write(octets)
        writing.flush()
        os.fsync(writing.fileno())
    os.replace(whole, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _boot() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""  # then nothing is taken for exact
