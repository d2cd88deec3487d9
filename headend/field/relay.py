"""Topics by which workers that take turns at a broker hand each other answers.

A concentrator's message comes to any one of them.  Where it answers a question of another's,
whoever has it lets all know, and the one that asked takes it; what is nobody's any more is not
missed, as its sender repeats whatever matters until it is receipted.
"""

from __future__ import annotations

from protocols.concentrator import messages

ROOT = "ami/v1/workers"

ANSWERS = (
    messages.Accepted,
    messages.ReceiptFromConcentrator,
    messages.FaultLog,  # to a knock
    messages.State,
    messages.TunnelOpened,
    messages.TunnelAnswer,
    messages.TunnelClosed,
)
"""What whoever asked waits for, and nobody else can place.  (`Result` is another matter.)"""


def topic(group: str, concentrator: str) -> str:
    return f"{ROOT}/{group}/{concentrator}"


def every(group: str) -> str:
    """The filter of all that is handed on in a group."""
    return f"{ROOT}/{group}/+"


def concentrator_of(relayed: str) -> str:
    """Whose message was handed on by this topic."""
    return relayed.rpartition("/")[2]
