"""One thing that a message asks of the registry: about which object, and how it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headend.domain.order import Order
from headend.ports import Transaction
from headend.registry.lives import By
from protocols.cim.errors import Identifier


@dataclass(frozen=True, slots=True)
class Came:
    """What came of an act.  `about` is the object as the audit log names it, `told` what was done
    with it, empty where it was so already; `orders` are those that ended with it, `passed_over` the
    elements that nothing was kept of."""

    about: str
    told: str = ""
    orders: tuple[Order, ...] = ()
    passed_over: tuple[str, ...] = ()


Doing = Callable[[Transaction, By], Came]
"""Raises `RequestRefused` and `NotTaken`; nothing of the act is kept then."""


@dataclass(frozen=True, slots=True)
class Act:
    """One object of a message.  `why` is its own reason, where it tells one."""

    at: Identifier
    do: Doing
    why: str = ""
