"""The reason table is whole, and a reason weakens as its evidence is taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations

import pytest

from headend.domain.evidence import (
    Evidence,
    Source,
    why_concentrator_is_unreachable,
    why_meter_is_silent,
)
from headend.domain.reason import REASON_OF_DLMS, REASONS, ReasonCode
from protocols.cim.codes import reason_of
from protocols.dlms.codes import DataAccessResult

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)

LAST_WILL = Evidence(Source.LAST_WILL, AT, "gone", ReasonCode.CONCENTRATOR_UNREACHABLE)
PORTAL = Evidence(Source.CARRIER_PORTAL, AT, "not attached", ReasonCode.MODEM_FAULT)
LOG = Evidence(Source.FAULT_LOG, AT, "+CME ERROR: 13", ReasonCode.SIM_FAULT)
MUTE = Evidence(Source.CARRIER_PORTAL, AT, "nothing seen")
UNKNOWN = ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN


def test_every_code_has_a_reason() -> None:
    assert set(REASONS) == set(ReasonCode)


def test_every_dlms_refusal_has_a_reason() -> None:
    assert set(REASON_OF_DLMS) == {int(code) for code in DataAccessResult} - {0}


@pytest.mark.parametrize("code", ReasonCode)
def test_a_reason_speaks_to_everyone(code: ReasonCode) -> None:
    reason = REASONS[code]
    assert reason_of(reason.cim), "a code of IEC 61968-9 Annex B"
    assert reason.text
    assert reason.details.startswith(f"{reason.key}: ")
    assert reason.key == reason.key.upper()


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ((), UNKNOWN),
        ((MUTE,), UNKNOWN),
        ((LAST_WILL,), ReasonCode.CONCENTRATOR_UNREACHABLE),
        ((LAST_WILL, PORTAL), ReasonCode.MODEM_FAULT),
        ((LAST_WILL, PORTAL, LOG), ReasonCode.SIM_FAULT),
        ((PORTAL,), ReasonCode.MODEM_FAULT),
        ((LAST_WILL, MUTE), ReasonCode.CONCENTRATOR_UNREACHABLE),
    ],
)
def test_concentrator(evidence: tuple[Evidence, ...], reason: ReasonCode) -> None:
    assert why_concentrator_is_unreachable(evidence) is reason
    assert why_concentrator_is_unreachable(reversed(evidence)) is reason


def test_less_evidence_never_names_a_cause_that_more_did_not_support() -> None:
    everything = (LAST_WILL, PORTAL, LOG)
    supported = {item.suggests for item in everything} | {UNKNOWN}
    for size in range(len(everything) + 1):
        for some in combinations(everything, size):
            allowed = {item.suggests for item in some} or {UNKNOWN}
            assert why_concentrator_is_unreachable(some) in allowed & supported


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ((), ReasonCode.NO_ANSWER_UNKNOWN),
        ((LAST_WILL,), ReasonCode.NO_ANSWER_UNKNOWN),
        ((Evidence(Source.LINK_REPORT, AT, "-"),), ReasonCode.NO_ANSWER_UNKNOWN),
        (
            (Evidence(Source.LINK_REPORT, AT, "-", ReasonCode.PACKET_LOSS),),
            ReasonCode.PACKET_LOSS,
        ),
    ],
)
def test_meter(evidence: tuple[Evidence, ...], reason: ReasonCode) -> None:
    assert why_meter_is_silent(evidence) is reason
