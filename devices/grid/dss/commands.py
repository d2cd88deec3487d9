"""The commands of OpenDSS scripts by their names, and which of them change no result."""

from __future__ import annotations

from devices.grid.errors import BadNetwork

COMMANDS = (
    "new", "edit", "more", "m", "~", "select", "save", "show", "solve", "enable", "disable", "plot",
    "reset", "compile", "set", "dump", "open", "close", "redirect", "help", "quit", "exit", "?",
    "next", "panel", "sample", "clear", "clearall", "about", "calcvoltagebases", "setkvbase",
    "buildy", "get", "init", "export", "fileedit", "voltages", "currents", "powers", "losses",
    "summary", "buscoords", "makebuslist", "interpolate", "closedi", "visualize", "doscmd", "cd",
    "batchedit", "latlongcoords", "uuids", "guids", "setbusxy", "updatestorage", "cvrtloadshapes",
    "connect", "wait", "var", "alignfile", "zscrefresh", "reprocessbuses", "allocateloads",
    "estimate", "distribute", "reconductor", "remove", "formedit", "totals", "capacity",
)  # fmt: skip

SKIPPED = frozenset(
    "save show plot reset dump help quit exit ? next panel sample about buildy get init export"
    " fileedit voltages currents powers losses summary buscoords makebuslist interpolate closedi"
    " visualize doscmd latlongcoords uuids guids setbusxy updatestorage cvrtloadshapes connect"
    " wait alignfile zscrefresh reprocessbuses totals capacity formedit".split()
)
"""Reports, plots, and what prepares them."""

SILENT = frozenset("show plot export buscoords latlongcoords reset help ? fileedit".split())
"""Skipped without a word: nobody expects a picture."""


def verb(text: str) -> str:
    """A command by its name or the beginning of it.  Raises BadNetwork."""
    lower = text.lower()
    if lower in COMMANDS:
        return lower
    for command in COMMANDS:
        if len(lower) > 1 and command.startswith(lower):
            return command
    raise BadNetwork(f"{text!r} is no command")
