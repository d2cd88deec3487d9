"""What pages are made of: charts with their tables, what changes as it comes, static files."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import APIRouter, Response
from playwright.async_api import expect

from headend.domain.account import Role
from headend.domain.change import Change, ChangeKind
from headend.ports import Transaction
from headend.web import static
from headend.web.chart import Chart
from headend.web.render import HEADERS, environment, rendered
from headend.web.visit import Known
from tests.web.browser import browsing, looked_at
from tests.web.ground import Ground, opened

SAMPLE = """{% extends "base.html" %}{% import "parts.html" as parts with context %}
{% block title %}S{% endblock %}
{% block head %}{{ parts.chart_scripts() }}{{ parts.live_scripts() }}{% endblock %}
{% block main %}<h1>Sample</h1>
<p data-live="/live?kind=order" class="live-mark">{{ t("site.live") }}</p>
<p id="count" data-part>{{ count }}</p>
{% for kind in ("good", "some", "bad", "busy", "idle") %}{{ parts.status(kind, kind) }} {% endfor %}
{{ parts.chart(chart) }}{% endblock %}"""
CHART = Chart(
    "sample", "Three feeders", "The second is the highest.",
    [{"type": "bar", "x": ["F1", "F2", "</script>"], "y": [1, 2.5, 2], "name": "<b>", "ami": 0},
     {"type": "scatter", "x": ["F1", "F2", "</script>"], "y": [2, 1, 1.5], "name": "b", "ami": 1}],
    ["Feeder", "Value"], [["F1", "1"], ["F2", "2,5"], ["</script>", "2"]],
)  # fmt: skip
router = APIRouter()
seen: list[int] = []


@router.get("/sample")
async def sample(visit: Known) -> Response:
    seen.append(1)
    template = environment().from_string(SAMPLE)
    return rendered(visit, template, chart=CHART, count=len(seen))


@pytest.mark.requires("chromium")
async def test_a_chart_is_drawn_and_says_the_same_as_a_table() -> None:
    async with opened(None, router) as ground, browsing(ground, Role.OPERATOR) as it:
        await looked_at(it, "/sample", es="Sample", en="Sample", shot="sample")
        await expect(it.page.locator("#sample svg.main-svg").first).to_be_visible()
        await expect(it.page.locator(".behind table")).to_be_hidden()
        await it.page.locator(".behind summary").press("Enter")
        await expect(it.page.locator(".behind tbody tr")).to_have_count(3)
        await it.is_clean()


@pytest.mark.requires("chromium")
async def test_a_page_follows_what_changes() -> None:
    async with opened(None, router) as ground, browsing(ground, Role.OPERATOR) as it:
        await it.go("/sample")
        await expect(it.page.locator(".live-mark[data-on]")).to_be_visible()
        before = int(await it.page.locator("#count").inner_text())
        await _ended(ground)
        await expect(it.page.locator("#count")).not_to_have_text(str(before))


async def _ended(ground: Ground) -> None:
    """An order comes to its end, and its change has a place among the changes."""

    def work(tx: Transaction) -> None:
        tx.tell(Change(ChangeKind.ORDER, "done", ground.clock.now(), 7, "M001"))

    await ground.store.run(work)
    await ground.numbered()


async def test_static_files_are_packed_and_kept_for_good() -> None:
    async with opened() as ground, httpx2.AsyncClient(base_url=ground.url, trust_env=False) as http:
        for name in ("plotly.min.js", "site.css"):
            found = await http.get(static.address(name))
            assert found.status_code == 200 and "immutable" in found.headers["cache-control"]
            assert found.headers["content-encoding"] == "gzip"
            plain = await http.get(static.address(name), headers={"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers and plain.content == found.content
        for path in ("/static/0/site.css", "/static/x/..%2fdoor.py", "/static/x/"):
            assert (await http.get(path)).status_code == 404


async def test_headers_and_methods_of_every_page() -> None:
    async with opened() as ground, httpx2.AsyncClient(base_url=ground.url, trust_env=False) as http:
        page = await http.get("/login")
        for name, value in HEADERS.items():
            assert page.headers[name] == value
        assert (
            "unsafe-inline"
            not in HEADERS["Content-Security-Policy"].split("script-src")[1].split(";")[0]
        )
        assert (await http.get("/health")).json()["healthy"]  # REST is still there
        assert (await http.get("/api/v1/orders")).status_code == 401
        gone = await http.get("/nowhere")
        assert gone.status_code == 404 and "no-such-page" in gone.text
