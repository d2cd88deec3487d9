"""How a modem's way to the network can fail: at which step, and with which code.

Codes are +CME ERROR numbers (3GPP TS 27.007, 9.2) and PDP rejection causes (3GPP TS 24.008,
10.5.6.6), as a modem gives them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal


class Step(enum.IntEnum):
    """What the modem is at; each is reached by having passed those before."""

    POWER = 0  # without supply
    BOOT = 1
    SIM = 2
    REGISTRATION = 3
    ATTACH = 4
    PDP = 5
    SESSION = 6  # TCP and TLS to the head-end
    ONLINE = 7


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail: at one step, with one code.

    `heard` says whether the network hears the try, so that the carrier sees it; `silent` whether a
    modem that was on line vanishes without a word to the network.
    """

    step: Step
    component: Literal["power", "modem", "sim", "apn", "network"]
    code: int  # 0 where the modem has none to give
    text: str
    heard: bool = False
    silent: bool = False


FAILURES = {
    "power lost": Failure(Step.POWER, "power", 0, "supply lost", silent=True),
    "modem dead": Failure(
        Step.BOOT, "modem", 0, "the modem does not answer AT commands", silent=True
    ),
    "sim missing": Failure(Step.SIM, "sim", 10, "+CME ERROR: 10 SIM not inserted"),
    "sim pin": Failure(Step.SIM, "sim", 11, "+CME ERROR: 11 SIM PIN required"),
    "sim broken": Failure(Step.SIM, "sim", 13, "+CME ERROR: 13 SIM failure"),
    "no network": Failure(
        Step.REGISTRATION, "network", 30, "+CME ERROR: 30 no network service", silent=True
    ),
    "network not allowed": Failure(
        Step.REGISTRATION,
        "network",
        32,
        "+CME ERROR: 32 network not allowed, emergency calls only",
        heard=True,
    ),
    "sim barred": Failure(Step.REGISTRATION, "sim", 103, "+CME ERROR: 103 illegal MS", heard=True),
    "plmn not allowed": Failure(
        Step.REGISTRATION, "network", 111, "+CME ERROR: 111 PLMN not allowed", heard=True
    ),
    "roaming not allowed": Failure(
        Step.REGISTRATION,
        "network",
        113,
        "+CME ERROR: 113 roaming not allowed in this location area",
        heard=True,
    ),
    "packet service not allowed": Failure(
        Step.ATTACH, "network", 107, "+CME ERROR: 107 GPRS services not allowed", heard=True
    ),
    "apn unknown": Failure(
        Step.PDP, "apn", 27, "PDP context rejected, cause 27: missing or unknown APN", heard=True
    ),
    "apn authentication": Failure(
        Step.PDP,
        "apn",
        29,
        "PDP context rejected, cause 29: user authentication failed",
        heard=True,
    ),
    "apn not subscribed": Failure(
        Step.PDP,
        "apn",
        33,
        "PDP context rejected, cause 33: requested service option not subscribed",
        heard=True,
    ),
    "session timeout": Failure(
        Step.SESSION, "network", 31, "+CME ERROR: 31 network timeout", heard=True
    ),
}


def failure_named(component: str, code: int | None = None) -> str:
    """The key of the failure of a component with this code; without a code, of its first.

    Raises ValueError where there is none, and says which codes the component has.
    """
    named = {
        failure.code: name for name, failure in FAILURES.items() if failure.component == component
    }
    if named and code is None:
        return next(iter(named.values()))
    if code is None or code not in named:
        known = ", ".join(map(str, named)) or "none"
        raise ValueError(f"{component} has no failure with code {code}; its codes: {known}")
    return named[code]
