"""`ami demo`: a newcomer's first minute.  One order succeeds, three fail, each with its reason.

Own broker, own store, SOAP over real HTTP, and a simulated field behind it.  Exit code 0 when every
order ended as it should.  `ami demo --svg FILE` draws the picture in the README.  `ami demo
--serve` is something else: a living small division (`tools.demo.division`).
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from devices.clock import stopwatch
from headend.app.serving import Running
from headend.app.sessions import Bus, MosquittoFailed
from scenarios.demo import Stage, stage
from scenarios.demo_moments import Moment, Played
from scenarios.division.making import sized
from scenarios.division.standing import Wanted
from tools.demo import division
from tools.demo import outcome as shown_outcome
from tools.demo.story import Story, value_read
from tools.order.command import http_post
from tools.terminal import complain, err, failed, log_to_stderr, print_json, wrong_usage

WIDTH = 118  # where there is no terminal to ask
PICTURED = (1, 4)  # chapters that the picture tells; it has to end somewhere
NIGHT = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
)


def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="A living small division to look at, until Ctrl-C.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Directory for the databases, kept afterwards.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
    svg: Annotated[
        Path | None, typer.Option(hidden=True, help="Draw what is shown, its first order only.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the pages, with --serve [a free one].")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Which division, with --serve.")] = 7,
    feeders: Annotated[int, typer.Option(min=1, max=100, help="Of the division.")] = 20,
    meters: Annotated[int, typer.Option(min=1, max=5000, help="Of the division.")] = 1000,
    days: Annotated[int, typer.Option(min=1, max=35, help="Of history.")] = 30,
    verbose: Annotated[bool, typer.Option(help="Log what happens.")] = False,
) -> None:
    """A power-limit order from SOAP to a meter and back, and three that fail, each with its reason.

    Starts its own broker, head-end and field, and sends the orders over HTTP as a commercial system
    would.  Takes half a minute.

    With --serve a living small division comes up instead: pages, a field, the utility's other
    systems, and a month behind it. It says where to look, and stays until Ctrl-C.

    Example: [bold]ami demo --serve[/]
    Example: [bold]ami demo --serve --port 8090 --keep division[/]
    """
    log_to_stderr(verbose=verbose)
    try:
        with _directory(keep, stays=not json and not serve) as directory:
            if serve:
                wanted = Wanted(
                    folder=directory, seed=seed, size=sized(feeders, meters), days=days,
                    rest_port=port, verbose=verbose,
                )  # fmt: skip
                division.show(wanted, json=json, kept=keep is not None)
                return
            ok = asyncio.run(_Demo(directory, json=json, svg=svg).run())
    except MosquittoFailed as error:
        failed(str(error))
    except _NoRoom as error:
        wrong_usage(str(error), "Name another directory: ami demo --keep DIR")
    if not ok:
        raise typer.Exit(1)


class _NoRoom(Exception):
    """The databases cannot lie there."""


@contextmanager
def _directory(keep: Path | None, *, stays: bool) -> Iterator[Path]:
    """Where the databases lie.  In a person's run they stay, so that `ami explain` finds them."""
    if keep is not None:
        if (keep / "ami.db").exists():
            raise _NoRoom(f"{keep} holds the databases of an earlier run")
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _NoRoom(f"{keep}: {error.strerror}") from error
        yield keep
    elif stays:
        yield Path(tempfile.mkdtemp(prefix="ami-demo-"))
    else:
        with tempfile.TemporaryDirectory(prefix="ami-demo-") as directory:
            yield Path(directory)


class _Demo:
    """One run, and how it is told."""

    def __init__(self, directory: Path, *, json: bool, svg: Path | None) -> None:
        self._directory = directory
        self._json = json
        self._svg = svg
        self._console = Console(
            highlight=False, record=svg is not None, quiet=json, width=_width(svg)
        )
        self._elapsed = stopwatch()

    async def run(self) -> bool:
        """Play and tell; whether all ended as it should."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        try:
            async with stage(self._directory, http_post) as up:
                playing = asyncio.create_task(self._play(up))
                await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not playing.done():
                    playing.cancel()
                    await asyncio.gather(playing, return_exceptions=True)
                    err.print("stopped")
                    return True
                outcome = playing.result()
                whole = up.field_whole
                self._tell_end(up, outcome)
        finally:
            stopping.cancel()
        return whole and all(played.ok for played in outcome)

    async def _play(self, up: Stage) -> tuple[Played, ...]:
        if not up.over_mqtt and self._json:
            complain(NO_MOSQUITTO)
        self._show(shown_outcome.opening(up, _broker(up.running), str(self._directory)))
        chapters = len(up.scenario.order) + 1
        told = PICTURED if self._svg is not None else None
        story = Story(self._console, datetime.now(UTC), chapters, told)

        def tell(moment: Moment) -> None:
            if not self._json:
                story.tell(moment)

        try:
            return await up.play(tell)
        finally:
            story.close()

    def _tell_end(self, up: Stage, outcome: Sequence[Played]) -> None:
        if self._json:
            print_json(self._as_json(up, outcome))
            return
        if self._svg is not None:
            self._show(Text("\n… orders 2 and 3 are told in the same way.", "dim italic"))
        self._show(shown_outcome.replies(outcome))
        self._show(shown_outcome.verdict(outcome, self._elapsed(), whole=up.field_whole))
        if self._svg is not None:
            self._svg.write_text(_picture(self._console), encoding="utf-8")
        database = str(self._directory / "ami.db")
        self._show(Text())
        self._show(Rule(Text("Next", "bold"), align="left", style="dim"))
        for line in shown_outcome.what_next(_program(), database=database):
            self._console.print(line, soft_wrap=True)  # to be copied: no line break inside

    def _show(self, part: RenderableType) -> None:
        self._console.print(part)

    def _as_json(self, up: Stage, outcome: Sequence[Played]) -> dict[str, object]:
        broker = up.running.broker
        return {
            "ok": up.field_whole and all(played.ok for played in outcome),
            "field_whole": up.field_whole,
            "seconds": round(self._elapsed(), 3),
            "soap": up.running.soap_url,
            "broker": "in-process bus" if isinstance(broker, Bus) else "mosquitto",
            "mqtt": None if isinstance(broker, Bus) else f"{broker.host}:{broker.port}",
            "database": up.config.database,
            "orders": [_order_json(number, played) for number, played in enumerate(outcome, 1)],
        }


NO_MOSQUITTO = "Mosquitto is not on this machine: messages go over a bus inside this process."


def _broker(running: Running) -> str:
    if isinstance(running.broker, Bus):
        return f"{NO_MOSQUITTO} Everything else is the same."
    return f"Mosquitto of its own at {running.broker.host}:{running.broker.port}"


def _order_json(number: int, played: Played) -> dict[str, object]:
    order = played.order
    message = played.replies[0] if played.replies else None
    return {
        "order": number,
        "ok": played.ok,
        "expected": {"outcome": played.expected[0], "reason": played.expected[1]},
        "number": None if order is None else order.number,
        "transaction": None if order is None else order.transaction_id,
        "meter": played.spec.names()[0],
        "concentrator": None if order is None else order.concentrator,
        "wanted": f"{played.spec.kind} {played.spec.amount} {played.spec.unit}",
        "outcome": None if order is None else order.state,
        "reason": None if order is None else order.reason,
        "evidence": []
        if order is None
        else [{"source": item.source, "at": item.at, "text": item.text} for item in order.evidence],
        "value_read": None if order is None or order.value_read is None else str(order.value_read),
        "attempts": None if order is None else order.attempts,
        "seconds": shown_outcome.seconds(played),
        "replies": len(played.replies),
        "reply": None
        if message is None or message.reply is None
        else {
            "result": message.reply.result,
            "errors": [
                {"code": error.code, "level": error.level, "details": error.details}
                for error in message.reply.errors
            ],
            "value_read": value_read(message),
        },
        "unsettled": list(played.unsettled),
    }


def _width(svg: Path | None) -> int | None:
    return None if svg is None and sys.stdout.isatty() else WIDTH


def _picture(console: Console) -> str:
    """What was shown, as SVG that fetches nothing from elsewhere."""
    drawn = console.export_svg(title="ami demo", clear=False, theme=NIGHT)
    drawn = re.sub(r"@font-face\s*\{.*?\}\s*", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("<!-- Generated with Rich https://www.textualize.io -->", "")
    drawn = LEADING.sub(_moved_right, drawn)
    # ami-demo in place of an id made of the content, so that another run changes little.
    return re.sub(r"terminal-\d+", "ami-demo", drawn)


# Blanks at the start of a piece of text, which some programs that draw SVG leave out.
LEADING = re.compile(r'x="([0-9.]+)"( y="[0-9.]+") textLength="([0-9.]+)"([^>]*)>((?:&#160;)+)')
CELL = 12.2  # a character's width in Rich's SVG


def _moved_right(match: re.Match[str]) -> str:
    """The piece without its leading blanks, where it was."""
    x, y, length, rest, blanks = match.groups()
    shift = CELL * blanks.count("&#160;")
    return f'x="{float(x) + shift:g}"{y} textLength="{float(length) - shift:g}"{rest}>'


def _program() -> str:
    """How this program is called here: `ami`, or its path where it is on no search path."""
    if shutil.which("ami"):
        return "ami"
    here = os.path.relpath(sys.argv[0])
    return shlex.quote(here if len(here) < len(sys.argv[0]) else sys.argv[0])
