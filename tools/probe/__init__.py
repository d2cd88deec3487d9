"""The technician's probe: `ami probe`.

options, secrets, key_pairs
                     what every verb takes, and where passwords and keys come from
desk, talk           one run of a verb; one talk with a meter
acting               dry runs, and the journal's line before something acts
report               what a verb found; shown and export make a page or a file of it
identify, reading, objects, profile, events, clock, limit, supply, firmware, push, configuration,
keys
                     the verbs
doctor               what is wrong with the line, the login, the meter, and what to try next
screen               live values, phasors and plots in the terminal
"""

from tools.probe import (  # noqa: F401  each brings its verbs
    clock,
    configuration,
    doctor,
    events,
    firmware,
    identify,
    journal,
    keys,
    limit,
    objects,
    profile,
    push,
    reading,
    supply,
)
from tools.probe.command import app

__all__ = ["app"]
