"""`ami sim`: play a story on the simulated clock, and ask of it what a test bench never answers.

command     what every verb takes
playing     list, run
sweeping    one story under many seeds
told        a run and a sweep in words
"""

from tools.sim import playing, sweeping  # noqa: F401  each brings its verbs
from tools.sim.command import app

__all__ = ["app"]
