"""`ami sim`: play a story on the simulated clock, and ask of it what a test bench never answers.

command     what every verb takes
playing     list, run
sweeping    one story under many seeds
shrinking   the smallest story that still fails
comparing   where two runs part
replaying   a live run played again
whatif      one story with something varied
sequence    one story as a sequence diagram
progress_told  how far a command is, for programs
told        a run and a sweep in words
"""

from tools.sim import (  # noqa: F401  each brings its verbs
    comparing,
    playing,
    replaying,
    sequence,
    shrinking,
    sweeping,
    whatif,
)
from tools.sim.command import app

__all__ = ["app"]
