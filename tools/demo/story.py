"""The demonstration as a person reads it: who said what to whom, when, and how it ended.

Steps are numbered as in the customer's use case (seed 004, table 2).  Orders that run side by side
are told one after the other; what happens to the next ones meanwhile waits its turn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.status import Status
from rich.table import Table
from rich.text import Text

from headend.domain.order import State
from protocols.cim import end_device_controls
from protocols.cim.end_device_controls import POWER_LIMIT_UNIT, READ_BACK
from protocols.cim.envelope import Message
from protocols.concentrator.messages import Apdu, LimitRead, Result
from scenarios.demo_moments import (
    Acknowledged,
    Ended,
    Moment,
    Moved,
    Queued,
    Replied,
    Sent,
    Tried,
    Turn,
    Turned,
)
from tools.dlms.apdu_text import Telling
from tools.terminal import STYLES

COMMERCIAL, PLATFORM, HEAD_END, METER = "commercial", "integration", "head-end", "meter"
OPERATOR, BROKER = "mobile operator", "broker"
TITLES = (
    "A new limit reaches the meter and is read back",
    "The meter refuses the new limit",
    "The meter is silent; its module on the power line is not",
    "The mobile operator bars the concentrator's SIM",
    "The SIM is let in again: the field is whole",
)
PROOFS = {
    # What stays ciphered between association and services: pass 3 and 4 of HLS (Green Book 9.2.2).
    b"\xcb": "proves itself: reply_to_HLS_authentication, ciphered",
    b"\xcf": "the meter proves itself, ciphered",
}
WAITING = {
    # what a terminal says while nothing is to be told, where it is not the order alone
    4: "the broker waits for a word of the concentrator",
    5: "the modem looks for its network",
}
RELEASES = frozenset({0x62, 0x63})  # RLRQ, RLRE: nothing is learned from them


TURNS = {
    # who does it, to whom, and what that means ("{}" is the concentrator)
    Turn.BARRED: (OPERATOR, "{}", "bars the SIM: the modem loses its network, without a farewell"),
    Turn.LOST: (BROKER, HEAD_END, "last will of {}: nothing comes from it any more"),
    Turn.ADMITTED: (OPERATOR, "{}", "lets the SIM in again: the modem registers anew"),
    Turn.BACK: ("{}", HEAD_END, "on line again; its own log of faults follows"),
}
TIME_WIDTH, STEP_WIDTH, WAY_WIDTH = 6, 3, 25
TEXT_FROM = TIME_WIDTH + STEP_WIDTH + WAY_WIDTH + 3  # one blank after each


class Story:
    """Tells moments on a console, chapter by chapter: one for each order, and one that closes.

    `began` is the zero of its times; chapters other than `told` are passed over.
    """

    def __init__(
        self, console: Console, began: datetime, chapters: int, told: Collection[int] | None = None
    ) -> None:
        self._console = console
        self._began = began
        self._chapters = [each for each in range(1, chapters + 1) if told is None or each in told]
        self._waiting: dict[int, list[Moment]] = {number: [] for number in self._chapters}
        self._held: dict[int, Moved] = {}  # told together with what follows
        self._concentrator: dict[int, str] = {}
        self._over: set[int] = set()  # orders whose end was told
        self._title_told = False
        self._chapter_over = False
        self._latest = began
        self._status: Status | None = None

    def tell(self, moment: Moment) -> None:
        """Tell a moment, or keep it until its chapter.  What is found out of an order after its end
        belongs to the chapter that is open then."""
        if moment.order not in self._waiting:
            return
        chapter = moment.order
        if self._chapters and chapter < self._chapters[0]:
            chapter = self._chapters[0]
        self._waiting[chapter].append(moment)
        while self._chapters:
            self._tell_waiting(self._chapters[0])
            if not self._chapter_over:
                break
            self._chapters.pop(0)
            self._title_told = False
        self._show_status()

    def close(self) -> None:
        """End whatever still moves."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _tell_waiting(self, chapter: int) -> None:
        waiting, self._waiting[chapter] = self._waiting[chapter], []
        self._chapter_over = False
        for moment in waiting:
            if not self._title_told:
                self._title_told = True
                title = Text(f"{chapter}  {TITLES[chapter - 1]}", "bold")
                if moment.at < self._latest:
                    title.append("  meanwhile", "dim")
                self._print(Text(), Rule(title, align="left", style="dim"))
            self._latest = max(self._latest, moment.at)
            for line in self._lines(moment):
                self._print(line)
            self._chapter_over = isinstance(moment, Ended)

    def _print(self, *parts: RenderableType) -> None:
        for part in parts:
            self._console.print(part)

    def _show_status(self) -> None:
        """Something that moves while nothing is to be told; on a terminal only."""
        if not self._console.is_terminal or self._console.record:
            return
        if not self._chapters:
            self.close()
            return
        words = WAITING.get(self._chapters[0], f"order {self._chapters[0]} is under way")
        if self._status is None:
            self._status = self._console.status(words, spinner="dots")
            self._status.start()
        else:
            self._status.update(words)

    # --- moments ---------------------------------------------------------------------------------

    def _lines(self, moment: Moment) -> Iterator[RenderableType]:
        at = moment.at
        match moment:
            case Sent(wanted=wanted, octets=octets):
                wish = Text.assemble(
                    ("create EndDeviceControls", "bold"),
                    f": {wanted.kind} {wanted.amount} {wanted.unit}, meter {wanted.meters[0]}",
                )
                yield self._line(at, "1", COMMERCIAL, PLATFORM, wish)
                how = Text(f"the same SOAP message over HTTP, {octets:,} octets")
                yield self._line(at, "2", PLATFORM, HEAD_END, how)
            case Acknowledged(answered=answered, seconds=seconds):
                text = Text.assemble(
                    (f"Reply {answered.text}", "bold"),
                    f": accepted and stored, after {seconds * 1000:.0f} ms",
                )
                text.append(f"  transaction {(answered.transaction_id or '-')[:8]}…", "dim")
                yield self._line(at, "2", HEAD_END, COMMERCIAL, text)
            case Moved(line=line):
                yield from self._moved(moment, line.state, line.cause)
            case Tried():
                yield from self._tried(moment)
            case Queued(message=message, octets=octets):
                style = "" if message.kind == "reply" else "dim"
                text = Text(f"result queue: {message.kind} {'OK' if message.ok else 'KO'}", style)
                text.append(f", {octets} octets", "dim")
                yield self._line(at, "8", HEAD_END, PLATFORM, text)
            case Replied(message=message):
                yield self._line(at, "9", PLATFORM, COMMERCIAL, _reply_text(message))
            case Turned(turn=turn, concentrator=name):
                sender, receiver, words = (part.format(name) for part in TURNS[turn])
                yield self._line(at, "", sender, receiver, Text(words, "yellow"))
            case Ended(order=number) if number in self._concentrator:
                self._over.add(number)
                text = Text("settled: receipt for the queue, row in the legacy database", "dim")
                yield self._line(at, "", HEAD_END, "", text)

    def _moved(self, moment: Moved, state: State, cause: str) -> Iterator[RenderableType]:
        number, step, to = moment.order, "", ""
        if number in self._over:
            text = Text(f"order {number}: {cause}")
            yield self._line(moment.at, "", HEAD_END, "", text)
            return
        if state in (State.RECEIVED, State.EXECUTING):
            # The message was told when it left; its storing is told with the attempt, in place.
            self._held[number] = moment
            return
        if state is State.VALIDATED:
            step = "3"
        elif state is State.QUEUED and moment.line.attempt is None:
            self._held.pop(number, None)
            self._concentrator[number] = cause.rpartition(" ")[2]
            step = "3"
        elif state is State.DISPATCHED:
            step, to = "4", self._concentrator[number]
        yield self._line(moment.at, step, HEAD_END, to, _state_text(state, cause))

    def _tried(self, moment: Tried) -> Iterator[RenderableType]:
        concentrator, result = self._concentrator[moment.order], moment.result
        lines: list[tuple[datetime, RenderableType]] = []
        if (held := self._held.pop(moment.order, None)) is not None:
            text = Text("command stored, with the last moment at which it may act")
            lines.append((held.at, self._line(held.at, "4", concentrator, HEAD_END, text)))
        for asked, answer in _pairs(() if result is None else result.apdus):
            at, step = (answer[0], "5 6") if answer else (asked[0], "5")
            text = self._exchange(asked[1], None if answer is None else answer[1])
            line = self._line(at, step, concentrator, METER, text, both_ways=answer is not None)
            lines.append((at, line))
        yield from (line for _, line in sorted(lines, key=lambda each: each[0]))
        if result is not None:
            yield self._line(moment.at, "7", concentrator, HEAD_END, _result_text(result))

    def _exchange(self, asked: str, answer: str | None) -> Text:
        """A request and its answer: on one line where there is room."""
        object_, _, members = asked.partition(": ")
        if answer is not None and asked.startswith("GET ") and ", " in members:
            asked = f"{object_}: {members.count(', ') + 1} attributes"  # the answer names them
        answer, style = ("no answer", "red") if answer is None else (answer, "cyan")
        room = self._console.width - TEXT_FROM
        apart = " → " if cell_len(f"{asked} → {answer}") <= room else "\n↳ "
        return Text.assemble(asked, (apart, "dim"), (answer, style))

    def _line(
        self,
        at: datetime,
        step: str,
        sender: str,
        receiver: str,
        text: Text,
        *,
        both_ways: bool = False,
    ) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=TIME_WIDTH, justify="right", style="dim")
        grid.add_column(width=STEP_WIDTH, justify="center", style="bold blue")
        grid.add_column(width=WAY_WIDTH, no_wrap=True)
        grid.add_column(ratio=1, overflow="fold")
        arrow = " ⇄ " if both_ways else " → "
        way = Text.assemble((sender, "default"), (arrow, "dim") if receiver else "", receiver)
        grid.add_row(f"{(at - self._began).total_seconds():.3f}", step, way, text)
        grid.expand = True
        return grid


def _pairs(
    apdus: Sequence[Apdu],
) -> Iterator[tuple[tuple[datetime, str], tuple[datetime, str] | None]]:
    """Requests with their answers, in words."""
    telling = Telling()
    asked: tuple[datetime, str] | None = None
    for apdu in apdus:
        octets = apdu.plain if apdu.plain is not None else apdu.wire
        said = apdu.at, PROOFS.get(octets[:1]) or telling.octets(octets)
        if octets[:1] and octets[0] in RELEASES:
            continue
        if apdu.direction == "down":
            if asked is not None:
                yield asked, None
            asked = said
        elif asked is not None:
            yield asked, said
            asked = None
    if asked is not None:
        yield asked, None


def _state_text(state: State, cause: str) -> Text:
    return Text.assemble((state, STYLES.get(state, "default")), f"  {cause}")


def _result_text(result: Result) -> Text:
    text = Text.assemble("result ", (result.status, "bold"))
    if result.refusal is not None:
        text.append(f": {result.refusal.service} answered {result.refusal.name}")
        text.append(f" ({result.refusal.code})")
    if result.limit is not None:
        text.append(f": limit read back {_limit(result.limit)}")
        if result.before is not None:
            text.append(f", was {_limit(result.before)}")
    if (link := result.link) is not None:
        summary = f"\n{len(result.frames)} PLC frames"
        summary += f"; the module acknowledged {link.link_acks} of {link.frames_sent}"
        if link.snr_db is not None:
            summary += f"; SNR {link.snr_db:.0f} dB"
        text.append(summary + f"; DLMS engine {result.engine}", "dim")
    return text


def _limit(read: LimitRead) -> str:
    return "none" if read.unlimited else f"{read.threshold_normal} {read.unit}"


def _reply_text(message: Message) -> Text:
    assert message.header is not None and message.reply is not None
    ok = message.reply.result == "OK"
    text = Text(f"XML {message.header.verb} {message.header.noun}: ")
    text.append(message.reply.result, STYLES["done" if ok else "failed"])
    if (value := value_read(message)) is not None:
        text.append(f", read back {value}")
    if not ok and message.reply.errors:
        first = message.reply.errors[0]
        text.append(f" {first.code} {first.key}")
    return text


def value_read(message: Message) -> str | None:
    """The value read back that a reply carries ("valor lectura"), with its unit."""
    for element in message.payload.content if message.payload is not None else ():
        for control in end_device_controls.read(element):
            if (value := control.attribute(READ_BACK)) is not None:
                return f"{value} {control.attribute(POWER_LIMIT_UNIT) or 'W'}"
    return None
