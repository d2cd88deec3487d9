"""A script run from its first line to its last, with what each `solve` solves.

A snapshot is solved once; in the modes daily, yearly and dutycycle time moves on by a step before
each solution.  Where no control remembers anything, only the last of these counts, and only it is
solved.
"""

from __future__ import annotations

from pathlib import Path

from devices.grid.control import Waiting
from devices.grid.dss.controls import CapControl, RegControl
from devices.grid.dss.network import Network, built
from devices.grid.dss.script import Script
from devices.grid.errors import BadNetwork, NotConverged


def read(path: Path) -> Network:
    """The network of a script file.  Raises BadNetwork, naming file and line."""
    last: list[Network] = []
    waiting = Waiting()

    def solve(script: Script) -> None:
        last[:] = [_solved(script, waiting)]

    script = Script(solve=solve)
    try:
        script.run(path)
        network = last[0] if last and script.unchanged else built(script)
    except BadNetwork as error:
        if error.placed:
            raise
        raise BadNetwork.of_file(path.name, f"{path.name}: {error}") from error
    if not script.options.bases_wanted and not script.options.bus_bases:
        script.note("no CalcVoltageBases: per-unit values refer to the nearest of the usual bases")
    for each in script.objects.values():
        if each.ignored:
            told = ", ".join(sorted(each.ignored))
            script.notes.append(f"{each.where}: {each.full_name}: {told} not modelled")
    return network


def _solved(script: Script, waiting: Waiting) -> Network:
    options = script.options
    steps = 1 if options.mode == "snapshot" else options.number
    moving = options.controls and any(
        isinstance(each, RegControl | CapControl) and each.enabled
        for each in script.objects.values()
    )
    if options.mode != "snapshot":
        if not moving:
            options.seconds += (steps - 1) * options.step_s
            steps = 1
        options.seconds += options.step_s
    network = built(script)
    if not moving:
        return network
    for at in range(steps):
        if at:
            options.seconds += options.step_s
            network.draw(options.moment)
        try:
            network.solution = network.solve_at(options.seconds, waiting if options.timed else None)
        except NotConverged as error:
            script.note(f"{error}; the script goes on")
            network.solution = None
    return network
