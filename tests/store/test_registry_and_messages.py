"""The words for devices and for commercial messages."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from headend.domain.meter import Concentrator, Meter
from headend.ports import AlreadyStored, InboundMessage
from headend.store.transaction import SqlTransaction
from tests.store.making import T0


def test_meters_are_registered_and_written_over(tx: SqlTransaction) -> None:
    plain = Meter("M1")
    full = Meter("M2", "C1", True, True, Decimal("9200.50"), "three-phase")
    assert tx.meter("M1") is None
    assert tx.put_meters([plain, full]) == 2
    assert (tx.meter("M1"), tx.meter("M2")) == (plain, full)
    assert str(tx.meter("M2").contracted_w) == "9200.50"  # type: ignore[union-attr]
    full = replace(full, recorded_phase="B")
    tx.put_meters([full])
    assert tx.meter("M2") == full
    unlinked = replace(full, concentrator=None, contracted_w=None, recorded_phase=None)
    assert tx.put_meters(iter([unlinked])) == 1
    assert (tx.meter("M1"), tx.meter("M2")) == (plain, unlinked)
    assert tx.put_meters([]) == 0


def test_a_shipment_larger_than_a_batch(tx: SqlTransaction) -> None:
    assert tx.put_meters(Meter(f"M{number}") for number in range(2_500)) == 2_500
    assert tx.meter("M0") and tx.meter("M2499") and not tx.meter("M2500")


def test_concentrators(tx: SqlTransaction) -> None:
    first, second = Concentrator("C1"), Concentrator("C2", "8956001")
    assert tx.put_concentrators([first, second]) == 2
    assert (tx.concentrator("C1"), tx.concentrator("C2")) == (first, second)
    assert tx.put_concentrators([replace(first, sim="8956002")]) == 1
    assert tx.concentrator("C1") == Concentrator("C1", "8956002")
    assert tx.concentrator("C3") is None


def test_a_message_is_known_by_source_and_id(tx: SqlTransaction) -> None:
    message = InboundMessage("CIS", "m1", "d1", T0, "t1", b"<order/>" * 1000)
    other = InboundMessage("MDM", "m1", "d2", T0, "t2", b"", b"<reply/>\x00")
    assert tx.inbound("CIS", "m1") is None
    tx.add_inbound(message)
    tx.add_inbound(other)
    assert (tx.inbound("CIS", "m1"), tx.inbound("MDM", "m1")) == (message, other)
    with pytest.raises(AlreadyStored):
        tx.add_inbound(replace(message, transaction_id="t3"))


def test_messages_without_an_id_are_kept_apart(tx: SqlTransaction) -> None:
    message = InboundMessage("CIS", None, "d", T0, "t1", b"<order/>")
    tx.add_inbound(message)
    tx.add_inbound(replace(message, transaction_id="t2"))
    with pytest.raises(AlreadyStored):
        tx.add_inbound(message)


def test_an_answer_is_added_to_its_message(tx: SqlTransaction) -> None:
    message = InboundMessage("CIS", "m1", "d1", T0, "t1", b"<order/>")
    tx.add_inbound(message)
    tx.set_answer("t1", b"<reply/>")
    assert tx.inbound("CIS", "m1") == replace(message, answer=b"<reply/>")
    with pytest.raises(LookupError):
        tx.set_answer("t2", b"<reply/>")
