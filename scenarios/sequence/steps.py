"""A run as arrows between its participants, in the order of their times.

Nothing is drawn that a journal, the world's log or the tape does not hold: what external systems
asked and were told from their own journals, messages from the tape, frames from the world's log,
orders' ends from the head-end's journal.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from headend.domain.order import FINAL
from protocols.concentrator.messages import UnknownMessage, decode_downward, decode_upward
from scenarios.sequence.messages import told, word_of
from scenarios.sequence.sessions import sessions
from scenarios.sequence.tape import Carried, Tape
from scenarios.stand_ins.said import Said
from scenarios.story import Record, Story

FOLD_WITHIN_US = 120_000_000
"""Steps that are alike and follow each other within two minutes are one line with a count."""


class Who(enum.StrEnum):
    """The participants of seed 004's figures, and the operator at the head-end."""

    OPERATOR = "operator"
    MDM = "mdm"
    HEAD_END = "head-end"
    CONCENTRATOR = "concentrator"
    METER = "meter"


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow, or a note where `source` and `target` are one.

    `word` is looked up in `words`; `detail` is the same in every language.  `count`: so many alike;
    `lost`: frames that did not arrive; `broken`: nothing of it arrived; `both`: a dialogue.
    """

    at_us: int
    source: Who
    target: Who
    word: str
    detail: str = ""
    device: str = ""
    count: int = 1
    frames: int = 0
    lost: int = 0
    broken: bool = False
    both: bool = False
    answer: bool = False
    order: int | None = None
    asked: tuple[tuple[str, int], ...] = ()  # of a session: APDUs by what they ask for

    @property
    def note(self) -> bool:
        return self.source is self.target


def steps(story: Story, tape: Tape, *, order: int | None = None) -> tuple[Step, ...]:
    """All that is to be drawn; of one `order` only what belongs to it."""
    found = [
        *_troubles(story),
        *_pushes(story),
        *_sessions(story, tape),
        *_messages(tape.messages),
        *_ends(story.records),
        *_outside(story.said),
    ]
    found.sort(key=lambda step: step.at_us)
    if order is not None:
        found = list(_of_order(found, story.records, order))
    return tuple(_folded(found))


# --- where steps come from -----------------------------------------------------------------------


def _outside(said: Iterable[Said]) -> Iterator[Step]:
    for line in said:
        outer = Who.OPERATOR if line.door == "command" else Who.MDM
        inward = line.way == "asked"
        source, target = (outer, Who.HEAD_END) if inward else (Who.HEAD_END, outer)
        door = "" if line.door == "command" else f"{line.door} "
        yield Step(
            round(line.at.timestamp() * 1e6),
            source,
            target,
            "",
            f"{door}{line.what}" + (f": {line.detail}" if line.detail else _of(line)),
            line.device or "",
            answer=line.way == "answered",
            order=line.order,
        )


def _of(line: Said) -> str:
    """Of which meter a command is that says no more."""
    return f": {line.device}" if line.door == "command" and line.device else ""


def _messages(carried: Iterable[Carried]) -> Iterator[Step]:
    seen: set[str] = set()
    for each in carried:
        try:
            message = decode_upward(each.payload) if each.up else decode_downward(each.payload)
        except UnknownMessage:
            continue
        word = word_of(message)
        if word is None:
            continue  # receipts
        again = message.id in seen
        seen.add(message.id)
        concentrator = next((part for part in each.topic.split("/") if part.startswith("C-")), "")
        detail, order = told(message)
        yield Step(
            each.at_us,
            Who.CONCENTRATOR if each.up else Who.HEAD_END,
            Who.HEAD_END if each.up else Who.CONCENTRATOR,
            f"{word} again" if again else word,
            detail,
            getattr(message, "meter", "") or concentrator,
            order=order,
        )


def _sessions(story: Story, tape: Tape) -> Iterator[Step]:
    for each in sessions(story.world.log, tape.pdus):
        if not each.asked:
            continue  # a push's frames: the log tells of it in a line of its own
        client = Who.CONCENTRATOR if each.by_concentrator else Who.HEAD_END
        yield Step(
            each.at_us,
            client,
            Who.METER,
            "session" if each.answered else "no-answer",
            "",
            each.meter,
            frames=each.frames,
            lost=each.lost,
            broken=not each.answered,
            both=each.answered,
            asked=tuple(each.asked.items()),
        )


def _pushes(story: Story) -> Iterator[Step]:
    for line in story.world.log.of_kind("push"):
        heard = line["heard"]
        yield Step(
            line["at"],
            Who.METER,
            Who.CONCENTRATOR,
            "push" if heard else "push-lost",
            "",
            line["meter"],
            broken=not heard,
        )


def _ends(records: Iterable[Record]) -> Iterator[Step]:
    for record in records:
        for line in record.journal:
            if line.state not in FINAL:
                continue
            order = record.order
            reason = "" if order.reason is None else f" ({order.reason})"
            value = "" if order.value_read is None else f" = {order.value_read}"
            yield Step(
                round(line.at.timestamp() * 1e6),
                Who.HEAD_END,
                Who.HEAD_END,
                f"order-{line.state}",
                f"{order.number} {order.kind}{value}{reason}",
                order.meter,
                order=order.number,
            )


_AT = {"C": Who.CONCENTRATOR}


def _troubles(story: Story) -> Iterator[Step]:
    """Faults of the plot as they begin and end, at the device that has them."""
    for line in story.world.log.of_kind("fault", "fault-over"):
        who = _AT.get(line["target"][:1], Who.METER)
        yield Step(line["at"], who, who, line["kind"], line["fault"], line["target"])


# --- choosing and folding ------------------------------------------------------------------------


def _of_order(found: list[Step], records: Iterable[Record], number: int) -> Iterator[Step]:
    """What names the order, and what its meter exchanged while it was under way."""
    order = next((each.order for each in records if each.order.number == number), None)
    if order is None:
        return
    begun = round(order.accepted_at.timestamp() * 1e6)
    ended = begun if order.ended_at is None else round(order.ended_at.timestamp() * 1e6)
    meters = (Who.METER, Who.MDM)
    for step in found:
        near = begun - 1_000_000 <= step.at_us <= ended + 1_000_000
        of_meter = step.device == order.meter and near
        if step.order == number or (
            step.order is None and of_meter and (step.source in meters or step.target in meters)
        ):
            yield step


def _folded(found: list[Step]) -> Iterator[Step]:
    """Steps alike that follow each other become one: the first's time, and how many there were."""
    last: Step | None = None
    until_us = 0
    for step in found:
        if last is not None and _alike(last, step) and step.at_us - until_us < FOLD_WITHIN_US:
            last = _joined(last, step)
        else:
            if last is not None:
                yield last
            last = step
        until_us = step.at_us
    if last is not None:
        yield last


def _alike(one: Step, other: Step) -> bool:
    return (
        (one.source, one.target, one.word, one.broken, one.order)
        == (other.source, other.target, other.word, other.broken, other.order)
        and bool(one.word)
        and not one.word.startswith("order-")
        and (one.both or one.detail == other.detail or one.device == other.device)
    )


def _joined(one: Step, other: Step) -> Step:
    devices = one.device.split(" ")
    if other.device and other.device not in devices:
        devices.append(other.device)
    return replace(
        one,
        count=one.count + other.count,
        frames=one.frames + other.frames,
        lost=one.lost + other.lost,
        device=" ".join(devices),
        detail=one.detail if one.detail == other.detail else "",
        asked=tuple((Counter(dict(one.asked)) + Counter(dict(other.asked))).items()),
    )
