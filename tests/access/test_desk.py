"""Accounts and tokens are made and changed, and the log says by whom."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from headend.access.desk import AccessRefused
from headend.access.guard import Refused
from headend.access.knocks import PLACES_MAX, Knocks
from headend.access.passwords import Cost, Passwords
from headend.chance import SeededChance
from headend.domain.account import PERMISSIONS, Permission, Role
from headend.domain.audit import AuditHead
from headend.store import access_queries as queries
from tests.access.making import BY, CHEAP, HERE, RIGHT, House
from tests.conftest import SIMULATED_START

P = Permission


async def test_a_life_of_an_account_and_its_token_in_the_log() -> None:
    house = House()
    await house.account("ana", Role.OPERATOR, Role.ANALYST)
    await house.desk.set_roles("ana", [Role.QA], BY)
    token, text = await house.desk.create_token("ana", BY, scopes=[P.ORDER_READ], about="a test")
    await house.desk.revoke_token(token.id, BY)
    await house.desk.revoke_token(token.id, BY)  # once more: nothing to do, nothing to write
    await house.desk.disable("ana", BY)
    await house.desk.enable("ana", BY)
    await house.desk.set_password("ana", "another horse battery staple", BY)
    told = [(each.action, each.subject, each.detail) for each in house.audit()]
    assert told == [
        ("account.add", "account ana", "roles: operator, analyst"),
        ("account.role", "account ana", "roles: operator, analyst before, now qa"),
        ("token.create", f"token {token.id}", "for ana until 2026-10-04: order.read"),
        ("token.revoke", f"token {token.id}", "of ana"),
        ("account.disable", "account ana", ""),
        ("account.enable", "account ana", ""),
        ("account.password", "account ana", ""),
    ]
    assert {(each.actor, each.source, each.security) for each in house.audit()} == {
        ("admin", "test", True)
    }
    assert isinstance(house.store.read(queries.verified), AuditHead)


async def test_no_secret_is_kept() -> None:
    house = House()
    await house.account("ana")
    text = await house.token("ana")
    kept = [*house.store.read(queries.accounts), *house.store.read(queries.tokens), *house.audit()]
    everything = str([[getattr(each, name) for name in each.__slots__] for each in kept])
    assert text[-43:] not in everything and RIGHT not in everything
    assert "argon2id" not in str(kept) and "digest" not in str(house.store.read(queries.tokens))


async def test_a_token_without_named_scopes_has_its_accounts() -> None:
    house = House()
    await house.account("eva", Role.TECHNICIAN)
    token, _ = await house.desk.create_token("eva", BY, scopes=())
    assert frozenset(token.scopes) == PERMISSIONS[Role.TECHNICIAN]


NAMES = ["", "Ana", "a b", "-a", "a" * 65, "añ", "a:b", "a\n"]


@pytest.mark.parametrize("name", NAMES)
async def test_bad_names(name: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        await House().desk.add(name, [Role.QA], BY)
    assert refused.value.code == "bad-name"


PASSWORDS = {
    "short": "0123456789abcd",
    "long": "0123456789" * 26,
    "its own name": "this is ana's own word",
    "few characters": "abababababababab",
}


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
async def test_weak_passwords(password: str) -> None:
    house = House()
    with pytest.raises(AccessRefused) as refused:
        await house.desk.add("ana", [Role.QA], BY, password=password)
    assert refused.value.code == "weak-password"
    assert house.audit() == [] and house.store.read(queries.accounts) == []


async def test_what_the_desk_refuses() -> None:
    house = House()
    desk, now = house.desk, house.clock.now()
    await house.account("ana", Role.QA)
    latest = now + timedelta(days=house.policy.token_days_max)
    cases = {
        "name-taken": lambda: desk.add("ana", [Role.QA], BY),
        "no-role": lambda: desk.set_roles("ana", [], BY),
        "no-such-account": lambda: desk.disable("eva", BY),
        "scope-too-wide": lambda: desk.create_token("ana", BY, scopes=[P.ORDER_CUT]),
        "no-such-token": lambda: desk.revoke_token("aaaaaaaa", BY),
    }
    for code, call in cases.items():
        with pytest.raises(AccessRefused) as refused:
            await call()
        assert (refused.value.code, bool(refused.value.next_step)) == (code, True)
    for end in (now, now - timedelta(days=1), latest + timedelta(seconds=1)):
        with pytest.raises(AccessRefused, match="days"):
            await desk.create_token("ana", BY, scopes=(), expires_at=end)
    assert (await desk.create_token("ana", BY, scopes=(), expires_at=latest))[0].id
    assert house.story() == ["account.add done admin", "token.create done admin"]


def test_a_hash_of_another_program_opens() -> None:
    """The example of argon2-cffi's documentation, whose code is the reference's."""
    kept = (
        "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA"
        "$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
    )
    passwords = Passwords(SeededChance(1), live=False)
    assert asyncio.run(passwords.opens("correct horse battery staple", kept))
    assert not passwords.outdated(kept)


async def test_an_old_hash_opens_and_is_made_anew_at_the_login() -> None:
    house = House()
    await house.account("ana")
    house.guard.passwords = Passwords(SeededChance(2), Cost(16, 1, 1), live=False)
    before = house.store.read(queries.accounts)[0].password
    assert before is not None and before.startswith(CHEAP.told)
    for _ in range(2):
        assert not isinstance(await house.guard.login("ana", RIGHT, source=HERE), Refused)
    after = house.store.read(queries.accounts)[0].password
    assert after is not None and after.startswith(Cost(16, 1, 1).told)


async def test_an_accent_is_one_however_it_was_typed() -> None:
    house = House()
    await house.account("ana", password="cañón y batería correctos")
    typed = "can\u0303o\u0301n y bateri\u0301a correctos"
    assert not isinstance(await house.guard.login("ana", typed, source=HERE), Refused)


def test_places_are_forgotten_before_memory_is_full() -> None:
    knocks = Knocks(2, timedelta(seconds=60))
    for number in range(PLACES_MAX + 10):
        knocks.wrong(f"place {number}", SIMULATED_START)
    assert len(knocks._places) == PLACES_MAX
    last = f"place {PLACES_MAX + 9}"
    assert knocks.wrong(last, SIMULATED_START) and knocks.shut(last, SIMULATED_START) == 60
    assert knocks.shut("place 0", SIMULATED_START) is None
