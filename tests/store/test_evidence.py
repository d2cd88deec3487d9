"""What concentrators told of themselves: kept once, and found by its date."""

from __future__ import annotations

from dataclasses import replace

from headend.domain.evidence import Evidence, Source
from headend.domain.reason import ReasonCode
from headend.store.transaction import SqlTransaction
from tests.store.making import at

SIM = Evidence(Source.FAULT_LOG, at(100), "sim: SIM failure (13)", ReasonCode.SIM_FAULT)
POWER = Evidence(Source.FAULT_LOG, at(50), "power: restored", None)


def test_evidence_is_found_by_concentrator_and_date(tx: SqlTransaction) -> None:
    tx.add_evidence("C1", [SIM, POWER])
    tx.add_evidence("C2", iter([replace(SIM, at=at(70))]))
    tx.add_evidence("C1", [])
    assert tx.evidence_about("C1", at(0)) == [POWER, SIM]
    assert tx.evidence_about("C1", at(50)) == [POWER, SIM]
    assert tx.evidence_about("C1", at(50.000001)) == [SIM]
    assert tx.evidence_about("C1", at(101)) == []
    assert tx.evidence_about("C3", at(0)) == []


def test_a_log_that_is_sent_again_adds_nothing(tx: SqlTransaction) -> None:
    tx.add_evidence("C1", [SIM, SIM])
    later = replace(SIM, at=at(200))
    tx.add_evidence("C1", [SIM, later])
    assert tx.evidence_about("C1", at(0)) == [SIM, later]
