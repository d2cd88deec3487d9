"""The screen itself: pages, keys, and what it hears of the meter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.text import Text
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.css.query import NoMatches
from textual.widgets import (
    DataTable,
    Footer,
    ProgressBar,
    Static,
    TabbedContent,
    TabPane,
    Tree,
)

from headend.app.probe import Failure, Progress
from protocols.dlms.obis import describe
from protocols.dlms.objects.association import ListedObject, ObjectList
from protocols.dlms.objects.classes import class_name
from protocols.dlms.procedures import Identity
from tools.probe import export
from tools.probe.desk import Desk
from tools.probe.objects import methods, rights
from tools.probe.plots import plotted
from tools.probe.report import Report, Table
from tools.probe.screen.dialogs import AskFile
from tools.probe.screen.feed import Feed
from tools.probe.screen.head import Head, StateLine
from tools.probe.screen.layout import CSS
from tools.probe.screen.live import Snapshot
from tools.probe.screen.page_report import live_report, objects_report, report_of
from tools.probe.screen.panels import Live
from tools.probe.screen.state import State, parts
from tools.probe.screen.themes import CELLAR, SUNLIGHT
from tools.probe.screen.words import next_step, said
from tools.probe.shown import cell_text, failure_text
from tools.probe.talk import Talk

DAYS = (1, 3, 7, 30)
PAGES = ("live", "profile", "objects", "events")
KEYS = {  # key: action, and its word
    "d": ("more_days", "days"),
    "r": ("again", "again"),
    "space": ("pause", "pause"),
    "e": ("export", "export"),
    "c": ("contrast", "contrast"),
    "q": ("quit", "quit"),
}
EVENT_WORDS = ("time", "code", "event", "log", "more")
"""The event before its log, so that 80 columns show what happened."""


class ProbeScreen(App[None]):
    """`ami probe`: everything by keyboard, in 80 by 24 and larger."""

    CSS = CSS
    TITLE = "ami probe"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._feed = Feed(desk, self)
        for at, page in enumerate(PAGES, start=1):
            self.bind(str(at), f"page('{page}')", show=False)
        for key, (action, word) in KEYS.items():
            self.bind(key, action, description=self._said(word))
        self._snapshot: Snapshot | None = None
        self._profile: Report | None = None
        self._objects: ObjectList | None = None
        self._events: Table | None = None
        self._days = 0  # place in DAYS

    def compose(self) -> ComposeResult:
        yield Head(id="head")
        yield StateLine(id="state")
        yield Static(id="trouble")
        with TabbedContent(initial="live"):
            with TabPane(f"1 {self._said('live')}", id="live"):
                yield Live(self._desk.language, id="live-page")
            with TabPane(f"2 {self._said('profile')}", id="profile"):
                yield Static("", id="curves")
                yield Static("", id="rows-about")
            with TabPane(f"3 {self._said('objects')}", id="objects"), Horizontal():
                yield Tree(self._said("reading"), id="tree")
                yield Static(self._said("enter"), id="object")
            with TabPane(f"4 {self._said('events')}", id="events-page"):
                yield Static(self._said("no-events"), id="no-events")
                yield DataTable(id="events", cursor_type="row", zebra_stripes=True)
        with Horizontal(id="bar"):
            yield Static("", id="bar-text")
            yield ProgressBar(id="bar-bar", show_percentage=True, show_eta=True)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        for theme in (CELLAR, SUNLIGHT):
            self.register_theme(theme)
        self.theme = CELLAR.name
        self.query_one(DataTable).add_columns(*map(self._said, EVENT_WORDS))
        self.query_one("#tree", Tree).guide_depth = 2
        self._begin()

    def _begin(self) -> None:
        self._no_trouble()
        self.query_one(Head).tell([self._said("connecting", port=self._desk.options.port)], "")
        self.query_one(StateLine).tell(())
        if self._snapshot is None:
            self.query_one(Live).wait(connected=True)
        self._feed = Feed(self._desk, self)
        self.run_worker(self._talked(), name="meter", group="meter", exclusive=True)

    async def _talked(self) -> None:
        """The talk; who leaves takes the pages away before it is over, and then nobody listens."""
        try:
            await self._feed.run()
        except NoMatches:
            if self.is_running:
                raise

    # --- what is told of the meter ---------------------------------------------------------------

    def connected(self, identity: Identity, talk: Talk) -> None:
        """The meter answered."""
        number = identity.serial_number or identity.logical_device_name or "meter"
        opened = talk.opened
        agreed = self._said("as", framing=opened.framing, role=opened.role)
        firmware, kind = identity.firmware or "", identity.meter_type or ""
        self.query_one(Head).tell([number, agreed, kind, firmware])
        self._ask_for_page()

    def stood(self, state: State) -> None:
        """How the meter stands came."""
        self.query_one(StateLine).tell(list(parts(state, self._desk.language)))

    def looked(self, snapshot: Snapshot) -> None:
        """Live values came."""
        self._rest()
        self._snapshot = snapshot
        self.query_one(Live).show(snapshot)
        self.query_one(Head).tell(right=f"{snapshot.at:%H:%M:%S} UTC")

    def progressed(self, what: str, done: int, total: int, travelled: Progress) -> None:
        """A long read has come so far."""
        bar = self.query_one("#bar")
        bar.set_class(True, "shown")
        far = {"apdus": travelled.apdus, "octets": travelled.octets}
        self.query_one("#bar-text", Static).update(
            self._said("travelled", what=self._said(what).lower(), **far)
        )
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
        tree.root.set_label(self._said("count", count=len(objects)))
        language = self._desk.language
        branches: dict[int, Any] = {}
        for each in objects:
            if (branch := branches.get(each.class_id)) is None:
                name = class_name(each.class_id, language) or self._said("no-class")
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
            (f"{class_name(listed.class_id, language)}, ", "italic"),
            (f"{self._said('version')} {listed.version}\n", "italic"),
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
            time, log, code, event, more = map(cell_text, row)
            shown.add_row(time.rpartition(" ")[0] or time, code, event, log, more)
        shown.display, self.query_one("#no-events").display = bool(table.rows), not table.rows
        shown.focus()
        for note in notes:
            self.notify(note, severity="warning")

    def failed(self, failure: Failure) -> None:
        """Something was refused; the talk goes on."""
        self._rest()
        text = Text(failure_text(failure, self._desk.language), style="bold")
        step = next_step(failure, self._desk.language, self._desk.options.port or "")
        text.append(f"\n→ {step}.  " if step else "\n", "not bold")
        text.append(self._said("retry"), "not bold")
        trouble = self.query_one("#trouble", Static)
        trouble.update(text)
        trouble.add_class("shown")
        self.query_one("#head").add_class("trouble")

    def ended(self, failure: Failure) -> None:
        """The talk is over: what is shown is of before, and says so."""
        self.failed(failure)
        head, seen = self.query_one(Head), self._snapshot
        if seen is None:
            head.tell([self._said("apart"), self._desk.options.port or ""], "")
            self.query_one(Live).wait(connected=False)
        else:
            number = self._desk.meter or ""
            head.tell([number, self._said("apart")], self._said("last", time=seen.at))

    def _no_trouble(self) -> None:
        self.query_one("#trouble").remove_class("shown")
        self.query_one("#head").remove_class("trouble")

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
        self._no_trouble()
        self._feed.ask_state()
        self._ask_for_page()

    def action_pause(self) -> None:
        """No more looks at live values, or again."""
        self._feed.paused = not self._feed.paused
        if self._feed.paused:
            self.query_one(Head).tell(right=self._said("paused"))

    def action_contrast(self) -> None:
        """For the sun, or for the cellar."""
        self.theme = SUNLIGHT.name if self.theme == CELLAR.name else CELLAR.name
        if self._snapshot is not None:
            self.query_one(Live).show(self._snapshot)

    def action_export(self) -> None:
        """Write what the page shows into a file."""
        report = self._report()
        if report is None:
            self.notify(self._said("nothing-yet"), severity="warning")
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
                self.notify(self._said("written", path=path))

        self.push_screen(AskFile(name, self._desk.language), write)

    # --- what is shown ---------------------------------------------------------------------------

    def _report(self) -> Report | None:
        match self.query_one(TabbedContent).active:
            case "live" if self._snapshot is not None:
                return live_report(self._desk, self._snapshot)
            case "profile" if self._profile is not None:
                return replace(self._profile, action="profile")
            case "objects" if self._objects is not None:
                return objects_report(self._desk, self._objects)
            case "events-page" if self._events is not None:
                return report_of(self._desk, "events", self._events)
        return None

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

    def _said(self, word: str, **values: object) -> str:
        return said(self._desk.language, word, **values)
