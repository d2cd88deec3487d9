"""The words for receipts of shipments."""

from __future__ import annotations

from sqlalchemy import bindparam, func, insert, select

from headend.domain.shipment import Receipt
from headend.store import life_schema as tables
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words

RECEIPT = Form(Receipt, tables.shipments)

_r = RECEIPT.table.c
_ADD = Prepared(insert(RECEIPT.table), RECEIPT.names)
_BY_DIGEST = Prepared(RECEIPT.select().where(_r.digest == bindparam("of_digest")))
_LAST = Prepared(select(func.coalesce(func.max(_r.number), 0)))


class ReceiptWords(Words):
    """Shipments that were taken in."""

    def next_shipment_number(self) -> int:
        return int(self._value(_LAST)) + 1

    def receipt_with(self, digest: str) -> Receipt | None:
        return self._one(RECEIPT, _BY_DIGEST, {"of_digest": digest})

    def add_receipt(self, receipt: Receipt) -> None:
        self._change(_ADD, RECEIPT.values(receipt))
