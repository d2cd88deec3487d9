"""The `ami` command: `ami NOUN VERB`, results on stdout, everything else on stderr.

Exit codes: 0 done; 1 it ended badly; 2 wrong usage; 3 a mistake of the program itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tools.interrupting import never_lost
from tools.terminal import complain, log_to_stderr, out, spoken_with, told_to_machines

# A grid's solution must not depend on a machine's cores; NumPy reads this when it is first loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Each command's module, imported only when the command is used: the head-end and the field together
# take a second to import, which `ami --version` and a wrong option need not wait for.
COMMANDS = (
    "demo", "serve", "field", "sim", "fleet", "channel", "order", "campaign", "job", "explain",
    "concentrator", "meter", "tariff", "place", "shipment", "collection", "event", "incident",
    "notify", "firmware", "access", "account", "token", "audit", "database", "legacy", "backup",
    "warehouse", "sla", "why", "task", "feeder",
    "report", "bus", "cim", "probe", "dlms", "capture", "grid", "bench",
)  # fmt: skip


# Nouns none of whose verbs acts on a head-end's database: they need not import what asks.
_APART = frozenset(
    {
        "demo",
        "serve",
        "field",
        "sim",
        "channel",
        "bus",
        "cim",
        "probe",
        "dlms",
        "capture",
        "grid",
        "bench",
    }
)

_UsageError: Any = typer.BadParameter.__base__  # the base is not public


class _Commands(TyperGroup):
    """`ami NOUN`: the function of that name in the module of that name, or its `app` of verbs."""

    def main(self, args: Any = None, *rest: Any, **options: Any) -> Any:
        log_to_stderr()  # results alone go to stdout, whatever a command finds worth a line
        with spoken_with(sys.argv[1:] if args is None else args):
            return super().main(args, *rest, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except _UsageError as error:  # an unknown option, a number that is none, …
            help_ = f"{getattr(error, 'ctx', None) and error.ctx.command_path or 'ami'} --help"
            told_to_machines("wrong-usage", error.format_message(), help_)
            raise

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"tools.{cmd_name}")
        if hasattr(module, "__path__") and not hasattr(module, "app"):  # a folder of one noun
            module = import_module(f"tools.{cmd_name}.command")
        verbs = getattr(module, "app", None)
        if verbs is None:
            verbs = typer.Typer(
                add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
            )
            verbs.command(cmd_name)(getattr(module, cmd_name))
        command = typer.main.get_command(verbs)
        command.name = cmd_name
        if cmd_name not in _APART:
            import_module("tools.acting").bound(cmd_name, command)
        return command


app = typer.Typer(
    cls=_Commands,
    name="ami",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        out.print(f"ami-headend {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return version("ami-headend")
    except PackageNotFoundError:
        return "(not installed: run from its sources)"


@app.callback()
def _ami(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    """An AMI head-end system, and the field of meters and concentrators that it talks to.

    Results go to stdout, everything else to stderr.  Exit codes: 0 done, 1 it ended badly, 2 wrong
    usage, 3 a mistake of the program itself, 130 interrupted by Ctrl-C.

    Begin with: [bold]ami demo[/]
    """


def main() -> None:
    """The console script."""
    try:
        with never_lost():
            app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(1) from None
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        raise SystemExit(1) from None
    except Exception as error:
        complain(
            f"this is a mistake in ami itself: {type(error).__name__}: {_first_line(error)}",
            f"What it was doing is in {_trace_file()}; please report it with that file.",
        )
        raise SystemExit(3) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")


def _trace_file() -> str:
    """Where the stack of the exception in hand was written."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="ami-mistake-", suffix=".txt", encoding="utf-8", delete=False
        ) as file:
            file.write(f"ami-headend {_version()}\n{traceback.format_exc()}")
    except OSError as error:
        return f"no file ({error.strerror})"
    return file.name
