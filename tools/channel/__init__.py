"""`ami channel`: what the simulated power line does to frames, in numbers to compare with others'.

ami channel curve    bit and frame error rates over the signal-to-noise ratio
ami channel poll     how long it takes to read all meters of a concentrator
"""

from tools.channel import curve_verb, poll_verb  # noqa: F401  each brings its verb
from tools.channel.verbs import app

__all__ = ["app"]
