"""General block transfer joined after the fact: blocks in a row to the APDU that was cut.

Unlike an exchange (`protocols.dlms.general_block`) nothing is answered or asked again: blocks that
came twice count once, and a gap leaves the APDU out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocols.dlms.general_block import GeneralBlock


@dataclass(frozen=True, slots=True)
class Joined:
    """An APDU, and which of the blocks given brought a part of it."""

    octets: bytes
    blocks: tuple[int, ...]

    def cut(self, apdu: bytes, blocks: Sequence[GeneralBlock]) -> list[tuple[int, bytes]]:
        """Another APDU in the sizes of these blocks; the last takes what is left."""
        parts, rest = [], apdu
        for number in self.blocks:
            size = len(rest) if number == self.blocks[-1] else len(blocks[number].data)
            parts.append((number, rest[:size]))
            rest = rest[size:]
        return parts


def join(blocks: Sequence[GeneralBlock]) -> list[Joined]:
    """Every APDU that is whole, in the order of their last blocks."""
    found: list[Joined] = []
    held: list[int] = []
    for number, block in enumerate(blocks):
        if not block.data:
            continue  # acknowledges, and brings nothing
        if held and block.number == blocks[held[-1]].number:
            continue
        if held and block.number != blocks[held[-1]].number + 1:
            held = []
        held.append(number)
        if block.last_block:
            whole = b"".join(blocks[each].data for each in held)
            found.append(Joined(whole, tuple(held)))
            held = []
    return found
