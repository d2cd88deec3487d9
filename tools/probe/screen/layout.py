"""Where everything stands on the screen, and in which of the dress's colours (themes)."""

from __future__ import annotations

CSS = """
Screen { background: $background; color: $foreground; }
#head { height: 1; background: $primary; color: $background; padding: 0 1; }
#head.trouble { background: $error; }
#state { height: 1; background: $panel; padding: 0 1; }
#trouble { display: none; background: $error; color: $background; padding: 0 1; height: auto; }
#trouble.shown { display: block; }
TabbedContent { height: 1fr; }
TabPane { padding: 0 1; }
#phasors { width: 1fr; height: 1fr; content-align: center middle; text-align: center; }
#numbers { width: 40; height: 1fr; }
#values { height: auto; }
#power { height: 1fr; max-height: 12; color: $secondary; }
#curves { height: 1fr; }
#rows-about { height: 1; color: $secondary; }
* { scrollbar-size-vertical: 1; scrollbar-color: $secondary; scrollbar-background: $background; }
#tree { width: 1fr; height: 1fr; background: $background; background-tint: $background 0%; }
#tree > .tree--cursor { background: $primary; color: $background; }
#object { width: 34; height: 1fr; padding: 0 1; border-left: solid $secondary; }
#events { height: 1fr; background: $background; }
#no-events { display: none; height: 1fr; content-align: center middle; text-align: center; }
#bar { height: 1; display: none; padding: 0 1; }
#bar.shown { display: block; }
#bar-text { width: 1fr; }
#bar-bar { width: 40; }
Footer { background: $panel; }
AskFile { align: center middle; background: $background 70%; }
#ask { width: 70; height: auto; border: heavy $primary; background: $surface; padding: 1 2; }
"""
