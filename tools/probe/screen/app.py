"""The screen itself: pages, keys, and what it hears of the meter."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import (
    DataTable,
    Footer,
    ProgressBar,
    Static,
    TabbedContent,
    TabPane,
    Tree,
)

from headend.probe_app import Failure, Progress
from protocols.dlms.obis import describe
from protocols.dlms.objects.association import ListedObject, ObjectList
from protocols.dlms.objects.classes import class_name
from protocols.dlms.procedures import Identity
from tools.probe import export
from tools.probe.desk import Desk
from tools.probe.objects import methods, rights
from tools.probe.plots import plotted
from tools.probe.report import Column, Fact, Report, Table
from tools.probe.screen.dialogs import AskFile
from tools.probe.screen.feed import Feed
from tools.probe.screen.live import Snapshot
from tools.probe.screen.panels import Live
from tools.probe.screen.themes import CELLAR, SUNLIGHT
from tools.probe.shown import cell_text, failure_text
from tools.probe.talk import Talk

DAYS = (1, 3, 7, 30)
PAGES = ("live", "profile", "objects", "events")

CSS = """
Screen { background: $background; color: $foreground; }
#head { height: 1; background: $primary; color: $background; padding: 0 1; }
#head.trouble { background: $error; }
#trouble { display: none; background: $error; color: $background; padding: 0 1; height: auto; }
#trouble.shown { display: block; }
TabbedContent { height: 1fr; }
TabPane { padding: 0 1; }
#phasors { width: 1fr; height: 1fr; content-align: center middle; text-align: center; }
#numbers { width: 40; height: 1fr; }
#values { height: auto; }
#power { height: 1fr; max-height: 12; margin-top: 1; color: $secondary; }
#curves { height: 1fr; }
#rows-about { height: 1; color: $secondary; }
* { scrollbar-size-vertical: 1; scrollbar-color: $secondary; scrollbar-background: $background; }
#tree { width: 1fr; height: 1fr; background: $background; background-tint: $background 0%; }
#tree > .tree--cursor { background: $primary; color: $background; }
#object { width: 36; height: 1fr; padding: 0 1; border-left: solid $secondary; }
#events { height: 1fr; background: $background; }
#bar { height: 1; display: none; padding: 0 1; }
#bar.shown { display: block; }
#bar-text { width: 1fr; }
#bar-bar { width: 40; }
Footer { background: $panel; }
AskFile { align: center middle; }
#ask { width: 70; height: auto; border: heavy $primary; background: $surface; padding: 1 2; }
"""


class ProbeScreen(App[None]):
    """`ami probe`: everything by keyboard, in 80 by 24 and larger."""

    CSS = CSS
    TITLE = "ami probe"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(at), f"page('{page}')", show=False) for at, page in enumerate(PAGES, 1)),
        Binding("d", "more_days", "More days"),
        Binding("r", "again", "Read again"),
        Binding("space", "pause", "Pause"),
        Binding("e", "export", "Export"),
        Binding("c", "contrast", "Contrast"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._feed = Feed(desk, self)
        self._head = ["connecting …"]
        self._snapshot: Snapshot | None = None
        self._profile: Report | None = None
        self._objects: ObjectList | None = None
        self._events: Table | None = None
        self._days = 0  # place in DAYS

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="trouble")
        with TabbedContent(initial="live"):
            with TabPane("1 Live", id="live"):
                yield Live(id="live-page")
            with TabPane("2 Profile", id="profile"):
                yield Static("", id="curves")
                yield Static("", id="rows-about")
            with TabPane("3 Objects", id="objects"), Horizontal():
                yield Tree("objects", id="tree")
                yield Static("Enter reads an object", id="object")
            with TabPane("4 Events", id="events-page"):
                yield DataTable(id="events", cursor_type="row", zebra_stripes=True)
        with Horizontal(id="bar"):
            yield Static("", id="bar-text")
            yield ProgressBar(id="bar-bar", show_percentage=True, show_eta=True)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        for theme in (CELLAR, SUNLIGHT):
            self.register_theme(theme)
        self.theme = CELLAR.name
        self.query_one(DataTable).add_columns("time", "log", "code", "event", "more")
        self._tell_head()
        self._begin()

    def _begin(self) -> None:
        self.query_one("#trouble").remove_class("shown")
        self.query_one("#head").remove_class("trouble")
        self._feed = Feed(self._desk, self)
        self.run_worker(self._feed.run(), name="meter", group="meter", exclusive=True)

    # --- what is told of the meter ---------------------------------------------------------------

    def connected(self, identity: Identity, talk: Talk, drift_s: float | None) -> None:
        """The meter answered."""
        number = identity.serial_number or identity.logical_device_name or "meter"
        parts = [
            number,
            f"{talk.opened.framing} as {talk.opened.role}",
            "" if drift_s is None else f"clock {round(drift_s):+d} s",
            identity.meter_type or "",
            identity.firmware or "",
        ]
        self._head = [part for part in parts if part]
        self._tell_head()
        self._ask_for_page()

    def looked(self, snapshot: Snapshot) -> None:
        """Live values came."""
        self._snapshot = snapshot
        self.query_one(Live).show(snapshot)
        self._tell_head(f"{snapshot.at:%H:%M:%S} UTC")

    def progressed(self, what: str, done: int, total: int, travelled: Progress) -> None:
        """A long read has come so far."""
        bar = self.query_one("#bar")
        bar.set_class(True, "shown")
        blocks = f"{what}: {travelled.apdus} blocks, {travelled.octets:,} octets"
        self.query_one("#bar-text", Static).update(blocks)
        self.query_one(ProgressBar).update(total=total or None, progress=done)

    def profile_read(self, report: Report, days: int) -> None:
        """A profile came."""
        self._rest()
        self._profile = report
        self._draw_profile()

    def objects_read(self, objects: ObjectList) -> None:
        """The object list came."""
        self._rest()
        self._objects = objects
        tree: Tree[ListedObject] = self.query_one("#tree", Tree)
        tree.clear()
        tree.root.set_label(f"{len(objects)} objects")
        language = self._desk.language
        branches: dict[int, Any] = {}
        for each in objects:
            if (branch := branches.get(each.class_id)) is None:
                name = class_name(each.class_id, language) or "unknown class"
                branch = branches[each.class_id] = tree.root.add(f"{name} {each.class_id}")
            label = Text.assemble(
                (f"{each.instance!s:<17}", "bold"), describe(each.instance, language)
            )
            branch.add_leaf(label, each)
        tree.root.expand()
        tree.focus()

    def object_read(self, listed: ListedObject, lines: list[tuple[int, str]]) -> None:
        """The attributes of one object came."""
        self._rest()
        language = self._desk.language
        text = Text.assemble(
            (f"{listed.instance}\n", "bold"),
            f"{describe(listed.instance, language)}\n",
            (f"{class_name(listed.class_id, language)}, version {listed.version}\n", "italic"),
            (f"{rights(listed)}  {methods(listed)}\n\n", "dim"),
        )
        for number, value in lines:
            text.append(f"{number:>3} ", "bold")
            text.append(f"{value}\n")
        self.query_one("#object", Static).update(text)

    def events_read(self, table: Table, notes: list[str]) -> None:
        """The event logs came."""
        self._rest()
        self._events = table
        shown = self.query_one(DataTable)
        shown.clear()
        for row in reversed(table.rows):
            shown.add_row(*(cell_text(cell) for cell in row))
        shown.focus()
        for note in notes:
            self.notify(note, severity="warning")

    def failed(self, failure: Failure) -> None:
        """Something went wrong; where the line is gone, the worker ends after this."""
        self._rest()
        text = Text(failure_text(failure, self._desk.language), style="bold")
        if failure.next_step:
            text.append(f"\n→ {failure.next_step}.  ", "not bold")
        text.append("r: try again", "not bold")
        trouble = self.query_one("#trouble", Static)
        trouble.update(text)
        trouble.add_class("shown")
        self.query_one("#head").add_class("trouble")

    # --- keys ------------------------------------------------------------------------------------

    def action_page(self, page: str) -> None:
        self.query_one(TabbedContent).active = "events-page" if page == "events" else page

    def on_tabbed_content_tab_activated(self) -> None:
        self._ask_for_page()

    def _ask_for_page(self) -> None:
        """What the page shows is read when it is first looked at."""
        match self.query_one(TabbedContent).active:
            case "profile" if self._profile is None:
                self._feed.ask_profile(DAYS[self._days])
            case "profile":
                self.call_after_refresh(self._draw_profile)
            case "objects" if self._objects is None:
                self._feed.ask_objects()
            case "events-page" if self._events is None:
                self._feed.ask_events()

    def on_tree_node_selected(self, event: Tree.NodeSelected[ListedObject]) -> None:
        if event.node.data is not None:
            self._feed.ask_object(event.node.data)

    def action_more_days(self) -> None:
        """The next longer span of the profile."""
        self._days = (self._days + 1) % len(DAYS)
        self._profile = None
        self.action_page("profile")
        self._ask_for_page()

    def action_again(self) -> None:
        """Read the page again; talk to the meter again where the talk has ended."""
        if not any(worker.is_running for worker in self.workers if worker.group == "meter"):
            self._begin()
            return
        match self.query_one(TabbedContent).active:
            case "profile":
                self._profile = None
            case "objects":
                self._objects = None
            case "events-page":
                self._events = None
        self.query_one("#trouble").remove_class("shown")
        self.query_one("#head").remove_class("trouble")
        self._ask_for_page()

    def action_pause(self) -> None:
        """No more looks at live values, or again."""
        self._feed.paused = not self._feed.paused
        self._tell_head("paused" if self._feed.paused else "")

    def action_contrast(self) -> None:
        """For the sun, or for the cellar."""
        self.theme = SUNLIGHT.name if self.theme == CELLAR.name else CELLAR.name
        if self._snapshot is not None:
            self.query_one(Live).show(self._snapshot)

    def action_export(self) -> None:
        """Write what the page shows into a file."""
        report = self._report()
        if report is None:
            self.notify("there is nothing on this page yet", severity="warning")
            return
        name = f"{self._desk.meter or 'meter'}-{report.action}-{report.at:%Y%m%d-%H%M%S}.csv"

        def write(path: Path | None) -> None:
            if path is None:
                return
            try:
                export.export(report, path)
            except export.CannotExport as error:
                self.notify(str(error), severity="error")
            else:
                self._desk.write_down("screen: export", self._desk.meter, file=str(path))
                self.notify(f"written to {path}")

        self.push_screen(AskFile(name), write)

    # --- what is shown ---------------------------------------------------------------------------

    def _report(self) -> Report | None:
        match self.query_one(TabbedContent).active:
            case "live" if self._snapshot is not None:
                return self._live_report(self._snapshot)
            case "profile" if self._profile is not None:
                return replace(self._profile, action="profile")
            case "objects" if self._objects is not None:
                columns = (Column("class_id", "class"), Column("obis", "OBIS"),
                           Column("name", "name"), Column("rights", "rights"))  # fmt: skip
                rows = tuple(
                    (each.class_id, str(each.instance), describe(each.instance), rights(each))
                    for each in self._objects
                )
                return self._with("objects", Table("objects", "", columns, rows))
            case "events-page" if self._events is not None:
                return self._with("events", self._events)
        return None

    def _live_report(self, snapshot: Snapshot) -> Report:
        columns = (Column("phase", "phase"), Column("u", "U", "V"), Column("i", "I", "A"),
                   Column("p", "P", "W"), Column("q", "Q", "var"))  # fmt: skip
        rows = tuple(
            (f"L{number}", phase.voltage_v, phase.current_a, phase.power_w, phase.reactive_var)
            for number, phase in enumerate(snapshot.phases, start=1)
        )
        facts = tuple(Fact(label, label, number, unit) for label, number, unit in snapshot.totals)
        return replace(self._with("live", Table("phases", "", columns, rows)), facts=facts)

    def _with(self, action: str, table: Table) -> Report:
        return replace(self._desk.report("", tables=(table,)), action=action)

    def _draw_profile(self) -> None:
        report = self._profile
        curves = self.query_one("#curves", Static)
        size = curves.content_size
        if report is None or size.width < 20 or size.height < 6:
            return
        curves.update(plotted(report.tables[0], width=size.width, height=size.height))
        about = "; ".join((report.title, *report.notes))
        self.query_one("#rows-about", Static).update(about)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_profile)

    def _rest(self) -> None:
        self.query_one("#bar").set_class(False, "shown")

    def _tell_head(self, right: str = "") -> None:
        with contextlib.suppress(LookupError):
            head = self.query_one("#head", Static)
            width = max(self.size.width - 2, 20)
            left = "ami probe"
            for part in self._head:  # the first are the ones that matter
                if len(left) + 2 + len(part) < width - len(right):
                    left += f"  {part}"
            head.update(Text(left + right.rjust(width - len(left)), style="bold"))
