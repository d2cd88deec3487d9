"""A result shows every edit and every cut but one at its end, where a closed job shows that too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocols.concentrator.messages import Action, ObjectRead, Status
from protocols.jobs.cards import key_id
from protocols.jobs.errors import JobRefused, Refused
from protocols.jobs.result import (
    Acting,
    AnyRecord,
    Begun,
    Closed,
    CountersUsed,
    Ended,
    OpenedJob,
    Read,
    digest,
    first_record,
    line_of,
    read_chain,
    whole_lines,
)
from tests.jobs.parties import DEVICE, OTHER, T0

PACKAGE = digest(b"the package's file")
DEVICE_ID = key_id(DEVICE.signer.public).hex()


def written(*kinds: tuple[type, dict[str, object]], device: object = DEVICE) -> list[bytes]:
    """A result's lines, each a minute after the one before."""
    lines: list[bytes] = []
    before = PACKAGE
    for number, (kind, fields) in enumerate(kinds):
        at = {"at": T0 + timedelta(minutes=number), "n": number, "before": before}
        record: AnyRecord = kind(**{**at, **fields})
        lines.append(line_of(record, device.signer))  # type: ignore[attr-defined]
        before = digest(lines[-1])
    return lines


DAY = (
    (OpenedJob, {"job": "job-1", "device": DEVICE_ID}),
    (Begun, {"order": 1, "attempt": 1}),
    (Acting, {"order": 1, "attempt": 1}),
    (Ended, {
        "order": 1, "attempt": 1, "meter": "M1", "action": Action.CONNECT,
        "status": Status.DONE, "acted": True,
    }),
    (Read, {"meter": "M1", "read": ObjectRead(3, "1.0.1.8.0.255", 2, "1", "Wh", raw=b"\x06")}),
    (Closed, {"counters": (CountersUsed(
        meter="M1", client=4, generation=1, next_own=9, peer_lowest=3),)}),
)  # fmt: skip
LINES = written(*DAY)
RESULT = b"".join(LINES)


def refused(octets: bytes) -> JobRefused:
    with pytest.raises(JobRefused) as caught:
        read_chain(octets, DEVICE.card, PACKAGE)
    return caught.value


def test_a_day_is_read_as_it_was_written() -> None:
    chain = read_chain(RESULT, DEVICE.card, PACKAGE)
    assert [type(record) for record in chain.records] == [kind for kind, _ in DAY]
    assert chain.opened == first_record(RESULT) and chain.closed is not None
    assert chain.digests[-1] == digest(LINES[-1])


def test_no_octet_can_be_changed() -> None:
    for at in range(len(RESULT)):
        for bit in (0x01, 0x20):  # 0x20 turns small letters into capitals
            changed = RESULT[:at] + bytes([RESULT[at] ^ bit]) + RESULT[at + 1 :]
            assert refused(changed).why in (Refused.TAMPERED, Refused.CUT), at


@pytest.mark.parametrize("line", range(len(LINES) - 1))
def test_no_line_can_be_taken_out_repeated_or_moved(line: int) -> None:
    for changed in (
        LINES[:line] + LINES[line + 1 :],
        [*LINES[: line + 1], *LINES[line:]],
        [*LINES[:line], LINES[line + 1], LINES[line], *LINES[line + 2 :]],
    ):
        assert refused(b"".join(changed)).why is Refused.TAMPERED


def test_a_cut_at_the_end_leaves_a_job_that_is_not_over() -> None:
    for count in range(1, len(LINES)):
        chain = read_chain(b"".join(LINES[:count]), DEVICE.card, PACKAGE)
        assert chain.closed is None and len(chain.records) == count
    assert refused(RESULT[:-1]).why is Refused.CUT
    assert refused(b"").why is Refused.CUT
    assert whole_lines(RESULT + b'{"half') == RESULT and whole_lines(b"half") == b""


def test_nothing_follows_the_end() -> None:
    more = written(*DAY, (Begun, {"order": 1, "attempt": 1}))
    assert "over" in str(refused(b"".join(more)))


WRONG = {
    "another package": (written(*DAY), "of another result"),
    "no beginning": (written(*DAY[1:]), "one beginning"),
    "two beginnings": (written(DAY[0], DAY[0]), "one beginning"),
    "a clock set back": (
        written(DAY[0], (Begun, {"order": 1, "attempt": 1, "at": T0 - timedelta(minutes=1)})),
        "older than",
    ),
    "a number left out": (written(DAY[0], (Begun, {"order": 1, "attempt": 1, "n": 2})), "missing"),
    "another device's hand": (written(*DAY, device=OTHER), "another device"),
}


@pytest.mark.parametrize(("lines", "why"), WRONG.values(), ids=WRONG)
def test_what_does_not_hang_together_is_refused(lines: list[bytes], why: str) -> None:
    package = digest(b"another") if "another result" in why else PACKAGE
    with pytest.raises(JobRefused, match=why):
        read_chain(b"".join(lines), DEVICE.card, package)


def test_a_result_that_names_another_device_is_refused() -> None:
    lines = written((OpenedJob, {"job": "job-1", "device": key_id(OTHER.signer.public).hex()}))
    assert refused(b"".join(lines)).why is Refused.OTHER_DEVICE


def test_a_later_version_is_named() -> None:
    lines = written((OpenedJob, {"job": "job-1", "device": DEVICE_ID, "v": 2}))
    assert refused(b"".join(lines)).why is Refused.VERSION


@pytest.mark.parametrize("octets", [b"", b"x", b"{} 00\n", LINES[1], b"\xff\xfe\n"])
def test_what_is_no_result_names_no_job(octets: bytes) -> None:
    with pytest.raises(JobRefused):
        first_record(octets)
