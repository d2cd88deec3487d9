"""What the operator's portal states, and when that explains a silence of now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devices.modem import CarrierView, Registry
from headend.domain.reason import ReasonCode
from scenarios.stand_ins.carrier_portal import REJECTION_HOLDS_FOR, evidence_of

NOW = datetime(2026, 7, 6, 15, tzinfo=UTC)


def view(
    registry: Registry = Registry.ACTIVE,
    *,
    rejected: timedelta | None = None,
    contact: timedelta | None = timedelta(minutes=1),
) -> CarrierView:
    """A view with a rejection and a contact so long ago."""
    return CarrierView(
        registry,
        registered=True,
        last_pdp_rejection=None if rejected is None else 27,
        last_pdp_rejection_at=None if rejected is None else NOW - rejected,
        last_contact=None if contact is None else NOW - contact,
    )


A_WHILE, LONG = timedelta(minutes=5), REJECTION_HOLDS_FOR + timedelta(seconds=1)
VIEWS = {
    "all is well": (
        view(),
        None,
        "the SIM is active and registered; last contact 2026-07-06 14:59",
    ),
    "never seen": (view(contact=None), None, "last contact never"),
    "barred": (view(Registry.BARRED), ReasonCode.SIM_FAULT, "the SIM is barred"),
    "barred after a rejection": (
        view(Registry.BARRED, rejected=A_WHILE),
        ReasonCode.SIM_FAULT,
        "the SIM is barred",
    ),
    "just rejected": (
        view(rejected=A_WHILE, contact=A_WHILE),
        ReasonCode.APN_REFUSED,
        "the network rejected the APN, cause 27, 14:55:00Z",
    ),
    "rejected, then another contact": (view(rejected=A_WHILE), None, "cause 27, 14:55:00Z"),
    "rejected, then a long silence": (view(rejected=LONG, contact=LONG), None, "cause 27"),
}


@pytest.mark.parametrize(("seen", "suggests", "says"), VIEWS.values(), ids=VIEWS)
def test_evidence(seen: CarrierView, suggests: ReasonCode | None, says: str) -> None:
    evidence = evidence_of(seen, at=NOW)
    assert evidence.suggests is suggests
    assert says in evidence.text
    assert evidence.at == NOW
