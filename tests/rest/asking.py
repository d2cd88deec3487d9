"""What tests of several routes ask: an order, and all pages of a list."""

from __future__ import annotations

from typing import Any

from headend.domain.account import Permission
from tests.rest.house import Door

P = Permission
ORDERS, METERS = "/api/v1/orders", "/api/v1/meters"
LIMIT = {
    "meter": "M001", "kind": "set-limit", "amount": "1500.5", "unit": "W", "any_day": True,
}  # fmt: skip


async def send(door: Door, key: str = "k-1", **wanted: Any) -> Any:
    asked = {**LIMIT, **wanted}
    return await door.ask(
        "POST", ORDERS, P.ORDER_SEND, P.ORDER_CUT,
        json={name: value for name, value in asked.items() if value is not None},
        headers={"Idempotency-Key": key},
    )  # fmt: skip


async def walk(door: Door, path: str, permission: Permission, **params: Any) -> list[list[Any]]:
    """All pages."""
    pages = []
    next_: str | None = None
    while True:
        asked = {**params, **({} if next_ is None else {"cursor": next_})}
        page = (await door.ask("GET", path, permission, params=asked)).json()
        pages.append(page["items"])
        next_ = page["next"]
        if next_ is None:
            return pages
