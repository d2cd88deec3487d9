"""What the screen asks a person: a file's name."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from protocols.dlms.obis import Language
from tools.probe import export
from tools.probe.screen.words import said


class AskFile(ModalScreen[Path | None]):
    """Where to write, with a name to begin with.  Escape means nowhere."""

    BINDINGS = [("escape", "dismiss(None)", "Cancel")]

    def __init__(self, suggested: str, language: Language) -> None:
        super().__init__()
        self._suggested = suggested
        self._language: Language = language

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Label(said(self._language, "write-to"))
            yield Input(self._suggested, id="file")
            yield Label(said(self._language, "enter-writes"), id="wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        path = Path(event.value).expanduser()
        try:
            export.check(path)
        except export.CannotExport as error:
            self.query_one("#wrong", Label).update(str(error))
            return
        self.dismiss(path)
