"""The options that every verb takes, and how a verb is made of a function.

typer has no options that several commands share, so `verb` writes them into each one's signature.
A function behind a verb gets a `Desk`, and its own options by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from headend.models import Framing
from tools.authentication import ALIASES, METAVAR, Auth, auth_of

_WAY, _WHO, _OUT = "The way to the meter", "Who we are to the meter", "Output"


def _option(*names: str, panel: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, **more)


@dataclass(frozen=True, slots=True)
class Options:
    """What is the same for every verb."""

    port: Annotated[
        str,
        _option(
            "--port",
            panel=_WAY,
            envvar="AMI_PROBE_PORT",
            help="/dev/ttyUSB0, tcp://HOST:PORT or udp://HOST:PORT.",
        ),
    ] = ""
    framing: Annotated[
        Framing | None,
        _option("--framing", panel=_WAY, help="The model's, one after the other, if not given."),
    ] = None
    model: Annotated[
        str,
        _option(
            "--model",
            panel=_WAY,
            envvar="AMI_PROBE_MODEL",
            help="Kind of meter: a file of headend/models, or of --models.",
        ),
    ] = "generic"
    models: Annotated[
        Path | None,
        _option("--models", panel=_WAY, envvar="AMI_PROBE_MODELS", help="Folder of your models."),
    ] = None
    server: Annotated[
        int | None, _option("--server", panel=_WAY, help="Logical device.", min=0, max=0x3FFF)
    ] = None
    physical: Annotated[
        int | None,
        _option("--physical", panel=_WAY, help="HDLC physical address.", min=0, max=0x3FFF),
    ] = None
    address: Annotated[
        str, _option("--address", panel=_WAY, help="Device address of mode E, on a shared line.")
    ] = ""
    timeout: Annotated[
        str, _option("--timeout", panel=_WAY, help="How long to wait for an answer, such as 30s.")
    ] = ""
    role: Annotated[
        str,
        _option("--role", panel=_WHO, help="Association of the model: public, reader, management."),
    ] = ""
    client: Annotated[
        int | None, _option("--client", panel=_WHO, help="Client address.", min=0, max=0xFFFF)
    ] = None
    auth: Annotated[
        Auth | None,
        _option(
            "--auth",
            panel=_WHO,
            parser=auth_of,
            metavar=METAVAR,
            help=f"How to prove ourselves; the model's. {ALIASES.capitalize()}.",
        ),
    ] = None
    suite: Annotated[
        int | None,
        _option("--suite", panel=_WHO, help="Security suite; the key pair's.", min=0, max=2),
    ] = None
    meter: Annotated[
        str,
        _option(
            "--meter",
            panel=_WHO,
            envvar="AMI_PROBE_METER",
            help="A meter of the keyring, with what is kept of it: ami probe keys.",
        ),
    ] = ""
    kit_key: Annotated[
        Path | None,
        _option(
            "--kit-key",
            panel=_WHO,
            help="Key file of the keyring; else AMI_PROBE_PASSPHRASE, or a question.",
        ),
    ] = None
    key_file: Annotated[
        Path | None,
        _option(
            "--key-file",
            panel=_WHO,
            envvar="AMI_PROBE_KEY_FILE",
            help="TOML or JSON with password, encryption_key, authentication_key, key pairs.",
        ),
    ] = None
    password: Annotated[
        str | None,
        _option("--password", panel=_WHO, help="Seen by others here: better AMI_PROBE_PASSWORD."),
    ] = None
    key: Annotated[
        str | None,
        _option("--key", panel=_WHO, help="Encryption key, hexadecimal: better AMI_PROBE_KEY."),
    ] = None
    auth_key: Annotated[
        str | None,
        _option("--auth-key", panel=_WHO, help="Authentication key: better AMI_PROBE_AUTH_KEY."),
    ] = None
    signing_key: Annotated[
        Path | None,
        _option(
            "--signing-key",
            panel=_WHO,
            envvar="AMI_PROBE_SIGNING_KEY",
            help="File of our private key, PEM, suites 1 and 2.",
        ),
    ] = None
    meter_key: Annotated[
        Path | None,
        _option(
            "--meter-key",
            panel=_WHO,
            envvar="AMI_PROBE_METER_KEY",
            help="File of the meter's certificate, or its public key, suites 1 and 2.",
        ),
    ] = None
    was_reset: Annotated[
        bool,
        _option(
            "--meter-was-reset",
            panel=_WHO,
            help="It lost its memory: take its messages though their counters went back.",
        ),
    ] = False
    as_json: Annotated[bool, _option("--json", panel=_OUT, help="One JSON object on stdout.")] = (
        False
    )
    export: Annotated[
        Path | None,
        _option("--export", panel=_OUT, help="FILE.csv, FILE.parquet, FILE.json or FILE.xml."),
    ] = None
    lang: Annotated[str, _option("--lang", panel=_OUT, help="en or es; LANG's, if not given.")] = ""
    trace: Annotated[bool, _option("--trace", panel=_OUT, help="Show every frame on stderr.")] = (
        False
    )
    home: Annotated[
        Path | None,
        _option(
            "--home",
            panel=_OUT,
            envvar="AMI_PROBE_HOME",
            help="Folder of journal, counters and this probe's title.",
        ),
    ] = None


Run = Callable[[str, Options, Callable[..., Awaitable[Any]], dict[str, Any]], None]


def verb(
    app: typer.Typer, name: str, run: Run
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
    """Make a command of a function whose first argument is the desk."""

    def made(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        hints = get_type_hints(function, include_extras=True)
        own = [
            each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for each in list(inspect.signature(function).parameters.values())[1:]
        ]

        def command(**given: Any) -> None:
            options = Options(**{each.name: given.pop(each.name) for each in fields(Options)})
            run(name, options, function, given)

        parameters = [*own, *shared_parameters()]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        command.__doc__ = function.__doc__
        app.command(name)(command)
        return function

    return made


def shared_parameters() -> list[inspect.Parameter]:
    """The options as a signature has them."""
    hints = get_type_hints(Options, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=hints[each.name],
        )
        for each in fields(Options)
    ]
