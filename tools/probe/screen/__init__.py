"""`ami probe` without a verb: live values, phasors, profiles and objects in the terminal.

live      what flows just now, read with as little traffic as it takes
phasors   the diagram, on a canvas of braille dots (braille)
feed      the one talk with the meter, and what it is asked between two looks
state     how the meter stands: supply, alarms, clock, limit, tariff
head      the two lines above every page
panels    the page of live values
app       pages and keys; dialogs asks for a file's name, page_report makes what goes into it
words     what the screen says, in English and Spanish
layout    where everything stands; themes has the two dresses
"""

from __future__ import annotations

import sys

from tools.probe.desk import Desk, Purpose
from tools.terminal import wrong_usage


async def open_screen(desk: Desk) -> None:
    """Show the screen until somebody leaves it.  Secrets are asked for before it opens."""
    desk.address()
    if not sys.stdout.isatty() or desk.quiet:
        wrong_usage("the screen needs a terminal", "Try: ami probe read, or ami probe --help")
    from tools.probe.screen.app import ProbeScreen  # half a second that the other verbs save

    desk.unlock(Purpose.READ)
    await ProbeScreen(desk).run_async()
