"""The page to try the door, in a browser: what is chosen, written, sent, and told of the answer."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from lxml import etree
from playwright.async_api import Page, async_playwright, expect

from headend.domain.order import Kind
from headend.soap.door.documents import ORDER_DESK
from headend.soap.door.trying import HEADERS, code_words, sendable, trying_router
from protocols.cim import envelope, examples, nouns, xml
from tests.soap.counter import Counter, counter
from tests.soap.door import open_door


def test_every_noun_has_something_to_send() -> None:
    found = sendable(examples.of_nouns(), ORDER_DESK)
    assert {each.noun for each in found} == set(nouns.NOUNS)
    for each in found:
        assert ORDER_DESK.root + each.endpoint in ORDER_DESK.wsdls
        assert envelope.read(xml.parse(each.xml.encode())).header is not None


def test_codes_have_words_in_both_languages() -> None:
    for rows in code_words().values():
        assert rows
        for code, english, spanish in rows:
            assert code and english and spanish


def test_the_page_is_whole_and_leads_nowhere_else() -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(trying_router(examples.of_nouns))
    client = TestClient(app)
    page = client.get("/soap/try")
    assert page.status_code == 200
    for name, value in HEADERS.items():
        assert page.headers[name] == value
    parts = etree.HTML(page.text)
    linked = [each.get("src") or each.get("href") for each in parts.iter("script", "link")]
    for link in linked:
        assert link == "data:," or client.get(f"/soap/{link}").status_code == 200
    for name in ("..%2froute.py", "nothing.js", "try.html%00"):
        assert client.get(f"/soap/try/{name}").status_code == 404
    shown = msgspec.json.decode(client.get("/soap/try/messages.json").content)
    assert {"messages", "codes"} == set(shown)


@dataclass
class Browsed:
    """A page in a browser, and what it did that it should not have."""

    page: Page
    counter: Counter
    bad: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        if what and not what.startswith("data:"):
            self.bad.append(what)

    async def choose(self, noun: str, pattern: str) -> None:
        await self.page.select_option("#noun", noun)
        await self.page.select_option("#pattern", pattern)

    async def send(self) -> str:
        """The verdict."""
        await self.page.click("#send")
        return await self.page.locator("#result .verdict").inner_text()


@contextlib.asynccontextmanager
async def browsed(language: str, width: int = 1300) -> AsyncIterator[Browsed]:
    desk = await counter()
    program = shutil.which("chromium")
    assert program is not None
    options = ["--no-sandbox"] if os.getuid() == 0 else []
    async with (
        open_door(desk.server, tried=examples.of_nouns) as base,
        async_playwright() as driver,
        await driver.chromium.launch(executable_path=program, args=options) as browser,
    ):
        context = await browser.new_context(
            locale=language, viewport={"width": width, "height": 900}
        )
        page = await context.new_page()
        it = Browsed(page, desk)
        page.on("pageerror", lambda error: it.note(f"{error}"))
        page.on("console", lambda said: it.note(said.text if said.type == "error" else ""))
        page.on("request", lambda asked: it.note("" if base in asked.url else asked.url))
        await page.goto(f"{base}/soap/try")
        await expect(page.locator("body[data-ready]")).to_be_visible()
        yield it
        assert it.bad == []


@pytest.mark.live
@pytest.mark.requires("chromium")
async def test_an_order_is_written_by_its_fields_and_sent() -> None:
    async with browsed("en-GB") as it:
        await it.choose("EndDeviceControls", "create-async")
        page = it.page
        await page.get_by_label("without ReplyAddress").click()
        await page.get_by_label("without EndDevices").last.click()
        await page.get_by_label("value").first.fill("4100")
        assert "<value>4100</value>" in await page.input_value("#xml")
        assert await it.send() == "✓ OK"
        await expect(page.locator("#result td").first).to_have_text("0.3")
        await expect(page.locator("#result")).to_contain_text("ami cim explain")
        order = await it.counter.store.run(lambda tx: tx.order(1))
        assert order is not None
        assert (order.meter, order.kind, order.amount) == ("90000001", Kind.SET_LIMIT, 4100)
        # The next one is a message of its own.
        assert await it.send() == "✓ OK"
        assert await it.counter.store.run(lambda tx: tx.order(2)) is not None
        await expect(page.locator("#sent li")).to_have_count(2)


@pytest.mark.live
@pytest.mark.requires("chromium")
async def test_a_refusal_is_told_in_spanish_on_a_phone() -> None:
    async with browsed("es-CL", width=400) as it:
        page = it.page
        await expect(page.locator("h1")).to_have_text("Pruebe la interfaz CIM")
        await it.choose("EndDeviceControls", "create-async")
        assert await it.send() == "✗ FAILED"
        await expect(page.locator("#result td").nth(2)).to_contain_text("DIRECCION_NO_AUTORIZADA")
        await page.fill("#xml", "<RequestMessage")
        await expect(page.locator("#unreadable")).to_contain_text("Esto no es XML")
        await page.click("button[lang=en]")
        await expect(page.locator("h1")).to_have_text("Try the CIM interface")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 400
