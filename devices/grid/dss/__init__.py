"""Networks written as OpenDSS scripts (`.dss`), read without OpenDSS.

    values      a script's words: names, numbers, arrays, matrices, sums in reverse Polish notation
    names       the properties of each class, in OpenDSS's order
    objects     what every object of a script has
    lines transformers injections
                lines and what they are made of; transformers and their controls; sources, loads,
                capacitors
    script      commands, file by file
    network     the objects as a circuit

What is not modelled and would change the result is an error that names file, line and element; what
is not modelled and changes nothing is a note.
"""

from devices.grid.dss.network import Network, read

__all__ = ["Network", "read"]
