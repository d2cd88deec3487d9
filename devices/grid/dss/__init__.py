"""Networks written as OpenDSS scripts (`.dss`), read without OpenDSS.

    values      a script's words: names, numbers, arrays, matrices, sums in reverse Polish notation
    names       the properties of each class, in OpenDSS's order
    objects     what every object of a script has
    conductors cables geometry line_codes lines
                lines and what they are made of
    transformers sources shunts faults loads generators inverters controls
                everything else that a circuit has
    shapes      values over time, and the moment that is solved
    commands bench script
                the commands' names; New, Edit and their like; files from line to line
    options     what `set` sets
    voltage_bases
                what per-unit values refer to
    network     the objects as a circuit, solved with its controls
    reading     a script from its first line to its last

What is not modelled and would change the result is an error that names file, line and element; what
is not modelled and changes nothing is a note.
"""

from devices.grid.dss.network import Network
from devices.grid.dss.reading import read

__all__ = ["Network", "read"]
