"""What `ami dlms decode` says of one line of octets, for machines: plain objects for JSON.

    line, input      where it stood, and its octets
    apdu, xml        the typed APDU (or `value`), and its XML; in `apdus` where framing has several
    frames           each frame around them, and its octets written again
    opened           what keys opened, outermost first: key, verdict on the tag, APDU, XML
    joined           what general block transfer cut into blocks
    reencoded        the whole, written again from what was understood
    spellings        octets that came where the shortest form has others; put back in `reencoded`
    error            offset and cause, of the first of `errors`

`reencoded` equals `input`: octets that are understood and cannot be written again are an error.

Offsets count octets of the line, those of what keys opened or blocks joined octets of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from protocols.dissection import hex_text, lines, plain, xml
from protocols.dissection.apdu import NO_KEYS, Dissected, InsideError, dissect, dissect_value
from protocols.dissection.blocks import Joined, join
from protocols.dissection.lines import CarriedApdu, Framing, Line
from protocols.dissection.opening import KeyRing
from protocols.dissection.spelling import Spelling
from protocols.dlms.apdu import encode
from protocols.dlms.general_block import GeneralBlock
from protocols.errors import ProtocolError

Spell = Callable[[bytes], str]
XmlOf = Callable[[Dissected], str]


@dataclass(frozen=True, slots=True)
class Seen:
    """One APDU of a line: what was understood, or why not."""

    carried: CarriedApdu
    dissected: Dissected | None
    problem: ProtocolError | None = None

    @property
    def reencoded(self) -> bytes:
        """As it came where it was not understood, so that the rest keeps its place."""
        if self.dissected is None or self.problem is not None:
            return self.carried.octets
        return self.dissected.reencoded


@dataclass(frozen=True, slots=True)
class SeenJoined:
    """An APDU that came in general blocks: what was understood, or why not."""

    joined: Joined
    of: tuple[int, ...]  # numbers of the blocks among the line's APDUs
    seen: Seen


@dataclass(slots=True)
class Findings:
    """All that one line of octets turned out to be."""

    octets: bytes
    line: Line = field(default_factory=Line)
    seen: list[Seen] = field(default_factory=list)
    joined: list[SeenJoined] = field(default_factory=list)
    problems: list[ProtocolError] = field(default_factory=list)
    frames_again: list[bytes] = field(default_factory=list)
    reencoded: bytes = b""


def find(octets: bytes, framing: Framing = Framing.NONE, ring: KeyRing = NO_KEYS) -> Findings:
    """Take one line apart.  Never raises."""
    line = lines.take_apart(octets, framing)
    found = Findings(octets, line, problems=list(line.problems))
    for carried in line.apdus:
        found.seen.append(_seen(carried, ring))
    for seen in found.seen:
        if seen.problem is not None:
            found.problems.append(_placed(seen, line))
    again = [seen.reencoded for seen in found.seen]
    _join(found, ring, again)
    found.frames_again, found.reencoded = line.written_again(again)
    if not found.problems:
        found.problems += _loss(octets, found.reencoded)
    return found


def _join(found: Findings, ring: KeyRing, again: list[bytes]) -> None:
    """Join general blocks, and put what is written anew of them in its place in `again`."""
    places, blocks = [], []
    for place, seen in enumerate(found.seen):
        if seen.dissected is not None and isinstance(seen.dissected.apdu, GeneralBlock):
            places.append(place)
            blocks.append(seen.dissected.apdu)
    for joined in join(blocks):
        of = tuple(places[number] for number in joined.blocks)
        frames = tuple(frame for place in of for frame in found.seen[place].carried.frames)
        seen = _seen(CarriedApdu(joined.octets, frames), ring)
        found.joined.append(SeenJoined(joined, of, seen))
        # A block alone is an APDU of its own, whatever it is a part of.
        if seen.problem is not None and (len(of) > 1 or seen.dissected is not None):
            cause = f"joined from {len(of)} blocks, and then: {seen.problem.cause}"
            found.problems.append(ProtocolError(seen.problem.offset, cause))
        if seen.reencoded == joined.octets:
            continue  # the blocks are as they came, in their own spelling
        for number, data in joined.cut(seen.reencoded, blocks):
            again[places[number]] = encode(structs.replace(blocks[number], data=data))


def _seen(carried: CarriedApdu, ring: KeyRing) -> Seen:
    try:
        return Seen(carried, dissect(carried.octets, ring))
    except InsideError as error:
        return Seen(carried, error.outer, ProtocolError(error.offset, error.cause))
    except ProtocolError as error:
        return Seen(carried, None, error)


def _placed(seen: Seen, line: Line) -> ProtocolError:
    """The problem with its offset in the line, where one frame holds all of the APDU."""
    problem = seen.problem
    assert problem is not None
    if not seen.carried.frames:
        return problem
    frame = line.frames[seen.carried.frames[0]]
    start = frame.offset + frame.octets.find(frame.part) + len(seen.carried.llc)
    if len(seen.carried.frames) == 1:
        return ProtocolError(start + problem.offset, problem.cause)
    cause = (
        f"{problem.cause} (octet {problem.offset} of the APDU in frames"
        f" {seen.carried.frames[0] + 1} to {seen.carried.frames[-1] + 1})"
    )
    return ProtocolError(start, cause)


def as_json(found: Findings, spell: Spell, xml_of: XmlOf) -> dict[str, Any]:
    """The object for one line; `spell` writes octets, `xml_of` an APDU."""
    told: dict[str, Any] = {"input": spell(found.octets)}
    if found.line.frames:
        told["frames"] = [
            {"offset": frame.offset, **frame.says, "reencoded": spell(again)}
            for frame, again in zip(found.line.frames, found.frames_again, strict=True)
        ]
        told["apdus"] = [_apdu(seen, spell, xml_of) for seen in found.seen]
    if len(found.seen) == 1:
        told |= _apdu(found.seen[0], spell, xml_of)
    if found.joined:
        told["joined"] = [
            {"from": list(joined.of), **_apdu(joined.seen, spell, xml_of)}
            for joined in found.joined
        ]
    if found.problems:
        return told | problems_as_json(found.problems)
    return told | {"reencoded": spell(found.reencoded)}


def _apdu(seen: Seen, spell: Spell, xml_of: XmlOf) -> dict[str, Any]:
    told: dict[str, Any] = {"octets": spell(seen.carried.octets)}
    if seen.carried.frames:
        told["in_frames"] = list(seen.carried.frames)
    if seen.dissected is not None:
        told |= dissected_as_json(seen.dissected, spell, xml_of)
    if seen.problem is not None:
        told["error"] = problem_as_json(seen.problem)
    return told


def dissected_as_json(dissected: Dissected, spell: Spell, xml_of: XmlOf) -> dict[str, Any]:
    """An APDU, and what was opened in it."""
    told: dict[str, Any] = {
        "apdu": plain.of_apdu(dissected.apdu, dissected.element),
        "xml": xml_of(dissected),
        **_spellings(dissected.spellings, spell),
    }
    opened = [
        {
            "key": opening.key,
            "tag": opening.tag,
            "octets": spell(opening.plain),
            "apdu": plain.of_apdu(inner.apdu, inner.element),
            "xml": xml_of(inner),
            "reencoded": spell(inner.reencoded),
            **_spellings(inner.spellings, spell),
        }
        for opening, inner in dissected.openings
    ]
    if opened:
        told["opened"] = opened
    return told


def value_as_json(octets: bytes, spell: Spell) -> dict[str, Any]:
    """The object for a line that is a value and no APDU."""
    told: dict[str, Any] = {"input": spell(octets)}
    try:
        found = dissect_value(octets)
    except ProtocolError as error:
        return told | problems_as_json([error])
    if lost := _loss(octets, found.reencoded):
        return told | problems_as_json(lost)
    return told | {
        "value": plain.of_value(found.value),
        "xml": xml.text_of(found.element),
        "reencoded": spell(found.reencoded),
        **_spellings(found.spellings, spell),
    }


def _spellings(spellings: tuple[Spelling, ...], spell: Spell) -> dict[str, Any]:
    if not spellings:
        return {}
    return {
        "spellings": [
            {"offset": each.offset, "came": spell(each.came), "shortest": spell(each.ours)}
            for each in spellings
        ]
    }


def problems_as_json(problems: list[ProtocolError]) -> dict[str, Any]:
    """The first stands alone as well: most lines have one."""
    listed = [problem_as_json(problem) for problem in problems]
    return {"error": listed[0]} | ({"errors": listed} if len(listed) > 1 else {})


def problem_as_json(problem: ProtocolError) -> dict[str, Any]:
    """Where and why."""
    return {"offset": problem.offset, "cause": problem.cause}


def _loss(came: bytes, again: bytes) -> list[ProtocolError]:
    """Said where they part, if what was understood does not say all that came."""
    if came == again:
        return []
    pairs = enumerate(zip(came, again, strict=False))
    place = next((at for at, (a, b) in pairs if a != b), min(len(came), len(again)))
    return [ProtocolError(place, "understood, but written again it would differ from here on")]


def spelled_like(text: str) -> Spell:
    """Writes octets as the text does."""
    return lambda octets: hex_text.spelled_like(octets, text)
