"""Exploration on line: the tree, attributes, customers by role, VIP on circuits, the messages."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from playwright.async_api import expect

from headend.domain.account import Role
from scenarios.utility.naming import System, feeder_key
from tests.cim_adapters.utilities import UTILITY
from tests.web.browser import browsing, looked_at
from tests.web.ground import Ground, opened
from tests.web.systems import systems

PATH = "/online/exploration"
ZONE = f"{PATH}?cls=CFE_Zone&key=Z01"


async def asked(ground: Ground, path: str, *roles: Role) -> httpx2.Response:
    text = await ground.someone(*roles)
    async with httpx2.AsyncClient(
        base_url=ground.url, trust_env=False, cookies={"ami_session": text}
    ) as http:
        return await http.get(path, headers={"Accept-Language": "en"}, timeout=60)


@pytest.mark.requires("chromium")
async def test_exploration_on_line_looks_right(tmp_path: Path) -> None:
    async with opened(Ground(adapters=systems(tmp_path))) as ground:
        async with browsing(ground, Role.ANALYST) as it:
            await looked_at(
                it, f"{ZONE}&show=services", es="Exploración en línea",
                en="Exploration on line", shot="online-exploration",
            )  # fmt: skip
            vip = next(it for it in UTILITY.vip if it.current and not it.feeder.new)
            key = feeder_key(System.SIAD, vip.feeder)
            await it.go(f"{PATH}?cls=CFE_Circuit&key={key}&show=vip")
            await expect(it.page.get_by_role("cell", name=vip.name)).to_be_visible()
            first = it.page.locator("details.message").first
            await expect(first).to_contain_text(vip.name)  # the message behind what is seen
            await it.is_clean()
            await it.page.locator(".tree a[aria-current]").focus()
            await expect(it.page.locator(".tree a[aria-current]")).to_be_focused()
            await it.page.locator("details.message summary").first.press("Enter")
            await expect(it.page.locator("details.message pre").first).to_contain_text("get")


async def test_customers_are_for_some_roles_and_on_zones_alone(tmp_path: Path) -> None:
    request = next(it for it in UTILITY.requests if it.email and it.zone.number == 1)
    async with opened(Ground(adapters=systems(tmp_path))) as ground:
        seen = await asked(ground, f"{ZONE}&show=services", Role.ANALYST)
        assert seen.status_code == 200
        assert request.customer.name in seen.text and str(request.email) in seen.text
        for role in (Role.QA, Role.TECHNICIAN):
            refused = await asked(ground, f"{ZONE}&show=services", role)
            assert refused.status_code == 403 and request.customer.name not in refused.text
            plain = await asked(ground, ZONE, role)
            assert plain.status_code == 200 and request.customer.name not in plain.text
        nowhere = await asked(ground, f"{PATH}?cls=Substation&key=X&show=services", Role.ANALYST)
        assert nowhere.status_code == 400


async def test_vip_customers_are_those_of_the_circuit_by_its_other_name(tmp_path: Path) -> None:
    vip = next(it for it in UTILITY.vip if it.current and not it.feeder.new)
    key = feeder_key(System.SIAD, vip.feeder)
    async with opened(Ground(adapters=systems(tmp_path))) as ground:
        seen = await asked(ground, f"{PATH}?cls=CFE_Circuit&key={key}&show=vip", Role.ANALYST)
        assert seen.status_code == 200
        assert vip.name in seen.text and feeder_key(System.VIP, vip.feeder) in seen.text
        elsewhere = await asked(ground, f"{ZONE}&show=vip", Role.ANALYST)
        assert elsewhere.status_code == 400
        gone = await asked(ground, f"{PATH}?cls=CFE_Zone&key=Z99", Role.ANALYST)
        assert gone.status_code == 404


async def test_a_system_that_is_away_is_named(tmp_path: Path) -> None:
    utility = systems(tmp_path)
    async with opened(Ground(adapters=utility)) as ground:
        utility.away.add("SIAD")
        seen = await asked(ground, ZONE, Role.ANALYST)
        assert seen.status_code == 200 and "adapter-away" in seen.text
    async with opened() as ground:
        seen = await asked(ground, ZONE, Role.ANALYST)
        assert seen.status_code == 200 and "no-adapter-configured" in seen.text
