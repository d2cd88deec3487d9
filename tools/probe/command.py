"""`ami probe`: the technician's tool.  Works offline, with no server; without a verb, a screen."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

import typer

from tools.job import device as job_device
from tools.probe.desk import run
from tools.probe.options import Options, shared_parameters
from tools.probe.options import verb as _verb

app = typer.Typer(
    name="probe",
    help=__doc__,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Function = Callable[..., Awaitable[Any]]


def verb(name: str, *, of: typer.Typer | None = None) -> Callable[[Function], Function]:
    """Make `ami probe NAME` of a function."""
    group = "" if of is None else f"{of.info.name} "
    return _verb(of or app, name, lambda _, *rest: run(f"{group}{name}", *rest))


def group(name: str, about: str) -> typer.Typer:
    """A verb that has verbs of its own."""
    under = typer.Typer(name=name, help=about, no_args_is_help=True)
    app.add_typer(under)
    return under


def _probe(ctx: typer.Context, **given: Any) -> None:
    """Read, set and diagnose a meter: optical probe, serial line, TCP or UDP.  Works offline.

    Without a verb it opens a screen with live values.  Passwords and keys come from
    AMI_PROBE_PASSWORD, AMI_PROBE_KEY and AMI_PROBE_AUTH_KEY, from --key-file, or by a question.

    Begin with: [bold]ami probe identify --port /dev/ttyUSB0[/]
    """
    told = {
        name: value
        for name, value in given.items()
        if ctx.get_parameter_source(name).name == "COMMANDLINE"  # type: ignore[union-attr]
    }
    if ctx.invoked_subcommand is not None:
        # Options before the verb count as well, and before a group's verb.
        verbs = getattr(ctx.command, "commands", {})
        under = getattr(verbs.get(ctx.invoked_subcommand), "commands", {})
        ctx.default_map = {ctx.invoked_subcommand: told | dict.fromkeys(under, told)}
        return
    from tools.probe.screen import open_screen

    options = {each.name: given[each.name] for each in fields(Options)}
    run("screen", Options(**options), open_screen, {})


_context = inspect.Parameter(
    "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
)
_parameters = [_context, *shared_parameters()]
_probe.__signature__ = inspect.Signature(_parameters)  # type: ignore[attr-defined]
_probe.__annotations__ = {each.name: each.annotation for each in _parameters}
app.callback(invoke_without_command=True)(_probe)
app.add_typer(job_device.app)
