"""`ami sim`: play a story on the simulated clock, and ask of it what a test bench never answers.

command     what every verb takes
playing     list, run
sweeping    one story under many seeds
shrinking   the smallest story that still fails
comparing   where two runs part
whatif      one story with something varied
told        a run and a sweep in words
"""

from tools.sim import comparing, playing, shrinking, sweeping, whatif  # noqa: F401  bring verbs
from tools.sim.command import app

__all__ = ["app"]
