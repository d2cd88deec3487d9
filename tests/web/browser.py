"""A browser for all tests of pages, and what is looked at on every page.

The browser is started once; its loop goes on from test to test (conftest.py).  A test has a context
of its own, which notes what a page should not do: errors, questions to anybody else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from headend.domain.account import Role
from tests.web.ground import Ground

WIDE, PHONE = (1280, 900), (390, 844)
SHOTS = os.environ.get("AMI_SCREENSHOTS") or None
"""A folder: each page that is looked at leaves its pictures there."""
CHECKED = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],  # what passes is not told in full, which takes twice as long
}


@dataclass
class Started:
    """The one browser, where a test has wanted it."""

    driver: Playwright | None = None
    browser: Browser | None = None

    async def wanted(self) -> Browser:
        if self.browser is None:
            program = shutil.which("chromium")
            assert program is not None
            options = ["--no-sandbox"] if os.getuid() == 0 else []
            self.driver = await async_playwright().start()
            self.browser = await self.driver.chromium.launch(executable_path=program, args=options)
        return self.browser

    async def ended(self) -> None:
        if self.browser is not None and self.driver is not None:
            await self.browser.close()
            await self.driver.stop()


STARTED = Started()


@dataclass
class Browsed:
    """A page in a browser, and what it did that it should not have."""

    ground: Ground
    context: BrowserContext
    page: Page
    bad: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of console errors that a test provokes, as a refused login."""
    also: tuple[str, ...] = ()
    """Where else a test leads the browser, as to the identity provider."""

    def note(self, what: str) -> None:
        if what and not any(each in what for each in self.expected):
            self.bad.append(what)

    def asked(self, url: str) -> None:
        if not url.startswith((self.ground.url, "data:", "blob:", *self.also)):
            self.bad.append(f"asked elsewhere: {url}")

    async def go(self, path: str) -> None:
        """Open a page and wait until it is drawn."""
        await self.page.goto(self.ground.url + path)
        await self.drawn()

    async def drawn(self) -> None:
        await self.page.wait_for_selector("body[data-ready]")
        await self.page.wait_for_function(
            "() => [...document.querySelectorAll('.plot')].every(plot => plot.dataset.drawn)"
        )

    async def prefer(self, language: str, theme: str) -> None:
        for name, value in (("ami_language", language), ("ami_theme", theme)):
            await self.context.add_cookies([{"name": name, "value": value, "url": self.ground.url}])

    async def log_in(self, *roles: Role) -> None:
        """Have a session, without the form."""
        text = await self.ground.someone(*roles)
        await self.context.add_cookies(
            [{"name": "ami_session", "value": text, "url": self.ground.url}]
        )

    async def is_clean(self) -> None:
        """Nothing was wrong so far, nothing is wider than the screen, and who does not see the page
        can use it."""
        assert not self.bad, self.bad
        inside = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert await self.page.evaluate(inside), "it is wider than the screen"
        found = await Axe().run(self.page, options=CHECKED)
        wrong = [
            (each["id"], each["help"], [node["html"][:200] for node in each["nodes"][:3]])
            for each in found.response["violations"]
        ]
        assert not wrong, wrong


@contextlib.asynccontextmanager
async def browsing(
    ground: Ground, *roles: Role, nobody: bool = False, expected: tuple[str, ...] = ()
) -> AsyncIterator[Browsed]:
    """A fresh context, logged in with these roles; all roles where none is named."""
    browser = await STARTED.wanted()
    context = await browser.new_context(
        locale="es-CL",
        viewport={"width": WIDE[0], "height": WIDE[1]},
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    try:
        page = await context.new_page()
        it = Browsed(ground, context, page, expected=expected)
        page.on("pageerror", lambda error: it.note(f"{error}"))
        page.on("console", lambda said: it.note(said.text if said.type == "error" else ""))
        page.on("request", lambda asked: it.asked(asked.url))
        if not nobody:
            await it.log_in(*roles)
        yield it
        assert not it.bad, it.bad
    finally:
        await context.close()


async def looked_at(it: Browsed, path: str, *, es: str, en: str, shot: str | None = None) -> None:
    """A page as people see it: Spanish, light and wide; English, dark and on a phone.

    `es` and `en` are its first heading in each.  With `shot` and AMI_SCREENSHOTS it is looked at
    the other way round as well, and pictures are left: SHOT-es-light, SHOT-en-phone-dark, …
    """
    looks = [("es", "light", WIDE), ("en", "dark", PHONE)]
    if SHOTS is not None:
        looks += [("en", "dark", WIDE), ("es", "light", PHONE)]
    for language, theme, (width, height) in looks:
        await it.prefer(language, theme)
        await it.page.set_viewport_size({"width": width, "height": height})
        await it.go(path)
        assert await it.page.get_attribute("html", "lang") == language
        heading = (await it.page.locator("h1").first.inner_text()).strip()
        assert heading == (es if language == "es" else en)
        await it.is_clean()
        if shot is not None and SHOTS is not None:
            phone = "-phone" if width == PHONE[0] else ""
            name = f"{shot}-{language}{phone}-{theme}.png"
            await it.page.screenshot(path=Path(SHOTS) / name, full_page=bool(phone))
    await it.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
