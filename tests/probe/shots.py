"""Pictures of the screen for docs/probe.md: `python -m tests.probe.shots docs/images`.

A simulated meter, a real line, no hand: the SVGs hold no address of a font, so they render offline.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from devices.meter.clients import on_the_bench
from devices.meter.identity import Identity
from devices.meter.load import DailyLoad
from devices.meter.meter_type import MeterType
from headend.app.probe import build_probe
from protocols.dlms.codes import AuthenticationMechanism
from tests.probe.bench import Bench, Watched, bench, tcp
from tools.probe.desk import Desk
from tools.probe.options import Options
from tools.probe.screen.app import ProbeScreen
from tools.probe.secrets import gather

SIZE = (100, 30)


def a_household() -> Watched:
    """Three phases that differ, as they do; so that the diagram shows something."""
    clients = on_the_bench(AuthenticationMechanism.HIGH_GMAC)
    return Watched(Identity(11, 4), DailyLoad((9, 5, 7), (3, 1, 2)), MeterType(clients=clients))


def desk_at(shown: Bench, home: Path, **more: Any) -> Desk:
    """A desk that reads with the reader's password."""
    options = Options(port=shown.port, home=home, **more)
    secrets, _ = gather(shown.password()["AMI_PROBE_PASSWORD"], None, None, None)
    return Desk("screen", options, build_probe(home), secrets)


WORD = re.compile(r"[\u2800-\u28ff]|[^\s\xa0\u2800-\u28ff]+(?:[\s\xa0][^\s\xa0\u2800-\u28ff]+)*")
"""Dots stand one by one: in most fonts their width is another than the letters'."""

CELL = 12.2  # pixels of a character cell in Textual's pictures
RUN = re.compile(r'<text ([^>]*?)x="([\d.]+)"([^>]*?)textLength="[\d.]+"([^>]*)>([^<]*)</text>')


def without_fonts(svg: str) -> str:
    """The picture without the addresses of fonts that Textual puts in, and with each word at its
    place: some renderers swallow the spaces before one."""
    plain = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return RUN.sub(_words, plain.replace("font-size: 20px", f"font-size: {CELL / 0.602:.2f}px"))


def _words(run: re.Match[str]) -> str:
    first, x, middle, last, text = run.groups()
    text = html.unescape(text)
    return "".join(
        f'<text {first}x="{float(x) + word.start() * CELL:.1f}"{middle}'
        f'textLength="{len(word[0]) * CELL:.1f}"{last}>{html.escape(word[0])}</text>'
        for word in WORD.finditer(text)
    )


async def shoot(shown: Bench, folder: Path, home: Path) -> None:
    """One picture of each page."""
    app = ProbeScreen(desk_at(shown, home, lang="en"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app._snapshot is not None)
        for _ in range(4):
            await pilot.pause(1.1)
        save(app, folder / "probe.svg")
        await pilot.press("2")
        await until(pilot, lambda: app._profile is not None)
        await pilot.pause(0.3)
        save(app, folder / "probe-profile.svg")
        await pilot.press("3")
        await until(pilot, lambda: app._objects is not None)
        await pilot.press("down", "enter", *["down"] * 4, "enter")
        await pilot.pause(1.5)
        save(app, folder / "probe-objects.svg")
        await pilot.press("1", "c")
        await pilot.pause(1.5)
        save(app, folder / "probe-sunlight.svg")


async def until(pilot: Any, holds: Any) -> None:
    """Wait for what the meter tells; ended by the test's own time limit."""
    while not holds():
        await pilot.pause(0.05)


def save(app: ProbeScreen, path: Path) -> None:
    path.write_text(without_fonts(app.export_screenshot(title="ami probe")), encoding="utf-8")


def main() -> None:
    folder = Path(sys.argv[1])
    os.environ["LANG"] = "C"
    with tempfile.TemporaryDirectory() as home, bench(tcp(), meter=a_household()) as shown:
        asyncio.run(shoot(shown, folder, Path(home)))


if __name__ == "__main__":
    main()
