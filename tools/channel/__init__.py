"""`ami channel`: what the simulated power line does to frames, in numbers to compare with others'.

ami channel curve    bit and frame error rates over the signal-to-noise ratio
ami channel poll     how long it takes to read all meters of a concentrator
"""

from tools.channel.command import app

__all__ = ["app"]
