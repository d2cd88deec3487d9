"""Each page of the console, as people see it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from headend.domain.account import Permission, Role, permissions_of
from headend.domain.order import Kind
from headend.rest.campaign_told import CampaignWanted
from headend.web import door, pages
from headend.web.page import Menu, Page
from tests.web.browser import Browsed, browsing, looked_at
from tests.web.filled import NAMES, TRAFO, filled
from tests.web.ground import Ground

pytestmark = pytest.mark.requires("chromium")

CONSOLE = (
    "alarms", "orders", "campaigns", "meters", "concentrators", "collection", "levels", "reports",
    "accounts", "audit", "interfaces",
)  # fmt: skip
LOOKED_AT = {
    "alarms": ("/alarms", "Alarmas", "Alarms"),
    "orders": ("/orders", "Órdenes", "Orders"),
    "order": ("/orders/1", "Orden 1", "Order 1"),
    "order-new": ("/orders/new", "Nueva orden", "New order"),
    "campaigns": ("/campaigns", "Campañas", "Campaigns"),
    "campaign": ("/campaigns/1", "Campaña 1", "Campaign 1"),
    "meters": ("/meters", "Medidores", "Meters"),
    "meter": (f"/meters/{NAMES[0]}", f"Medidor {NAMES[0]}", f"Meter {NAMES[0]}"),
    "why": (
        f"/meters/{NAMES[7]}/why", f"¿Por qué no lee el medidor {NAMES[7]}?",
        f"Why is meter {NAMES[7]} not reading?",
    ),
    "concentrators": ("/concentrators", "Concentradores", "Concentrators"),
    "concentrator": (f"/concentrators/{TRAFO}", f"Concentrador {TRAFO}", f"Concentrator {TRAFO}"),
    "collection": ("/collection", "Recolección", "Collection"),
    "levels": ("/levels", "Niveles de servicio", "Service levels"),
    "reports": ("/reports", "Informes y exportaciones", "Reports and exports"),
    "accounts": ("/accounts", "Usuarios y tokens", "Users and tokens"),
    "audit": ("/audit", "Auditoría", "Audit"),
    "interfaces": ("/interfaces", "Interfaces", "Interfaces"),
    "home": ("/", "Hola, all", "Hello, all"),
}  # fmt: skip


async def started(ground: Ground) -> None:
    """A campaign for two meters."""
    wanted = CampaignWanted(kind=Kind.CONNECT, meters=NAMES[:2], waves=["1", "100%"], note="ronda")
    await ground.ask(
        "POST", "/api/v1/campaigns", Permission.ORDER_SEND, json=wanted.model_dump(mode="json"),
        headers={"Idempotency-Key": "c-1"},
    )  # fmt: skip


@pytest.mark.parametrize("shot", LOOKED_AT)
async def test_a_page_looks_right_to_everybody(shot: str) -> None:
    path, es, en = LOOKED_AT[shot]
    async with filled() as ground, browsing(ground) as it:
        if shot.startswith("campaign"):
            await started(ground)
        await looked_at(it, path, es=es, en=en, shot=shot)


def test_each_page_of_the_console_is_looked_at() -> None:
    here = {"headend.web.pages." + name for name in CONSOLE}
    mine = [page for module in pages.MODULES if module.__name__ in here for page in module.PAGES]
    named = {path for path, _, _ in LOOKED_AT.values()}
    assert {page.path for page in mine} - named == {"/party"}  # is the page of reports again


@pytest.mark.parametrize("role", Role)
async def test_a_role_is_offered_what_it_may_and_no_more(role: Role) -> None:
    async with filled() as ground, browsing(ground, role, expected=("403", "404")) as it:
        await it.go("/")
        offered = await it.page.locator("nav.menu a").evaluate_all(
            "links => links.map(link => link.getAttribute('href'))"
        )
        mine = permissions_of([role])
        assert offered == [page.path for page in _in_order() if page.permission in mine]
        for page in _in_order():
            answer = await it.page.request.get(ground.url + page.path)
            allowed = page.permission in mine
            assert (answer.status == 403) is not allowed or page.name == "party", page.path
            assert answer.status < 500


async def test_an_order_is_checked_sent_and_followed() -> None:
    async with filled() as ground, browsing(ground, Role.OPERATOR) as it:
        page = it.page
        await it.go(f"/orders/new?meter={NAMES[3]}")
        await page.select_option("#kind", "disconnect")
        await page.check("#any_day")
        await page.fill("#why", "no paga desde marzo")
        await page.click("button.main")
        await expect(page.locator("h1")).to_have_text("Revise antes de enviar")
        await expect(page.locator(".note.bad")).to_contain_text("corta el suministro")
        await it.is_clean()
        await page.click("button.danger")
        await expect(page.get_by_role("status")).to_have_text("✓ La orden está enviada.")
        number = int(page.url.partition("?")[0].rpartition("/")[2])
        order = await ground.store.run(lambda tx: tx.order(number))
        assert order is not None and order.kind is Kind.DISCONNECT and order.source == "operator"
        told = [line for line in ground.audit() if "no paga" in line.detail]
        assert {(line.action, line.actor) for line in told} == {("order.send", "operator")}
        await expect(page.locator(".live-mark[data-on]")).to_be_visible()
        page.on("dialog", lambda asked: asked.accept())
        await page.get_by_role("button", name="Anular").click()
        await expect(page.locator("#state .status")).to_have_text("○anulada")
        assert ground.story()[-1] == "order.cancel done operator"


async def test_a_page_of_an_order_follows_its_journal() -> None:
    async with filled() as ground, browsing(ground, Role.TECHNICIAN) as it:
        await it.go("/orders/1")
        lines = it.page.locator("#journal li")
        before = await lines.count()
        await expect(it.page.locator(".live-mark[data-on]")).to_be_visible()
        await ground.ask("POST", "/api/v1/orders/1/cancel", Permission.ORDER_CANCEL)
        await expect(lines).to_have_count(before + 1)
        await expect(it.page.locator("#state .status")).to_have_text("○anulada")
        assert await it.page.get_by_role("button", name="Anular").count() == 0


async def test_who_looks_after_an_incident() -> None:
    async with filled() as ground, browsing(ground, Role.OPERATOR) as it:
        await it.go("/alarms")
        row = it.page.locator("#incidents tbody tr").first
        await row.get_by_label("Nota").fill("va la cuadrilla 3")
        await row.get_by_role("button").click()
        await expect(it.page.get_by_role("status")).to_contain_text("a su nombre")
        await expect(row).to_contain_text("operator")
        await expect(row).to_contain_text("va la cuadrilla 3")


async def test_a_campaign_is_paused_with_a_reason_and_goes_on() -> None:
    async with filled() as ground, browsing(ground, Role.OPERATOR) as it:
        await started(ground)
        await it.go("/campaigns/1")
        await it.page.get_by_label("Por qué").fill("lluvia")
        await it.page.get_by_role("button", name="Pausar").click()
        await expect(it.page.locator(".lead")).to_contain_text("en pausa — lluvia")
        await it.page.get_by_role("button", name="Seguir").click()
        await expect(it.page.locator(".lead")).to_contain_text("en marcha")


async def test_an_administrator_makes_an_account_and_a_token() -> None:
    async with filled() as ground, browsing(ground, Role.ADMINISTRATOR) as it:
        page = it.page
        await it.go("/accounts")
        form = page.locator("form[action='/accounts']")
        await form.get_by_label("Cuenta").fill("eva")
        await form.get_by_label("análisis").check()
        await form.get_by_role("button").click()
        password = await page.locator(".secret").inner_text()
        await it.is_clean()
        form = page.locator("form[action='/tokens']")
        await form.get_by_label("Cuenta").select_option("eva")
        await form.get_by_role("button").click()
        assert (await page.locator(".secret").inner_text()).startswith("ami_")
        await _comes_in(ground, "eva", password)
        kept = await ground.store.run(lambda tx: tx.account("eva"))
        assert kept is not None and kept.one_time and kept.roles == (Role.ANALYST,)


async def _comes_in(ground: Ground, name: str, password: str) -> None:
    async with browsing(ground, nobody=True) as it:
        await it.go("/login")
        await it.page.fill("#name", name)
        await it.page.fill("#password", password)
        await it.page.keyboard.press("Enter")
        await expect(it.page.locator("h1")).to_have_text("Cambiar contraseña")


async def test_the_chain_of_the_audit_log_is_walked() -> None:
    async with filled() as ground, browsing(ground, Role.AUDITOR) as it:
        await it.go("/audit")
        await it.page.get_by_role("button", name="Verificar").click()
        await expect(it.page.get_by_role("status")).to_contain_text("La cadena está completa")


async def test_a_technician_reads_a_meter_from_a_phone() -> None:
    async with filled() as ground, browsing(ground, Role.TECHNICIAN) as it:
        await it.page.set_viewport_size({"width": 390, "height": 844})
        await it.go("/")
        await expect(it.page.locator("nav.menu")).to_be_hidden()
        await it.page.get_by_role("button", name="Menú").press("Enter")
        await it.page.locator("nav.menu").get_by_role("link", name="Medidores").click()
        await it.page.fill("#find", NAMES[5])
        await it.page.keyboard.press("Enter")
        await expect(it.page.locator("h1")).to_have_text(f"Medidor {NAMES[5]}")
        await it.drawn()
        await it.page.select_option("#object", "clock")
        await it.page.get_by_role("button", name="Leer ahora").click()
        await expect(it.page.get_by_role("status")).to_contain_text("pedida")
        await _is_a_read(it, ground)


async def _is_a_read(it: Browsed, ground: Ground) -> None:
    number = int(it.page.url.partition("?")[0].rpartition("/")[2])
    order = await ground.store.run(lambda tx: tx.order(number))
    assert order is not None and order.kind is Kind.READ and order.meter == NAMES[5]


def _in_order() -> list[Page]:
    """The pages as menus show them."""
    shown = [page for page in door._pages() if page.menu is not Menu.QA]  # not configured here
    return sorted(shown, key=lambda page: list(Menu).index(page.menu))
