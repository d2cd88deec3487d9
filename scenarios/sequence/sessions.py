"""DLMS exchanges with one meter folded into sessions: what was asked, with how many frames.

A session begins with an association request (AARQ, or the head-end's first PDU) and ends before the
next one.  The tape holds the APDUs that arrived; the world's log every transfer, with its frames'
fates: the two run in step, one APDU for each transfer that arrived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from devices.world_log import WorldLog
from scenarios.direct_lines import HEAD_END
from scenarios.sequence.tape import Pdu

AARQ = 0x60
QUIET_US = 30_000_000
"""After so long without an APDU whatever follows is another session."""

_NAMES = {  # the tag of an APDU that a client sends (Green Book 9.5), plain or ciphered
    AARQ: "AARQ",
    0x62: "RLRQ",
    0xC0: "GET",
    0xC8: "GET",
    0xD0: "GET",
    0xC1: "SET",
    0xC9: "SET",
    0xD1: "SET",
    0xC3: "ACTION",
    0xCB: "ACTION",
    0xD3: "ACTION",
    0xDB: "GLO",
    0xDC: "DED",
    0xDD: "GEN",
}


@dataclass(slots=True)
class Session:
    """What one session carried.  `lost` frames did not arrive; `answered`: any APDU came back."""

    at_us: int
    meter: str
    by_concentrator: bool
    asked: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    lost: int = 0
    answered: bool = False
    last_us: int = 0


def sessions(log: WorldLog, pdus: Iterable[Pdu]) -> Iterator[Session]:
    """All sessions of a run, in the order in which they began."""
    arrived: dict[tuple[str, bool], list[Pdu]] = {}
    direct: list[Pdu] = []
    for pdu in pdus:
        if pdu.client == HEAD_END:
            direct.append(pdu)
        else:
            arrived.setdefault((pdu.meter, pdu.up), []).append(pdu)
    queues = {key: iter(found) for key, found in arrived.items()}
    open_: dict[str, Session] = {}
    done: list[Session] = []
    for line in log.of_kind("transfer"):
        up = line["way"] == "up"
        queue = queues.get((line["meter"], up), iter(()))
        came = next(queue, None) if line["arrived"] else None
        _take(open_, done, line["meter"], line["at"], up, came, line["frames"], True)
    for pdu in direct:
        _take(open_, done, pdu.meter, pdu.at_us, pdu.up, pdu, [], False)
    yield from sorted((*done, *open_.values()), key=lambda each: each.at_us)


def _take(
    open_: dict[str, Session],
    done: list[Session],
    meter: str,
    at_us: int,
    up: bool,
    pdu: Pdu | None,
    frames: list[str],
    by_concentrator: bool,
) -> None:
    tag = pdu.apdu[0] if pdu is not None and pdu.apdu else None
    last = open_.get(meter)
    begins = last is None or at_us - last.last_us > QUIET_US or (not up and tag == AARQ)
    if last is None or begins:
        if last is not None:
            done.append(last)
        last = open_[meter] = Session(at_us, meter, by_concentrator)
    last.last_us = at_us
    last.frames += len(frames)
    last.lost += sum(fate != "delivered" for fate in frames)
    if up:
        last.answered |= pdu is not None
    else:
        last.asked[_NAMES.get(tag or 0, "…" if pdu is not None else "✗")] += 1
