"""`ami probe` without a verb: live values, phasors, profiles and objects in the terminal.

live      what flows just now, read with as little traffic as it takes
phasors   the diagram, on a canvas of braille dots (braille)
feed      the one talk with the meter, and what it is asked between two looks
panels    the page of live values
app       pages and keys; dialogs asks for a file's name; themes has the two dresses
"""

from __future__ import annotations

from tools.probe.desk import Desk, Purpose


async def open_screen(desk: Desk) -> None:
    """Show the screen until somebody leaves it.  Secrets are asked for before it opens."""
    from tools.probe.screen.app import ProbeScreen

    desk.address()
    desk.unlock(Purpose.READ)
    await ProbeScreen(desk).run_async()
