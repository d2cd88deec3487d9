"""The guard: who is let in, who is not, and what the log says of each."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.access import lines, tokens
from headend.access.guard import Refusal, Refused
from headend.config import AccessPolicy
from headend.domain.account import DANGEROUS, PERMISSIONS, Caller, Permission, Role
from headend.domain.audit import Severity
from headend.store import access_queries as queries
from tests.access.making import BY, HERE, RIGHT, WRONG, House

P = Permission


async def test_a_token_speaks_for_its_account_within_its_scopes() -> None:
    house = House()
    await house.account("crm", Role.OPERATOR)
    text = await house.token("crm", P.ORDER_READ, P.METRICS_READ)
    caller = await house.guard.show(text, source=HERE)
    assert isinstance(caller, Caller)
    assert (caller.account, caller.permissions) == ("crm", {P.ORDER_READ, P.METRICS_READ})
    assert await house.guard.refuses(caller, P.ORDER_READ, "order 1", source=HERE) is None


async def test_a_token_loses_what_its_account_loses() -> None:
    house = House()
    await house.account("crm", Role.OPERATOR)
    text = await house.token("crm", P.ORDER_CUT, P.REGISTRY_READ)
    await house.desk.set_roles("crm", [Role.TECHNICIAN], BY)
    caller = await house.guard.show(text, source=HERE)
    assert isinstance(caller, Caller) and caller.permissions == {P.REGISTRY_READ}


async def test_the_last_use_is_known_to_the_minute_and_not_written_each_time() -> None:
    house = House()
    await house.account("crm")
    text = await house.token("crm")
    start = house.clock.now()
    expected = [0, 0, 60]
    for seconds, used in zip((0, 59, 60), expected, strict=True):
        await asyncio.sleep(seconds - (house.clock.now() - start).total_seconds())
        await house.guard.show(text, source=HERE)
        token = house.store.read(queries.tokens)[0]
        assert token.used_at == start + timedelta(seconds=used)


NO_TOKENS = {
    "nothing": "",
    "a word": "secret",
    "an id alone": "ami_aaaaaaaa",
    "another secret": "ami_aaaaaaaa_" + "A" * 43,
    "too long": "ami_aaaaaaaa_" + "A" * 44,
    "an end of line": "ami_aaaaaaaa_" + "A" * 43 + "\n",
    "letters of another script": "ami_аааааааа_" + "A" * 43,
}


@pytest.mark.parametrize("text", NO_TOKENS.values(), ids=NO_TOKENS)
async def test_what_is_no_token_of_ours_is_nobody(text: str) -> None:
    house = House()
    await house.account("crm")
    await house.token("crm")
    refused = await house.guard.show(text, source=HERE)
    assert isinstance(refused, Refused) and refused.code is Refusal.NOT_PROVEN
    assert house.story()[-1] == "token refused "


@given(st.text(max_size=80))
def test_only_what_has_the_form_is_looked_up(text: str) -> None:
    assert tokens.id_of(text) is None or tokens.TOKEN.fullmatch(text)


async def test_one_changed_character_is_enough() -> None:
    house = House()
    await house.account("crm")
    text = await house.token("crm")
    for where in range(len("ami_"), len(text)):
        other = "a" if text[where] != "a" else "b"
        changed = text[:where] + other + text[where + 1 :]
        assert isinstance(await house.guard.show(changed, source=f"192.0.2.{where}"), Refused)
    assert isinstance(await house.guard.show(text, source=HERE), Caller)


async def test_a_token_that_was_revoked_or_has_ended_or_whose_account_is_disabled() -> None:
    house = House()
    for name in ("revoked", "ended", "disabled"):
        await house.account(name)
    made = {name: await house.token(name) for name in ("revoked", "disabled")}
    soon = house.clock.now() + timedelta(hours=1)
    _, made["ended"] = await house.desk.create_token("ended", BY, scopes=(), expires_at=soon)
    assert all([isinstance(await house.guard.show(t, source=HERE), Caller) for t in made.values()])
    revoked = tokens.id_of(made["revoked"])
    assert revoked is not None
    await house.desk.revoke_token(revoked, BY)
    await house.desk.disable("disabled", BY)
    await asyncio.sleep(3600)
    codes = {}
    for name, text in made.items():
        refused = await house.guard.show(text, source=HERE)
        assert isinstance(refused, Refused)
        codes[name] = refused.code
    assert codes == {
        "revoked": Refusal.REVOKED,
        "ended": Refusal.EXPIRED,
        "disabled": Refusal.DISABLED,
    }
    assert house.story()[-3:] == [f"token refused {name}" for name in made]


async def test_a_password_lets_in_and_a_wrong_one_does_not() -> None:
    house = House()
    await house.account("ana", Role.ANALYST)
    assert isinstance(await house.guard.login("ana", WRONG, source=HERE), Refused)
    caller = await house.guard.login("ana", RIGHT, source=HERE)
    assert caller == Caller("ana", PERMISSIONS[Role.ANALYST])
    assert house.story(after=1) == ["login refused ana", "login done ana"]
    assert house.store.read(queries.accounts)[0].failures == 0


WRONG_LOGINS = {
    "an unknown name": ("eva", RIGHT),
    "no name": ("", RIGHT),
    "a name that is none": ("ana\x00", RIGHT),
    "another's password": ("ana", "another horse battery staple"),
    "nothing": ("ana", ""),
    "one that cannot be written": ("ana", "\ud800"),
    "an endless one": ("ana", RIGHT * 100),
    "of an account without a password": ("robot", RIGHT),
    "of a disabled account": ("gone", RIGHT),
}


@pytest.mark.parametrize(("name", "password"), WRONG_LOGINS.values(), ids=WRONG_LOGINS)
async def test_all_wrong_logins_sound_alike(name: str, password: str) -> None:
    house = House()
    await house.account("ana")
    await house.account("robot", password=None)
    await house.account("gone")
    await house.desk.disable("gone", BY)
    refused = await house.guard.login(name, password, source=HERE)
    assert isinstance(refused, Refused)
    assert refused.why == "the account or the password is wrong"
    assert password[:9] not in str(house.audit()) or not password


async def test_what_was_typed_for_a_name_is_not_written_down() -> None:
    """People type passwords into the field above."""
    house = House()
    await house.guard.login("hunter2-and-more", "", source=HERE)
    assert "hunter2" not in str(house.audit())


async def test_an_account_is_locked_after_five_and_opens_again() -> None:
    house = House()
    await house.account("ana")
    for _ in range(house.policy.failures_max):
        assert isinstance(await house.guard.login("ana", WRONG, source=HERE), Refused)
    locked = await house.guard.login("ana", RIGHT, source="192.0.2.8")
    assert isinstance(locked, Refused)
    assert (locked.code, locked.wait_s) == (Refusal.LOCKED, house.policy.lock_s)
    lock = next(each for each in house.audit() if each.action == "lock-out")
    assert (lock.subject, lock.severity, lock.security) == ("account ana", Severity.ERROR, True)
    await asyncio.sleep(house.policy.lock_s)
    assert isinstance(await house.guard.login("ana", RIGHT, source=HERE), Caller)


async def test_an_administrator_unlocks() -> None:
    house = House()
    await house.account("ana")
    for _ in range(house.policy.failures_max):
        await house.guard.login("ana", WRONG, source=HERE)
    await house.desk.unlock("ana", BY)
    assert isinstance(await house.guard.login("ana", RIGHT, source=HERE), Caller)


async def test_a_place_that_tries_and_tries_is_shut_out_and_does_not_fill_the_log() -> None:
    house = House(AccessPolicy(place_failures_max=3, place_window_s=60.0))
    await house.account("ana")
    text = await house.token("ana")
    for number in range(10):
        refused = await house.guard.show(f"ami_aaaaaaaa_{number:043}", source=HERE)
        assert isinstance(refused, Refused)
        assert (refused.code is Refusal.TOO_MANY) == (number >= 3)
    assert house.story(after=2) == ["token refused "] * 3 + ["lock-out refused "]
    assert isinstance(await house.guard.login("ana", RIGHT, source=HERE), Refused)
    assert isinstance(await house.guard.login("ana", RIGHT, source="192.0.2.8"), Caller)
    assert isinstance(await house.guard.show(text, source=HERE), Caller)  # behind the same proxy
    await asyncio.sleep(60)
    assert isinstance(await house.guard.login("ana", RIGHT, source=HERE), Caller)


@pytest.mark.parametrize("permission", Permission)
async def test_each_dangerous_use_and_each_refusal_is_written_down(permission: Permission) -> None:
    house = House()
    may = Caller("ana", frozenset({permission}))
    may_not = Caller("eva", frozenset(Permission) - {permission}, token="aaaaaaaa")
    assert await house.guard.refuses(may, permission, "it", source=HERE) is None
    refused = await house.guard.refuses(may_not, permission, "it", source=HERE)
    assert refused is not None and permission in refused.why and "scopes" in refused.why
    used = [f"{permission} allowed ana"] if permission in DANGEROUS else []
    assert house.story() == [*used, f"{permission} refused eva"]
    assert house.audit()[-1].security and len(house.told) >= 1


ODD = {
    "an end of line": ("a\nb", "a�b"),
    "an escape": ("\x1b[2J", "�[2J"),
    "half a character": ("\ud800", "�"),
    "an endless one": ("x" * 600, "x" * 499 + "…"),
    "Spanish": ("cañón", "cañón"),
}


@pytest.mark.parametrize(("text", "expected"), ODD.values(), ids=ODD)
def test_a_strangers_text_does_no_harm(text: str, expected: str) -> None:
    assert lines.clean(text) == expected
