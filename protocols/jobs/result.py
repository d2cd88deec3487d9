"""What was done on a job: lines that are only ever added, each signed and bound to all before it.

    {"type":"begun","n":4,"before":"<64 digits>","at":"…",…} <128 digits>\\n

A line is a record in JSON, a space, and the device's Ed25519 signature, in small hexadecimal
digits, of the text "ami-job-result-1", a zero octet, and the JSON's octets.  `before` is the
SHA-256 of the whole line before, of the first one that of the package's file.  `n` counts from 0.
An edit breaks a signature, a line taken out or moved breaks the chain.  The last line of a job that
is over is `closed` and tells so: a file without it is not whole, or not finished yet.

No record holds a key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from protocols.concentrator.messages import (
    Action,
    Apdu,
    LimitRead,
    ObjectRead,
    Refusal,
    Status,
    SupplyRead,
)
from protocols.jobs.cards import SIGNATURE_SIZE, DeviceCard, Signer, key_id, verified
from protocols.jobs.errors import JobRefused, Refused
from protocols.jobs.package import Moment

RESULT_VERSION = 1
_DOMAIN = b"ami-job-result-1\0"
LINE_MAX = 4 << 20


class Record(msgspec.Struct, frozen=True, tag_field="type", kw_only=True, omit_defaults=True):
    """Fields of every record.  `at` is by the device's clock."""

    n: int
    before: str
    at: Moment


class OpenedJob(Record, frozen=True, tag="opened", kw_only=True, omit_defaults=True):
    """The package was opened.  Always the first record."""

    job: str
    device: str  # the device's key, the eight octets of `cards.key_id` in hexadecimal digits
    v: int = RESULT_VERSION


class Begun(Record, frozen=True, tag="begun", kw_only=True, omit_defaults=True):
    """A try of an order begins at the meter; nothing was sent that can act."""

    order: int
    attempt: int


class Acting(Record, frozen=True, tag="acting", kw_only=True, omit_defaults=True):
    """Something that can act is sent next.  Without an `ended` its effect is not known."""

    order: int
    attempt: int


class Trouble(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why the meter could not be spoken with: the head-end's reason, and a sentence."""

    reason: str
    why: str = ""


class Ended(Record, frozen=True, tag="ended", kw_only=True, omit_defaults=True):
    """How the try ended.  `acted`: something that can act was sent in it."""

    order: int
    attempt: int
    meter: str
    action: Action
    status: Status
    acted: bool
    looked: bool = False  # read back later, because the try was cut off
    engine: str | None = None
    refusal: Refusal | None = None
    prior: LimitRead | None = None  # the limiter before it was written
    limit: LimitRead | None = None
    supply: SupplyRead | None = None
    readings: tuple[ObjectRead, ...] = ()
    trouble: Trouble | None = None
    apdus: tuple[Apdu, ...] = ()


class Read(Record, frozen=True, tag="read", kw_only=True, omit_defaults=True):
    """One value read beside the orders, with its octets as they came."""

    meter: str
    read: ObjectRead


class Beyond(Record, frozen=True, tag="beyond", kw_only=True, omit_defaults=True):
    """The meter has seen counters above our lease, as its public client tells: it accepts none of
    ours any more.  `meter_at` is the last that it saw."""

    meter: str
    meter_at: int


class CountersUsed(msgspec.Struct, frozen=True, kw_only=True):
    """Of one lease: every counter below `next_own` may have been used, none from it on."""

    meter: str
    client: int
    generation: int
    next_own: int
    peer_lowest: int
    meter_at: int | None = None  # the last counter that the meter named, see `Beyond`


class Closed(Record, frozen=True, tag="closed", kw_only=True, omit_defaults=True):
    """The job is over; the device uses none of its counters any more."""

    counters: tuple[CountersUsed, ...]


AnyRecord = OpenedJob | Begun | Acting | Ended | Read | Beyond | Closed
_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)


def digest(octets: bytes) -> str:
    """What the next line calls this one, or the first line its package."""
    return hashlib.sha256(octets).hexdigest()


def line_of(record: AnyRecord, signer: Signer) -> bytes:
    """The line of a record."""
    text = msgspec.json.encode(record)
    return text + b" " + signer.sign(_DOMAIN + text).hex().encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Chain:
    """A result as far as it has come: its records, and what each line is called."""

    records: tuple[AnyRecord, ...]
    digests: tuple[str, ...]

    @property
    def opened(self) -> OpenedJob:
        first = self.records[0]
        assert isinstance(first, OpenedJob)
        return first

    @property
    def closed(self) -> Closed | None:
        last = self.records[-1]
        return last if isinstance(last, Closed) else None


def whole_lines(octets: bytes) -> bytes:
    """The octets up to the last whole line: a crash may have cut the one behind it short."""
    return octets[: octets.rfind(b"\n") + 1]


def read_chain(octets: bytes, device: DeviceCard, package: str) -> Chain:
    """A result, every line of it proven; `package` is the digest of the package's file.

    Raises JobRefused, with the number of the line that is wrong.
    """
    if not octets.endswith(b"\n"):
        raise JobRefused(Refused.CUT, "the result ends in the middle of a line. Try: export again")
    records: list[AnyRecord] = []
    digests: list[str] = []
    before = package
    for number, text in enumerate(octets[:-1].split(b"\n"), 1):
        line = text + b"\n"
        record = _proven(line, number, device)
        if isinstance(record, OpenedJob) is not (number == 1):
            raise _wrong(number, "a result has one beginning")
        if record.before != before or record.n != number - 1:
            raise _wrong(number, "a line before it is missing, or of another result")
        if records and record.at < records[-1].at:
            raise _wrong(number, "it is older than the line before it")
        if records and isinstance(records[-1], Closed):
            raise _wrong(number, "the job was over before it")
        records.append(record)
        before = digest(line)
        digests.append(before)
    first = records[0]
    assert isinstance(first, OpenedJob)
    if first.v != RESULT_VERSION:
        raise JobRefused(Refused.VERSION, f"a result of version {first.v}; this program knows 1")
    if first.device != key_id(device.signing).hex():
        raise JobRefused(Refused.OTHER_DEVICE, "the result is of another device")
    return Chain(tuple(records), tuple(digests))


def first_record(octets: bytes) -> OpenedJob:
    """The first record, unproven: which job, and so which device's key proves the rest.

    Raises JobRefused.
    """
    line = octets.partition(b"\n")[0]
    try:
        record = _decoder.decode(line.rpartition(b" ")[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JobRefused(Refused.NO_FILE_OF_OURS, "this is no job result") from error
    if not isinstance(record, OpenedJob):
        raise JobRefused(Refused.CUT, "the result's first line is missing")
    return record


def _proven(line: bytes, number: int, device: DeviceCard) -> AnyRecord:
    text, space, written = line[:-1].rpartition(b" ")
    try:
        signature = bytes.fromhex(written.decode("ascii"))
    except ValueError:
        signature = b""
    if not space or len(signature) != SIGNATURE_SIZE or signature.hex().encode() != written:
        raise _wrong(number, "it bears no signature")
    if not verified(device.signing, signature, _DOMAIN + text):
        raise _wrong(number, "it was changed, or another device wrote it")
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JobRefused(Refused.VERSION, f"line {number}: not understood: {error}") from error


def _wrong(number: int, why: str) -> JobRefused:
    return JobRefused(Refused.TAMPERED, f"line {number} of the result: {why}")
