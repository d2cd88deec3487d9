"""Options that many commands share, so that each word means the same everywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tools.terminal import wrong_usage

TOKEN = "AMI_TOKEN"

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The head-end's configuration file (TOML).")
]
Database = Annotated[str, typer.Option("--database", help="Database URL, or a file's path.")]
OtherDatabase = Annotated[
    str | None,
    typer.Option(
        "--database", help="Database URL, or a file's path [the configured one, or ami.db]."
    ),
]
"""Beside a configuration, which names one."""

TokenFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help=f"What holds your token, where accounts are asked for; else {TOKEN}."
    ),
]


def token_shown(file: str | None) -> str | None:
    """The text of the token that was shown; None where none was.  Ends the command for a file that
    holds none."""
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        wrong_usage(f"no token in {file}: {error}", "One line holds it: ami token create > FILE")
