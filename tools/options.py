"""Options that many commands share, so that each word means the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The head-end's configuration file (TOML).")
]
Database = Annotated[str, typer.Option("--database", help="Database URL, or a file's path.")]
OtherDatabase = Annotated[
    str | None, typer.Option("--database", help="Database URL, or a file's path; else configured.")
]
"""Beside a configuration, which names one."""
