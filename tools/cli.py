"""The `ami` command: `ami NOUN VERB`, results on stdout, everything else on stderr.

Exit codes: 0 done, 1 it ended badly, 2 wrong usage.
"""

from __future__ import annotations

import typer

from tools import bench, demo, explain, field, meter, order, serve, sim
from tools.terminal import complain

app = typer.Typer(
    name="ami",
    help="An AMI head-end system, and the field of meters and concentrators that it talks to.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("field")(field.field)
app.add_typer(sim.app, name="sim")
app.add_typer(order.app, name="order")
app.add_typer(explain.app, name="explain")
app.add_typer(meter.app, name="meter")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """The console script."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(1) from None
    except OSError as error:
        complain(str(error))
        raise SystemExit(1) from None
