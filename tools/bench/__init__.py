"""`ami bench`: each compares with something in the same run, because machines differ."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.terminal import out, print_json

app = typer.Typer(help="Benchmarks.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Keeps `ami bench NAME` a group while there is one benchmark."""


@app.command("soap-accept")
def soap_accept(
    messages: Annotated[int, typer.Option(min=100, help="Orders in each round.")] = 2000,
    connections: Annotated[int, typer.Option(min=1, help="Open at once.")] = 32,
    rounds: Annotated[int, typer.Option(min=1, help="The median of so many.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Accepted orders per second, next to a bare Spyne service that stores nothing.

    Example: [bold]ami bench soap-accept --messages 5000[/]
    """
    from tools.bench.soap_accept import compare  # starts servers: too heavy for every `ami`

    run = compare(messages=messages, connections=connections, rounds=rounds)
    if json:
        print_json(run.as_dict())
    else:
        rows = (
            ("orders accepted, durably stored", run.accepted_per_s, run.accepted_p99_ms),
            ("the same door without a store", run.door_per_s, None),
            ("bare Spyne, nothing stored", run.bare_per_s, run.bare_p99_ms),
        )
        for name, per_s, p99_ms in rows:
            tail = "" if p99_ms is None else f"   p99 {p99_ms:.0f} ms"
            out.print(f"{name:32s} {per_s:7.0f}/s{tail}")
        out.print(f"ratio {run.ratio:.2f}; stored {run.stored} of {run.acknowledged} acknowledged")
    if run.stored != run.acknowledged:
        raise typer.Exit(1)
