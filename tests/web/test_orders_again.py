"""An order that was not carried out, sent once more from its page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.async_api import expect

from headend.domain.account import Role
from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.orders import repeat
from headend.orders.accept import Submission, Wish
from headend.ports import Transaction
from headend.store import queries
from headend.store.queries import OrderFilter
from tests.web.browser import browsing
from tests.web.filled import NAMES, filled
from tests.web.ground import Ground
from tests.web.test_visits import client, posted


async def failed(ground: Ground, wish: Wish, state: State = State.FAILED) -> int:
    """An order of the commercial system's that ended so; its number."""
    acceptance, now = ground.parts.placing.acceptance, ground.clock.now()
    submission = Submission("COMERCIAL", (wish,), "m-9", "c-9", any_day=True, deadline=now)

    def work(tx: Transaction) -> int:
        (order,) = acceptance.accept(tx, submission, "t-9", at=now).orders
        for each in (State.DISPATCHED, state) if state is State.FAILED else (state,):
            order = replace(order, state=each, reason=ReasonCode.METER_UNREACHABLE, ended_at=now)
            tx.save_order(order, at=now, cause="as a test wants it")
        return order.number

    return await ground.store.run(work)


def _order(ground: Ground, number: int) -> Order:
    found = ground.store.read(lambda c: queries.order(c, number))
    assert found is not None
    return found


@pytest.mark.requires("chromium")
async def test_a_failed_order_is_sent_again_and_says_which_it_repeats() -> None:
    async with filled() as ground, browsing(ground, Role.OPERATOR) as it:
        now = ground.clock.now()
        wish = Wish(NAMES[4], Kind.SET_LIMIT, Decimal(2000), "W", until=now + timedelta(hours=9))
        number = await failed(ground, wish)
        page = it.page
        await it.go(f"/orders/{number}")
        await page.get_by_role("link", name="Enviar otra vez").press("Enter")
        await expect(page.locator("h1")).to_have_text(f"Enviar otra vez la orden {number}")
        await expect(page.locator(".facts").first).to_contain_text(re.compile(r"2\W?000\W*W"))
        await it.is_clean()
        await page.fill("#why", "el vecino avisa que volvió la luz")
        await page.get_by_role("button", name="Enviar la orden").click()
        await expect(page.get_by_role("status")).to_have_text("✓ La orden está enviada.")
        await expect(page.locator(".facts")).to_contain_text("Repite la orden")
        await it.is_clean()
        await page.locator(".facts").get_by_role("link", name=str(number), exact=True).click()
        await expect(page.locator(".facts")).to_contain_text("Enviada otra vez como")
        old, new = _order(ground, number), _order(ground, number + 1)
        same = ("meter", "kind", "amount", "unit", "until", "any_day")
        assert [getattr(new, each) for each in same] == [getattr(old, each) for each in same]
        assert (new.source, new.state, new.reply_address) == ("operator", State.QUEUED, None)
        assert new.deadline > now
        assert "el vecino" in " ".join(line.detail for line in ground.audit()[-4:])


async def test_it_is_sent_once_by_whom_may_and_only_where_something_failed() -> None:
    async with filled() as ground, client(ground) as http:
        text = await ground.someone(Role.OPERATOR)
        http.cookies.set("ami_session", text, domain="127.0.0.1")

        async def post(number: int, **fields: str) -> tuple[int, str]:
            answer = await posted(http, f"/orders/{number}/repeat", text, fields)
            return answer.status_code, answer.headers.get("location", answer.text)

        cut = await failed(ground, Wish(NAMES[4], Kind.DISCONNECT))
        assert (await post(cut))[0] == 400  # no reason is given
        page = (await http.get(f"/orders/{cut}/repeat")).text
        assert "corta el suministro" in page and "danger" in page
        status, where = await post(cut, why="x", key="k-1")
        assert (status, where) == (303, f"/orders/{cut + 1}?done=orders.done.sent")
        assert await post(cut, why="x", key="k-1") == (303, where)
        again = OrderFilter(correlation_id=repeat.reference(cut))
        assert len(ground.store.read(lambda c: queries.orders(c, again))) == 1
        assert any("order.cut" in line for line in ground.story()[-3:])

        waits = (await post(cut + 1, why="x", key="k-2"))[1]
        assert (
            "Esa orden no falló" in waits
            and "no falló" in (await http.get(f"/orders/{cut + 1}/repeat")).text
        )
        now = ground.clock.now()
        short = Wish(NAMES[5], Kind.SET_LIMIT, Decimal(2000), "W", until=now)
        late = await failed(ground, short, State.EXPIRED)
        assert "Su fin ya pasó" in (await post(late, why="x", key="k-3"))[1]
        keys = await failed(ground, Wish(NAMES[6], Kind.CHANGE_KEYS))
        assert (await post(keys, why="x", key="k-4"))[0] == 403
        assert (await post(99_999, why="x"))[0] == 404
        http.cookies.set("ami_session", await ground.someone(Role.QA), domain="127.0.0.1")
        assert f"/orders/{cut}/repeat" not in (await http.get(f"/orders/{cut}")).text
        assert (await http.get(f"/orders/{cut}/repeat")).status_code == 403
