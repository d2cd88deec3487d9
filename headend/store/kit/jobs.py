"""Jobs on a technician's device: its own keys, the head-end it believes, and a folder for each job.

job-device.json      the device's private keys, sealed like the keyring
head-end.card        whose packages it opens
jobs/ID/package      the package as it came, sealed for this device; keys are never stored open
jobs/ID/result       the lines of the result
jobs/ID/counters/    how far the lease is used
jobs/revoked         ids of revoked jobs, one a line
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headend.ports import Chance, CountersContended, KeysUnreadable
from headend.store.envelope import Envelope
from headend.store.kit.counters import FileCounters
from headend.store.kit.folder import BadKit, append, prepare, read, write
from headend.store.kit.keyring import SALT_SIZE, WrongPassphrase, envelope_of
from protocols.dlms.keys import CounterLease
from protocols.jobs.cards import (
    KEY_SIZE,
    TITLE_SIZE,
    DeviceKeys,
    HeadEndCard,
    Signer,
    decode_card,
    encode_card,
)
from protocols.jobs.package import PackedMeter
from protocols.jobs.result import whole_lines

MAKER = b"AMJ"
"""Begins the system title of a device on a job; not that of its own kit, whose counters go their
own way."""
_BELONGS = ("job device", "private keys", "")


class _Device(msgspec.Struct, forbid_unknown_fields=True):
    sealed: bytes
    salt: bytes | None = None  # with a passphrase
    v: int = 1


class _Private(msgspec.Struct, array_like=True, frozen=True):
    signing: bytes
    opening: bytes
    title: bytes

    def __repr__(self) -> str:
        return "_Private()"


class LeaseUsedUp(CountersContended):
    """The counters that are left of the lease are too few for another conversation."""


@dataclass(slots=True)
class LeasedFileCounters:
    """`ports.KeyCounters` within one lease: no counter outside of it is ever used.

    `used_up` tells that more were asked for than are left.
    """

    file: FileCounters
    lease: CounterLease
    peer_lowest: int
    used_up: bool = False

    async def load(self) -> tuple[int | None, int]:
        """See `ports.KeyCounters`."""
        following, lowest = await self.file.load()
        return max(following or 0, self.lease.first), max(lowest, self.peer_lowest)

    async def reserve(self, end: int) -> None:
        """See `ports.KeyCounters`.  Raises LeaseUsedUp."""
        if end > self.lease.end:
            self.used_up = True
            raise LeaseUsedUp(f"too few of the package's counters are left below {self.lease.end}")
        await self.file.reserve(end)

    async def settle(self, next_own: int, peer_lowest: int) -> None:
        """See `ports.KeyCounters`."""
        await self.file.settle(min(next_own, self.lease.end), peer_lowest)

    def release(self) -> None:
        """Let others use them."""
        self.file.release()

    def standing(self) -> tuple[int, int]:
        """The next of ours, and the lowest accepted from the meter."""
        following, lowest = self.file.standing()
        return max(following or 0, self.lease.first), max(lowest, self.peer_lowest)


@dataclass(frozen=True, slots=True)
class JobFolder:
    """One job's folder."""

    path: Path

    def package(self) -> bytes:
        """The package's file.  Raises `BadKit`."""
        octets = read(self.path / "package")
        if octets is None:
            raise BadKit(f"{self.path}: its package is gone. Try: open the package again")
        return octets

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes to the result meanwhile.  Raises `BadKit`."""
        prepare(self.path)
        with (self.path / "lock").open("wb") as file:
            if os.name == "posix":
                import fcntl

                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    text = f"{self.path}: another ami works on this job; wait until it is done"
                    raise BadKit(text) from error
            yield

    def lines(self) -> bytes:
        """The whole lines of the result; what a crash cut short is cut off for good."""
        path = self.path / "result"
        octets = read(path) or b""
        whole = whole_lines(octets)
        if whole != octets:
            write(path, whole)
        return whole

    def add(self, line: bytes) -> None:
        """Add a line to the result."""
        append(self.path / "result", line)

    def counters(self, meter: PackedMeter) -> LeasedFileCounters:
        """The lease of one meter."""
        keys = meter.keys
        file = FileCounters(self.path, meter.name, keys.client)
        return LeasedFileCounters(file, keys.lease, keys.peer_lowest)


@dataclass(frozen=True, slots=True)
class JobShelf:
    """All jobs of one kit."""

    folder: Path

    # --- who we are ---

    @property
    def enrolled(self) -> bool:
        """Whether the device has keys."""
        return (self.folder / "job-device.json").exists()

    def device(self, unlock: str | Path, chance: Chance) -> DeviceKeys:
        """The device's keys, opened with a passphrase or a key file's path; made at first.

        Raises `WrongPassphrase`, `BadKit`, `BadEnvelope`.
        """
        path = prepare(self.folder) / "job-device.json"
        octets = read(path)
        if octets is None:
            return _made(path, unlock, chance)
        try:
            file = msgspec.json.decode(octets, type=_Device)
        except msgspec.DecodeError as error:
            raise BadKit(f"{path}: {error}. Try: put a copy of it back") from error
        if isinstance(unlock, Path) is not (file.salt is None):
            wanted = "a key file" if file.salt is None else "a passphrase"
            raise WrongPassphrase(f"{path} opens with {wanted}")
        envelope = envelope_of(unlock, file.salt)
        try:
            plain = envelope.open(envelope.name, file.sealed, _BELONGS)
        except KeysUnreadable as error:
            what = "key file" if isinstance(unlock, Path) else "passphrase"
            raise WrongPassphrase(f"{path} does not open with this {what}") from error
        private = msgspec.msgpack.decode(plain, type=_Private)
        return DeviceKeys(Signer(private.signing), private.opening, private.title)

    def head_end(self) -> HeadEndCard | None:
        """Whose packages are believed.  Raises JobRefused for a damaged card."""
        octets = read(self.folder / "head-end.card")
        card = None if octets is None else decode_card(octets)
        return card if isinstance(card, HeadEndCard) else None

    def believe(self, card: HeadEndCard) -> None:
        """Open the packages of this head-end from now on, and of no other."""
        write(prepare(self.folder) / "head-end.card", encode_card(card))

    # --- jobs ---

    def take(self, job: str, package: bytes) -> JobFolder:
        """Keep a package; the same one again changes nothing.  Raises `BadKit` for another one
        under the same id."""
        folder = self.job(job)
        prepare(folder.path)
        kept = read(folder.path / "package")
        if kept is None:
            write(folder.path / "package", package)
        elif kept != package:
            raise BadKit(f"{folder.path}: another package of this job is there already")
        return folder

    def job(self, job: str) -> JobFolder:
        """A job's folder.  Raises `BadKit` for an id that is none."""
        if not job.replace("-", "").isalnum():
            raise BadKit(f"{job!r} is no job's id")
        return JobFolder(self.folder / "jobs" / job)

    def jobs(self) -> list[str]:
        """Those whose packages are here."""
        found = (self.folder / "jobs").glob("*/package")
        return sorted(path.parent.name for path in found)

    def revoked(self) -> frozenset[str]:
        """Jobs that this device has learned to be revoked."""
        octets = read(self.folder / "jobs" / "revoked") or b""
        return frozenset(octets.decode("ascii", "replace").split())

    def learn_revoked(self, jobs: Iterable[str]) -> None:
        """Remember revoked jobs, for good."""
        new = sorted(set(jobs) - self.revoked())
        if new:
            prepare(self.folder / "jobs")
            append(self.folder / "jobs" / "revoked", "".join(f"{job}\n" for job in new).encode())


def _made(path: Path, unlock: str | Path, chance: Chance) -> DeviceKeys:
    title = MAKER + chance.octets("job device title", TITLE_SIZE - len(MAKER))
    private = _Private(
        chance.octets("job device signing key", KEY_SIZE),
        chance.octets("job device opening key", KEY_SIZE),
        title,
    )
    salt = None if isinstance(unlock, Path) else chance.octets("salt", SALT_SIZE)
    envelope: Envelope = envelope_of(unlock, salt)
    sealed = envelope.seal(msgspec.msgpack.encode(private), _BELONGS)
    write(path, msgspec.json.encode(_Device(sealed, salt)))
    if os.name == "posix":
        path.chmod(0o600)
    return DeviceKeys(Signer(private.signing), private.opening, title)
