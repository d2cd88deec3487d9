"""APDUs to information fields and back: LLC header, segmentation (Green Book 8.3, 8.4.5.4.5).

The LLC header stands before the APDU, and so in its first segment only.  All segments but the last
have the segmentation bit in their format field.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols.hdlc.frame import Frame

LLC_COMMAND = b"\xe6\xe6\x00"
LLC_RESPONSE = b"\xe6\xe7\x00"
_LLC = (LLC_COMMAND[:2], LLC_RESPONSE[:2])
APDU_OCTETS_MAX = 0xFFFF
"""No APDU is longer: its size is negotiated in 16 bits."""


def segments(llc: bytes, apdu: bytes, size: int) -> Iterator[tuple[bytes, bool]]:
    """Information fields of at most `size` octets, each with its segmentation bit."""
    whole = llc + apdu
    for start in range(0, len(whole), size):
        yield whole[start : start + size], start + size < len(whole)


class Reassembly:
    """Segments of one direction to APDUs."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._octets = 0
        self._skipping = False

    @property
    def begun(self) -> bool:
        """Whether the last segment is still to come."""
        return bool(self._parts) or self._skipping

    @property
    def octets(self) -> int:
        """How much has come of an APDU whose last segment is still to come; 0 of one that grew
        beyond any, because nobody waits for that."""
        return 0 if self._skipping else self._octets

    def add(self, frame: Frame) -> bytes | None:
        """Take in the next frame with information; whatever it completes, LLC header included.

        What grows beyond any APDU is thrown away whole, up to its last segment: then b"".
        """
        self._octets += len(frame.information)
        self._skipping = self._skipping or self._octets > APDU_OCTETS_MAX + len(LLC_COMMAND)
        if self._skipping:
            self._parts.clear()
        else:
            self._parts.append(frame.information)
        if frame.segmented:
            return None
        whole = b"".join(self._parts)
        self.clear()
        return whole

    def clear(self) -> None:
        """Forget what had begun."""
        self._parts.clear()
        self._octets = 0
        self._skipping = False


def without_llc(information: bytes) -> bytes | None:
    """The APDU behind the LLC header, or None where there is none."""
    return information[3:] if information[:2] in _LLC and len(information) >= 3 else None
