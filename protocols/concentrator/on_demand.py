"""What a concentrator does when it is told to: look for meters, and restart.

Both are named for good by the id of the message that asks.  The same message again asks for
nothing more, and each is answered by a word of its own once it is done: a `receipt` says only that
it is stored.
"""

from __future__ import annotations

from datetime import datetime

from protocols.concentrator.direction import FromConcentrator, ToConcentrator


class Discover(ToConcentrator, frozen=True, tag="discover", kw_only=True):
    """Look now at every module in the network that belongs to no meter of the table.

    Those that were refused before are looked at as well.  Answered by a `receipt` once it is
    stored; what is found is `discovered` as always, and `discovery-ended` tells when all were
    looked at.
    """

    not_after: datetime  # one that comes later is receipted, and nobody looks


class Restart(ToConcentrator, frozen=True, tag="restart", kw_only=True):
    """Restart; answered by a `receipt` once it is stored, and by `restarted` after the restart.

    A command that acts on a meter just now is waited for, a minute at most.
    """

    not_after: datetime  # one that comes later is receipted, and nothing restarts


class DiscoveryEnded(FromConcentrator, frozen=True, tag="discovery-ended", kw_only=True):
    """Every module was looked at that was to be.  Sent again until the head-end's receipt."""

    of: str  # id of the `discover`
    modules: int  # that belong to no meter of the table, and were looked at
    found: int  # of them, told by `discovered`, silent ones included


class Restarted(FromConcentrator, frozen=True, tag="restarted", kw_only=True):
    """The device has started anew.  Sent again until the head-end's receipt."""

    of: str  # id of the `restart`
    boot: int  # counts the device's starts
