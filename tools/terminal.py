"""How commands speak: results on stdout, words to people on stderr, colour only on a terminal."""

from __future__ import annotations

import enum
import io
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import msgspec
import structlog
import typer
from rich.console import Console, RenderableType

from tools.interrupting import is_no_interruption

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)

STYLES = {
    "done": "bold green",
    "failed": "bold red",
    "rejected": "red",
    "expired": "red",
    "cancelled": "yellow",
    "unknown": "magenta",
    "queued": "cyan",
    "dispatched": "blue",
    "executing": "blue",
}


def complain(text: str, advice: str | None = None) -> None:
    """Tell a person what went wrong, and what to do next."""
    err.print(f"[bold red]ami:[/] {_escape(text)}", soft_wrap=True)
    if advice:
        err.print(f"     {_escape(advice)}", soft_wrap=True)


def wrong_usage(text: str, advice: str | None = None, *, code: str = "wrong-usage") -> NoReturn:
    """End with exit code 2: what was said, or given, is not what can be used."""
    complain(text, advice)
    told_to_machines(code, text, advice)
    raise typer.Exit(2)


def failed(text: str, advice: str | None = None, *, code: str = "failed") -> NoReturn:
    """End with exit code 1: it was right to ask, and ended badly."""
    complain(text, advice)
    told_to_machines(code, text, advice)
    raise typer.Exit(1)


@dataclass(slots=True)
class _Speech:
    """How a command speaks: whether with machines, and whether it has said its word already."""

    for_machines: bool = False
    said: bool = False


_speech: ContextVar[_Speech | None] = ContextVar("speech", default=None)


@contextmanager
def spoken_with(arguments: Sequence[str]) -> Iterator[None]:
    """Within it, errors of a command called with --json are an object on stdout as well."""
    token = _speech.set(_Speech("--json" in arguments))
    try:
        yield
    finally:
        _speech.reset(token)


def told_to_machines(code: str, text: str, advice: str | None = None) -> None:
    """`{"error": {"code": …, "text": …, "next_step": …}}` on stdout, where --json was said and
    nothing has been told yet: what was says itself how it ended."""
    speech = _speech.get()
    if speech is not None and speech.for_machines and not speech.said:
        print_json({"error": {"code": code, "text": text, "next_step": advice}})


def print_json(value: Any) -> None:
    """One JSON value on stdout, indented on a terminal."""
    if (speech := _speech.get()) is not None:
        speech.said = True
    octets = msgspec.json.encode(value)
    if sys.stdout.isatty():
        octets = msgspec.json.format(octets, indent=2)
    sys.stdout.write(octets.decode() + "\n")
    sys.stdout.flush()


WIDTH = 10_000  # of a pipe or a file, which have none


def show(rendered: RenderableType) -> None:
    """A table or a tree on stdout: fitted to a terminal, but whole and unpadded in a pipe."""
    if out.is_terminal:
        out.print(rendered, soft_wrap=False)
        return
    page = Console(file=io.StringIO(), width=WIDTH, highlight=False)
    with page.capture() as capture:
        page.print(rendered)
    for line in capture.get().splitlines():
        out.file.write(f"{line.rstrip()}\n")


def styled(state: str) -> str:
    return f"[{STYLES.get(state, 'default')}]{state}[/]"


def clock_text(at: datetime | None) -> str:
    """A time as a person reads it in a log: UTC, milliseconds where there are any."""
    if at is None:
        return "-"
    text = f"{at:%Y-%m-%d %H:%M:%S}"
    return f"{text}.{at.microsecond // 1000:03d}" if at.microsecond else text


class LogForm(enum.StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


def log_to_stderr(*, verbose: bool = False, form: LogForm = LogForm.TEXT) -> None:
    """Logs of a long-running command: one line each, on stderr, in words or as a JSON object.  What
    is logged of work on an order carries `order`, `meter` and `concentrator`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(is_no_interruption)
    logging.basicConfig(
        handlers=[handler], level=logging.WARNING, format="%(levelname)s %(message)s"
    )
    _hush_libraries()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.INFO if verbose else logging.WARNING
        ),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _written(form),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _written(form: LogForm) -> structlog.typing.Processor:
    if form is LogForm.JSON:
        return structlog.processors.JSONRenderer(default=str)
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer(colors=True)
    return structlog.processors.LogfmtRenderer()


def _hush_libraries() -> None:
    """aiomqtt and asyncua log each broken connection, and what a server grants; what that means is
    said by whoever owns the session."""
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)


def log_nothing() -> None:
    """For commands that say themselves what happened: a head-end inside them keeps quiet."""
    _hush_libraries()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
