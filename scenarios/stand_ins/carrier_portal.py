"""A stand-in of the mobile operator's portal: what it shows of a SIM, and nothing else.

It sees a SIM's entry in the registry, attempts that the network rejected, and the last contact.  It
does not see modems, power or antennas: their failures look alike from outside, as silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from devices.modem import CarrierView, Registry
from devices.world import World
from headend.domain.evidence import Evidence, Source
from headend.domain.reason import ReasonCode

# A modem that is refused tries again within minutes.  After a longer silence, or a contact of
# another kind, the rejection tells of an earlier trouble.
REJECTION_HOLDS_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class CarrierPortal:
    """Implements `headend.ports.CarrierPortal` over what each SIM's modem lets the network see."""

    views: Mapping[str, Callable[[], CarrierView]]  # by SIM
    now: Callable[[], datetime]

    async def ask(self, sim: str) -> Evidence | None:
        look = self.views.get(sim)
        return None if look is None else evidence_of(look(), at=self.now())


def views_of(world: World, sim_of: Callable[[str], str]) -> dict[str, Callable[[], CarrierView]]:
    """What the operator sees of each concentrator's SIM, at the world's present time."""

    def view(name: str) -> Callable[[], CarrierView]:
        modem = world.concentrators[name].modem
        return lambda: world.enter(lambda: modem.seen_by_carrier(world.env.now))

    return {sim_of(name): view(name) for name in world.concentrators}


def evidence_of(view: CarrierView, *, at: datetime) -> Evidence:
    """What an operator's view of a SIM states."""
    last = "never" if view.last_contact is None else f"{view.last_contact:%Y-%m-%d %H:%M:%SZ}"
    if view.registry is Registry.BARRED:
        text = f"the SIM is barred in the registry; last contact {last}"
        return Evidence(Source.CARRIER_PORTAL, at, text, ReasonCode.SIM_FAULT)
    if view.last_pdp_rejection is not None and view.last_pdp_rejection_at is not None:
        when = view.last_pdp_rejection_at
        text = (
            f"the network rejected the APN, cause {view.last_pdp_rejection}, {when:%H:%M:%SZ};"
            f" last contact {last}"
        )
        reason = ReasonCode.APN_REFUSED if _is_of_now(view, when, at) else None
        return Evidence(Source.CARRIER_PORTAL, at, text, reason)
    registered = "registered" if view.registered else "not registered"
    text = f"the SIM is active and {registered}; last contact {last}"
    return Evidence(Source.CARRIER_PORTAL, at, text)


def _is_of_now(view: CarrierView, rejected_at: datetime, at: datetime) -> bool:
    """Whether the newest rejection still explains a silence."""
    if view.last_contact is not None and view.last_contact > rejected_at:
        return False
    return at - rejected_at <= REJECTION_HOLDS_FOR
