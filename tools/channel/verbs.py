"""What the verbs of `ami channel` share."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="What the simulated power line does to frames: error rates, polling times.",
    no_args_is_help=True,
)
