"""Campaigns begun in the pages, and images put on the shelf: looked at, left out, once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from playwright.async_api import expect

from headend.access.sessions import proof
from headend.campaigns.turning import Turning
from headend.domain.account import Role
from headend.domain.campaign import Campaign, Choice, MemberState
from headend.domain.meter import Meter, Stage
from headend.domain.meter_image import MeterImage
from headend.domain.order import Kind
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reason import ReasonCode
from headend.ports import Transaction
from headend.registry.firmware_shelf import Wanted, labelled
from headend.store import campaign_queries as queries
from headend.store import image_queries
from tests.web.browser import browsing, looked_at
from tests.web.filled import NAMES, TRAFO, filled
from tests.web.ground import Ground
from tests.web.test_visits import client, posted

HUNG = NAMES[:6]
"""They hang in the transformer T-1, and with them one that is not commissioned."""
STOCKED = "74009999"
PATIENT_MS = 30_000
OCTETS = bytes(range(256)) * 8 + b"\r\n--not-a-boundary\r\n\r\n"
FORM: dict[str, str] = {
    "kind": "set-limit", "amount": "2,5", "unit": "kW", "place": "transformer:T-1",
    "waves": "2 100%", "stop_share": "50", "why": "sequía", "any_day": "1", "key": "k-1",
}  # fmt: skip


@contextlib.asynccontextmanager
async def placed() -> AsyncIterator[Ground]:
    """A transformer with meters, and an image on the shelf."""
    async with filled() as ground:
        await ground.store.run(lambda tx: _hang(tx, ground))
        yield ground


def _hang(tx: Transaction, ground: Ground) -> None:
    now = ground.clock.now()
    tx.put_meters([Meter(STOCKED, TRAFO, model="sim-3p", stage=Stage.INSTALLED)])
    points = [f"S-{name}" for name in (*HUNG, STOCKED)]
    tx.put_places(
        [
            Place("F-12", PlaceKind.FEEDER, None, "Los Aromos"),
            Place("T-1", PlaceKind.TRANSFORMER, "F-12", "Plaza"),
            *(Place(point, PlaceKind.SERVICE_POINT, "T-1") for point in points),
        ]
    )
    for point in points:
        tx.add_installation(Installation(point[2:], point, now))
    tx.put_image(_image(ground))


def _image(ground: Ground, octets: bytes = b"an image") -> MeterImage:
    shelf = ground.parts.placing.reads.shelf
    return labelled(shelf, Wanted(octets, "sim-3p", "ami-sim-2"), "eva", ground.clock.now())


LOOKED_AT = {
    "campaign-kinds": ("/campaigns/new", "Nueva campaña", "New campaign"),
    "campaign-new": (
        "/campaigns/new?kind=update-firmware", "Nueva campaña: Firmware", "New campaign: Firmware",
    ),
    "firmware": ("/firmware", "Firmware", "Firmware"),
    "image": ("IMAGE", "ami-sim-2 para sim-3p", "ami-sim-2 for sim-3p"),
}  # fmt: skip


@pytest.mark.requires("chromium")
@pytest.mark.parametrize("shot", LOOKED_AT)
async def test_a_page_looks_right(shot: str) -> None:
    path, es, en = LOOKED_AT[shot]
    async with placed() as ground, browsing(ground) as it:
        path = path.replace("IMAGE", f"/firmware/{_image(ground).image}")
        await looked_at(it, path, es=es, en=en, shot=shot)


@pytest.mark.requires("chromium")
async def test_a_campaign_is_looked_at_begins_and_is_followed() -> None:
    async with placed() as ground, browsing(ground, Role.OPERATOR) as it:
        page = it.page
        await it.go("/campaigns")
        await page.get_by_role("link", name="Nueva campaña").click()
        await page.get_by_role("link", name="Fijar límite de potencia").click()
        await page.fill("#place", "T-1")
        await page.fill("#amount", "2000")
        await page.fill("#waves", "2 100%")
        await page.fill("#why", "sequía")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("Revise antes de comenzar")
        await expect(page.locator(".lead")).to_have_text(
            "Fijar límite de potencia 2000 W: 6 medidores"
        )
        await expect(page.locator("tbody").first).to_contain_text(STOCKED)
        await it.is_clean()
        await page.get_by_role("button", name="Corregir").click()
        await expect(page.locator("#amount")).to_have_value("2000")
        await page.check("#any_day")
        await page.get_by_role("button", name="Revisar").click()
        await page.get_by_role("button", name="Comenzar la campaña").click()
        await expect(page.get_by_role("status")).to_have_text("✓ La campaña comenzó.")
        await expect(page.locator(".live-mark[data-on]")).to_be_visible()
        await ground.store.run(lambda tx: _turn(tx, ground))
        await expect(page.locator("#story")).to_contain_text(
            "wave 1 begins: 2 meters", timeout=PATIENT_MS
        )
        under_way = page.locator("#waves tbody tr").first.locator("td").nth(2)
        await expect(under_way).to_have_text("2", timeout=PATIENT_MS)
        await it.is_clean()


def _turn(tx: Transaction, ground: Ground) -> None:
    """What the campaigns' duty would do."""
    placing = ground.parts.placing
    Turning(placing.acceptance, placing.reads).turn(tx, 1, "t-campaign", ground.clock.now())


@contextlib.asynccontextmanager
async def asking(ground: Ground, *roles: Role) -> AsyncIterator[tuple[httpx2.AsyncClient, Any]]:
    """Somebody who posts forms; what comes back is the answer."""
    async with client(ground) as http:
        text = await ground.someone(*roles)
        http.cookies.set("ami_session", text, domain="127.0.0.1")

        async def post(path: str, **fields: str) -> httpx2.Response:
            return await posted(http, path, text, fields)

        yield http, post


def _campaigns(ground: Ground) -> list[Campaign]:
    return ground.store.read(queries.campaigns)


async def test_who_is_left_out_is_told_with_why_and_what_begins_is_that() -> None:
    async with placed() as ground, asking(ground, Role.OPERATOR) as (_, post):
        named = {
            **FORM,
            "place": "",
            "meters": f"{NAMES[0]}, {NAMES[-1]}\n{STOCKED};X-1\r\n{NAMES[0]}",
        }
        told = (await post("/campaigns/new", **named, concentrator=TRAFO)).text
        assert "3 medidores" in told and "No están registrados" in told and "X-1" in told
        assert _hidden(told, "/campaigns", "meters") == f"{NAMES[0]}\n{NAMES[-1]}\n{STOCKED}"
        assert "X-1" in _hidden(told, "/campaigns/new", "meters")
        assert "El medidor está bloqueado" in told and "se detendría sola" in told
        elsewhere = (await post("/campaigns/new", **{**named, "place": "T-1"})).text
        assert "No están en lo demás" in elsewhere and "2 medidores" in elsewhere
        assert _campaigns(ground) == []

        told = (await post("/campaigns/new", **FORM)).text
        assert "6 medidores" in told and "No están comisionados" in told and STOCKED in told
        begun = await post("/campaigns", **FORM)
        assert begun.headers["location"] == "/campaigns/1?done=campaigns.done.started"
        assert (await post("/campaigns", **FORM)).headers["location"].startswith("/campaigns/1?")
        (campaign,) = _campaigns(ground)
        assert (campaign.size, campaign.choice) == (6, Choice(place="T-1"))
        assert (campaign.note, campaign.plan.waves) == ("sequía", ("2", "100%"))
        assert '"2.5"' in campaign.wish and campaign.asked_by == "operator"
        lines = [line for line in ground.audit() if line.subject.endswith("/campaigns")]
        assert "sequía" in lines[0].detail
        members = ground.store.read(lambda c: queries.campaign_meters(c, 1))
        assert {each.meter for each in members} == set(HUNG)


def _hidden(page: str, action: str, name: str) -> str:
    """What a form of a page carries in a field that nobody sees."""
    form = page.partition(f'action="{action}">')[2].partition("</form>")[0]
    found = re.search(rf'name="{name}" value="([^"]*)"', form)
    assert found is not None
    return found[1]


async def test_what_is_foreseen_as_refused_is_what_fails() -> None:
    async with placed() as ground, asking(ground, Role.OPERATOR) as (_, post):

        def differ(tx: Transaction) -> None:
            known = {name: tx.meter(name) for name in HUNG}
            assert all(known.values())
            changed = [
                replace(known[HUNG[1]] or Meter(""), blocked=True),
                replace(known[HUNG[2]] or Meter(""), contracted_w=Decimal(1000)),
                replace(known[HUNG[3]] or Meter(""), concentrator=None),
            ]
            tx.put_meters(changed)

        await ground.store.run(differ)
        whole = {**FORM, "waves": "100%", "stop_share": "100"}
        told = (await post("/campaigns/new", **whole)).text
        assert (await post("/campaigns", **whole)).status_code == 303
        await ground.store.run(lambda tx: _turn(tx, ground))
        await ground.store.run(lambda tx: _turn(tx, ground))
        failed = ground.store.read(lambda c: queries.campaign_meters(c, 1, [MemberState.FAILED]))
        assert {(each.meter, each.reason) for each in failed} == {
            (HUNG[1], ReasonCode.METER_BLOCKED), (HUNG[2], ReasonCode.LIMIT_OUT_OF_RANGE),
            (HUNG[3], ReasonCode.NOT_LINKED),
        }  # fmt: skip
        refused = told.partition("hoy se rechazarían")[2]
        for name in HUNG:
            assert (name in refused.partition("</table>")[0]) == (name in HUNG[1:4])


async def test_a_cut_is_told_as_one_and_waits_for_another_person() -> None:
    async with placed() as ground, asking(ground, Role.OPERATOR) as (_, post):
        told = (await post("/campaigns/new", **{**FORM, "kind": "disconnect"})).text
        assert "corta el suministro" in told and "otra persona" in told and "danger" in told
        told = (await post("/campaigns/new", **{**FORM, "amount": "20", "unit": "W"})).text
        assert "corta el suministro" in told


FIRMWARE = {"kind": "update-firmware", "activate_at": "2026-07-07T03:00"}


async def test_a_firmware_wave_names_its_image_and_its_time() -> None:
    async with placed() as ground, asking(ground, Role.OPERATOR) as (_, post):
        image, other_image = _image(ground).image, replace(_image(ground, b"x"), model="other")
        await ground.store.run(lambda tx: tx.put_image(other_image))
        begun = await post("/campaigns", **{**FORM, **FIRMWARE, "image": image, "model": "sim-3p"})
        assert begun.status_code == 303, begun.text
        (campaign,) = _campaigns(ground)
        assert campaign.kind is Kind.UPDATE_FIRMWARE and image in campaign.wish
        assert "2026-07-07T07:00:00Z" in campaign.wish  # three in the morning, in Santiago
        other = (
            await post("/campaigns/new", **{**FORM, **FIRMWARE, "image": other_image.image})
        ).text
        assert "hoy se rechazarían" in other


WRONG: dict[str, dict[str, str]] = {
    "no kind": {"kind": ""},
    "a kind that comes as a file": {"kind": "set-tariff"},
    "nobody": {"place": ""},
    "no such place": {"place": "T-9"},
    "no limit": {"amount": ""},
    "no number": {"amount": "much"},
    "no waves": {"waves": ""},
    "a wave of nothing": {"waves": "0%"},
    "no pace": {"pace": "-1"},
    "more than all": {"stop_share": "200"},
    "not a number": {"stop_share": "nan"},
    "no time": {"hours": "inf"},
    "an end that is past": {"until": "2020-01-01T00:00"},
    "an end that is none": {"until": "late"},
    "a meter that none is called": {"meters": "x" * 65},
    "nothing to read": {"kind": "read"},
    "no object": {"kind": "read", "objects": "nothing"},
    "no image": {"kind": "update-firmware"},
    "no such image": {"kind": "update-firmware", "image": "0" * 64},
}


async def test_what_cannot_begin_is_told_in_the_form() -> None:
    async with placed() as ground, asking(ground, Role.OPERATOR) as (http, post):
        for name, fields in WRONG.items():
            for path in ("/campaigns/new", "/campaigns"):
                answer = await post(path, **{**FORM, **fields})
                assert answer.status_code == 400 and "note bad" in answer.text, (name, path)
        reason = await post("/campaigns/new", **{**FORM, "why": ""})
        assert reason.status_code == 400
        assert _campaigns(ground) == []
        for path in ("/campaigns/new?kind=nothing", "/campaigns/new?meters=%00"):
            assert (await http.get(path)).status_code == 200
        assert (await http.get("/campaigns/99/live")).status_code == 404


async def test_who_may_not_is_not_offered_it_and_is_refused() -> None:
    async with placed() as ground:
        async with asking(ground, Role.OPERATOR) as (http, post):
            assert "change-keys" not in (await http.get("/campaigns/new")).text
            for path in ("/campaigns/new", "/campaigns"):
                assert (await post(path, **{**FORM, "kind": "change-keys"})).status_code == 403
                assert ground.audit()[-1].outcome == "refused"
        async with asking(ground, Role.OPERATOR, Role.ADMINISTRATOR) as (http, post):
            assert "change-keys" in (await http.get("/campaigns/new")).text
            assert (await post("/campaigns", **{**FORM, "kind": "change-keys"})).status_code == 303
        async with asking(ground, Role.QA) as (http, post):
            for path in ("/campaigns", "/firmware"):
                assert "/campaigns/new" not in (await http.get(path)).text
            assert "enctype" not in (await http.get("/firmware")).text
            assert (await http.get("/campaigns/new")).status_code == 403
            for path in ("/campaigns/new", "/campaigns", "/firmware"):
                assert (await post(path, **FORM)).status_code == 403


async def test_an_image_is_uploaded_octet_by_octet() -> None:
    async with placed() as ground, asking(ground, Role.OPERATOR) as (http, _):
        text = http.cookies["ami_session"]
        fields = {"model": "sim-3p", "version": "ami-sim-3", "why": "nueva", "key": "k-1",
            "identifier": "", "signature": "", "proof": proof(text)}  # fmt: skip

        async def upload(octets: bytes | None = OCTETS, **other: str) -> httpx2.Response:
            files = {} if octets is None else {"image": ('a b".bin', octets)}
            files |= {"": ("", b"")} if octets is None else {}
            return await http.post("/firmware", data={**fields, **other}, files=files)

        for wrong in ({"why": ""}, {"version": ""}, {"version": "ñ"}, {"model": "nothing"},
                {"model": ".."}, {"signature": "xyz"}):  # fmt: skip
            answer = await upload(**wrong)
            assert answer.status_code == 400 and "note bad" in answer.text, wrong
        for octets in (b"", None):
            assert (await upload(octets)).status_code == 400
        assert (await upload(proof="x")).status_code == 403
        label = _image(ground, OCTETS)
        assert ground.store.read(lambda c: image_queries.label(c, label.image)) is None

        done = await upload()
        assert done.headers["location"] == f"/firmware/{label.image}?done=firmware.done.added"
        kept = await ground.store.run(lambda tx: tx.image(label.image))
        assert kept is not None and kept.octets == OCTETS and kept.added_by == "operator"
        assert [line.detail for line in ground.audit()[-2:]][0].startswith("nueva")
        assert "ami-sim-3 para sim-3p" in (await http.get(f"/firmware/{label.image}")).text
        assert (await http.get(f"/firmware/{'0' * 64}")).status_code == 404
        assert (await http.get("/firmware/nothing")).status_code == 400
        large = await upload(b"x" * (ground.config.rest.body_max_bytes + 1), key="k-2")
        assert large.status_code == 413 and "ami firmware add" in large.text
