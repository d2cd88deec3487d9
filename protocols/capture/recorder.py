"""A run's packets as a capture, in the order of their times.

What is simulated decides at once what will travel for a while: the frames of one message get times
to come.  A packet is therefore kept until the run's clock has passed it.  Of two with one time the
one that was recorded first comes first, so that one seed gives one file.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from protocols import wrapper
from protocols.capture import packets, pcapng, radio
from protocols.capture.masking import masked
from protocols.capture.packets import (
    ACK,
    DLMS_PORT,
    INTERFACES,
    PUSH,
    SYN,
    End,
    Fate,
    Header,
    Kind,
    Segment,
)
from protocols.capture.pcapng import Interface

APPLICATION = "ami-headend"
CLIENT_PORT = 49_152
_NETWORK = 10 << 24
_PART_OCTETS = 32_768
"""Of a wrapper PDU in one packet: IPv4 counts to 65535."""


@dataclass(slots=True)
class _Conversation:
    """A made-up connection: its ends, and how far each has counted."""

    client: End
    server: End
    sent: int = 0
    received: int = 0


class Recorder:
    """`write` takes the file's octets in order; each call gives the run's time in microseconds."""

    def __init__(self, write: Callable[[bytes], object], *, about: str = "") -> None:
        self._write = write
        self._waiting: list[tuple[int, int, bytes]] = []
        self._recorded = 0
        self._now_us = 0
        self._addresses: dict[str, bytes] = {}
        self._conversations: dict[tuple[str, str], _Conversation] = {}
        write(pcapng.section(APPLICATION, about))
        for interface in INTERFACES:
            write(pcapng.interface(interface))

    def frame(
        self,
        now_us: int,
        meter: str,
        octets: bytes,
        *,
        at_us: int,
        up: bool,
        fate: Fate,
        snr_cdb: int,
        airtime_us: int,
    ) -> None:
        """A power-line frame that leaves at `at_us`, now or later."""
        header = Header(up, meter, fate, snr_cdb, airtime_us)
        words = f"{_way(meter, up)}, {fate.words}, SNR {snr_cdb / 100:.2f} dB"
        self._put(now_us, at_us, packets.PLC, header.encode() + octets, words, up)

    def radio(
        self,
        now_us: int,
        meter: str,
        octets: bytes,
        *,
        at_us: int,
        up: bool,
        fate: Fate,
        strength_cdbm: int,
    ) -> None:
        """A radio frame that leaves at `at_us`, now or later."""
        words = f"{_way(meter, up)}, {fate.words}, {strength_cdbm / 100:.2f} dBm"
        octets = radio.encode(octets, strength_cdbm / 100)
        self._put(now_us, at_us, packets.RADIO, octets, words, up)

    def wrapper(
        self, now_us: int, client: str, meter: str, frame: bytes, *, up: bool, port: int = 0
    ) -> None:
        """A whole wrapper PDU; `port` tells several connections of one client apart."""
        frame = _masked_frame(frame)
        conversation = self._conversation(now_us, client, meter, port)
        words = f"{client} {'←' if up else '→'} {meter}"
        for start in range(0, len(frame), _PART_OCTETS):
            part = frame[start : start + _PART_OCTETS]
            segment = _next(conversation, up, PUSH | ACK, part)
            self._put(now_us, now_us, packets.DLMS, segment.encode(), words, not up)

    def serial(self, now_us: int, line: str, octets: bytes, *, up: bool, kind: Kind) -> None:
        """One HDLC frame with both flags, or octets that are none."""
        header = Header(up, line, kind)
        self._put(now_us, now_us, packets.SERIAL, header.encode() + octets, _way(line, up), not up)

    def message(self, now_us: int, topic: str, payload: bytes, *, up: bool) -> None:
        """A message between head-end and concentrator."""
        header = Header(up, topic)
        words = f"{'from' if up else 'to'} the concentrator"
        self._put(now_us, now_us, packets.MESSAGES, header.encode() + payload, words, not up)

    def close(self) -> None:
        """Write what still waits."""
        while self._waiting:
            self._write(heapq.heappop(self._waiting)[2])

    # --- parts -----------------------------------------------------------------------------------

    def _put(
        self,
        now_us: int,
        at_us: int,
        interface: Interface,
        octets: bytes,
        comment: str,
        outbound: bool,
    ) -> None:
        # A live clock may be set back; a file's times may not lead to packets that never leave.
        self._now_us = max(self._now_us, now_us)
        block = pcapng.packet(
            INTERFACES.index(interface), at_us, octets, comment=comment, outbound=outbound
        )
        heapq.heappush(self._waiting, (at_us, self._recorded, block))
        self._recorded += 1
        while self._waiting and self._waiting[0][0] < self._now_us:
            self._write(heapq.heappop(self._waiting)[2])

    def _conversation(self, now_us: int, client: str, meter: str, port: int) -> _Conversation:
        name = (client if not port else f"{client}:{port}"), meter
        found = self._conversations.get(name)
        if found is None:
            ends = (
                End(self._address(client), port or CLIENT_PORT),
                End(self._address(meter), DLMS_PORT),
            )
            found = self._conversations[name] = _Conversation(*ends)
            words = "made up: there is no TCP where these travelled"
            for up, flags in ((False, SYN), (True, SYN | ACK), (False, ACK)):
                segment = _next(found, up, flags, b"")
                self._put(now_us, now_us, packets.DLMS, segment.encode(), words, not up)
        return found

    def _address(self, name: str) -> bytes:
        """An address in 10.0.0.0/8 for whoever is first heard of."""
        number = _NETWORK + 1 + len(self._addresses)
        return self._addresses.setdefault(name, number.to_bytes(4, "big"))


def _next(conversation: _Conversation, up: bool, flags: int, data: bytes) -> Segment:
    ours, theirs = conversation.sent, conversation.received
    count = len(data) + (1 if flags & SYN else 0)
    if up:
        conversation.received += count
        return Segment(conversation.server, conversation.client, theirs, ours, flags, data)
    conversation.sent += count
    return Segment(
        conversation.client, conversation.server, ours, theirs if flags & ACK else 0, flags, data
    )


def _way(name: str, up: bool) -> str:
    return f"{'from' if up else 'to'} {name}"


def _masked_frame(frame: bytes) -> bytes:
    head, apdu = frame[: wrapper.HEADER_SIZE], frame[wrapper.HEADER_SIZE :]
    return head + masked(apdu)
