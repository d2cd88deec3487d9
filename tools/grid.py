"""`ami grid`: the power flow of a network from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from devices.grid.errors import BadNetwork, NotConverged
from devices.grid.report import Report, problem_of, read, reported
from tools.options import Json
from tools.terminal import complain, err, failed, out, print_json, show, wrong_usage

app = typer.Typer(help="The electrical grid: power flow of a file's network.", no_args_is_help=True)

NOTES_SHOWN = 10


@app.callback()
def _grid() -> None:
    """The electrical grid: power flow of a file's network."""


@app.command()
def solve(
    dss: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An OpenDSS script; OpenDSS is not needed.")
    ] = None,
    cim: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A CIM100 model in RDF/XML.")
    ] = None,
    json: Json = False,
) -> None:
    """Solve the three-phase power flow: each node's voltage, the head's power, losses, taps.

    What the file holds and is not modelled is told on stderr, with its line.  Exit code 1 where
    there is no solution, 2 where the file cannot be understood; with --json an object "error" says
    why (code no-solution, bad-network), where, and what to do.

    With --json: circuit, frequency_hz, converged, iterations; nodes, each with bus, phase, pu,
    degrees, volts and base_volts; head, head_phases, load, losses and shunts in kw and kvar; taps,
    notes, isolated.

    Example: [bold]ami grid solve --dss IEEE13Nodeckt.dss --json[/]
    """
    if (dss is None) == (cim is None):
        wrong_usage("name one file: --dss FILE or --cim FILE")
    try:
        report = reported(read(dss=dss, cim=cim))
    except (BadNetwork, NotConverged) as error:
        problem = problem_of(error, (dss or cim or Path()).name)
        if json:
            print_json({"converged": False, "error": problem})
        end = failed if isinstance(error, NotConverged) else wrong_usage
        end(problem.text, problem.next_step)
    if json:
        print_json(report)
        return
    _tell(report)


def _tell(report: Report) -> None:
    table = Table("bus", "node")
    for column in ("pu", "degrees", "volts", "base V"):
        table.add_column(column, justify="right")
    for node in report.nodes:
        table.add_row(
            node.bus,
            str(node.phase),
            f"{node.pu:.6f}",
            f"{node.degrees:.4f}",
            f"{node.volts:.2f}",
            f"{node.base_volts:.1f}",
        )
    show(table)
    phases = ", ".join(f"{each.kw:.3f} kW {each.kvar:+.3f} kvar" for each in report.head_phases)
    out.print(f"head    {report.head.kw:.3f} kW {report.head.kvar:+.3f} kvar ({phases})")
    out.print(f"load    {report.load.kw:.3f} kW {report.load.kvar:+.3f} kvar")
    out.print(f"losses  {report.losses.kw:.3f} kW {report.losses.kvar:+.3f} kvar")
    for name, taps in report.taps.items():
        if any(tap != 1 for tap in taps):
            out.print(f"taps    {name}: {', '.join(f'{tap:g}' for tap in taps)}")
    err.print(f"{report.circuit}: solved in {report.iterations} iterations", markup=False)
    for note in report.notes[:NOTES_SHOWN]:
        complain(f"note: {note}")
    if report.notes[NOTES_SHOWN:]:
        complain(f"and {len(report.notes) - NOTES_SHOWN} notes more; --json has all")
