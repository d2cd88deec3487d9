"""How many sockets a process may have open.

A system's default is some hundred or a thousand, which a street of meters or the concentrators of a
town go beyond; every process may raise it by itself up to a limit that only the system raises.
"""

from __future__ import annotations

import resource

BESIDES = 64
"""What else a process has open: files of programs being read, pipes, a log."""


class TooFewSockets(OSError):
    """The system lets this process open fewer sockets than it needs; the text says how many."""


def allow_sockets(needed: int, *, wanted: int = 0) -> None:
    """Raise the limit of open files to what is `wanted`, as far as the system lets it.

    Raises `TooFewSockets` where it lets the process have fewer than are `needed`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(needed, wanted) + BESIDES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if most < needed + BESIDES:
        raise TooFewSockets(
            f"that takes {needed + BESIDES} open files, and the system lets a process have {hard}"
        )
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
