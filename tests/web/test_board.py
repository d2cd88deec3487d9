"""What is announced stands on every page and is followed until it is over; rows on a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from headend.domain.account import Role
from tests.web.browser import WIDE, browsing
from tests.web.ground import Ground, opened

WITHIN_MS = 60_000


@pytest.mark.requires("chromium")
async def test_an_announcement_is_followed_until_it_is_over() -> None:
    ground = Ground()
    async with opened(ground), browsing(ground, Role.ANALYST) as it:
        board = it.page.locator("#board")
        ground.board.say("Se carga: 1 de 31", "It fills: 1 of 31", 1 / 31)
        for language, told in (("es", "Se carga: 1 de 31"), ("en", "It fills: 1 of 31")):
            await it.prefer(language, "dark")
            await it.go("/dashboard")
            await expect(board).to_contain_text(told)
            await it.is_clean()
        ground.board.say("Se carga: 2 de 31", "It fills: 2 of 31", 2 / 31)
        await expect(board).to_contain_text("2 of 31", timeout=WITHIN_MS)
        ground.board.clear()
        await expect(board).to_be_hidden(timeout=WITHIN_MS)
        await it.go("/dashboard")
        await expect(board).to_have_count(0)


@pytest.mark.requires("chromium")
async def test_a_row_stands_as_a_card_on_a_phone() -> None:
    async with opened() as ground, browsing(ground, Role.ADMINISTRATOR) as it:
        await it.prefer("en", "light")
        await it.go("/audit")
        cell = it.page.locator("tbody tr").first.locator("td").nth(1)
        assert await cell.get_attribute("data-column") == "Time"
        before = await cell.evaluate("it => getComputedStyle(it).display")
        await it.page.set_viewport_size({"width": 390, "height": 844})
        after = await cell.evaluate("it => getComputedStyle(it).display")
        assert (before, after) == ("table-cell", "block")
        await it.is_clean()
        await it.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
