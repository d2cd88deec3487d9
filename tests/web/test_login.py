"""Coming in, going out, choosing another password; who is not let in."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from headend.access.first import FIRST, first_administrator
from headend.domain.account import Role
from tests.access.making import RIGHT, WRONG
from tests.web.browser import browsing, looked_at
from tests.web.ground import Ground, opened

pytestmark = pytest.mark.requires("chromium")


async def test_a_login_by_its_form_and_the_way_out() -> None:
    async with opened() as ground, browsing(ground, nobody=True, expected=("401",)) as it:
        await ground.account("ana", Role.OPERATOR)
        page = it.page
        await it.go("/password")
        assert "/login?next=" in page.url
        await page.fill("#name", "ana")
        await page.fill("#password", WRONG)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("no es correcta")
        assert await page.input_value("#name") == "ana"
        await page.fill("#password", RIGHT)
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("Cambiar contraseña")
        (cookie,) = [each for each in await it.context.cookies() if "session" in each["name"]]
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and not cookie["secure"]
        await page.locator("details.who summary").click()
        await page.get_by_role("button", name="Salir").click()
        await expect(page.locator("h1")).to_have_text("Entrar")
        await it.context.add_cookies([cookie])
        await it.go("/")
        assert "/login" in page.url  # the session has ended, whoever kept its cookie
        assert ground.story()[-4:] == [
            "account.add done admin", "login refused ana", "login done ana", "logout done ana",
        ]  # fmt: skip


async def test_the_first_administrator_must_choose_a_password() -> None:
    async with (
        opened(Empty()) as ground,
        browsing(ground, nobody=True, expected=("400",)) as it,
    ):
        password = await first_administrator(ground.desk)
        assert password is not None and await first_administrator(ground.desk) is None
        page = it.page
        await it.go("/")
        await page.fill("#name", FIRST)
        await page.fill("#password", password)
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("Cambiar contraseña")
        await it.go("/")
        await expect(page.locator("h1")).to_have_text("Cambiar contraseña")  # nowhere else
        for new, told in (("short", "demasiado corta"), (RIGHT, None)):
            await page.fill("#old", password)
            await page.fill("#new", new)
            await page.fill("#again", new)
            await page.keyboard.press("Enter")
            if told is not None:
                await expect(page.get_by_role("alert")).to_contain_text(told)
        await expect(page.get_by_role("status")).to_contain_text("está cambiada")
        await expect(page.locator("h1")).to_contain_text(FIRST)


async def test_pages_to_come_in_look_right_to_everybody() -> None:
    async with opened() as ground, browsing(ground, nobody=True) as it:
        await looked_at(it, "/login", es="Entrar", en="Log in", shot="login")
        await it.log_in()
        await looked_at(it, "/password", es="Cambiar contraseña", en="Change password")


async def test_language_and_theme_are_chosen_by_the_keyboard_and_kept() -> None:
    async with opened() as ground, browsing(ground, nobody=True) as it:
        page = it.page
        await it.go("/login")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.get_by_role("button", name="English (EN)").press("Enter")
        await expect(page.locator("h1")).to_have_text("Log in")
        await page.get_by_role("button", name="Dark").press("Enter")
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await it.go("/login")
        await expect(page.locator("html")).to_have_attribute("lang", "en")


class Empty(Ground):
    """Without any account."""

    async def open(self) -> Empty:
        return self
