"""Whose account it is who comes by the provider, and what they may."""

from __future__ import annotations

from typing import Any

import pytest

from headend.access.oidc.id_token import LOGOUT
from headend.access.oidc.refusing import Why
from headend.domain.account import Account, Role
from tests.access.making import BY, HERE, RIGHT, House
from tests.oidc.issuer import Arrival, Issuer, logged_in, login


async def came(house: House, issuer: Issuer, **settings: Any) -> Account | Why:
    found = await logged_in(login(house, issuer, **settings), issuer)
    return found.account if isinstance(found, Arrival) else found.code


async def test_roles_follow_the_groups_at_each_login() -> None:
    house = House()
    issuer = Issuer(house)
    made = await came(house, issuer)
    assert isinstance(made, Account) and made.password is None
    assert (made.name, made.roles, made.made_by) == ("ana", (Role.OPERATOR,), "oidc")
    issuer.claims["groups"] = ["ami-admins", "others"]
    now = await came(house, issuer)
    assert isinstance(now, Account) and now.roles == (Role.AUDITOR, Role.ADMINISTRATOR)
    issuer.claims["groups"] = ["others"]
    assert await came(house, issuer) is Why.NO_ROLE
    assert house.story() == [
        "account.add done oidc", "login done ana", "account.role done oidc", "login done ana",
        "login refused ana",
    ]  # fmt: skip
    assert house.audit()[-1].detail == "no-role: no group of ana has a role: others"
    assert house.audit()[1].detail == "by OpenID Connect"


async def test_an_account_is_a_persons_whatever_they_are_called_later() -> None:
    house = House()
    issuer = Issuer(house)
    await came(house, issuer)
    issuer.claims["preferred_username"] = "ana.maria"
    again = await came(house, issuer)
    assert isinstance(again, Account) and again.name == "ana"
    issuer.subject, issuer.claims["preferred_username"] = "00u2", "Ana"  # a name given to another
    assert await came(house, issuer) is Why.OTHER
    await house.desk.unlink("ana", BY)
    unlinked = await came(house, issuer)
    assert isinstance(unlinked, Account) and (unlinked.name, unlinked.subject) == ("ana", "00u2")


async def test_an_account_with_a_password_is_taken_over_only_where_that_is_wanted() -> None:
    house = House()
    await house.account("ana", Role.ANALYST)
    issuer = Issuer(house)
    assert await came(house, issuer, accounts="existing") is Why.LOCAL
    now = await came(house, issuer, accounts="existing", adopts=True)
    assert isinstance(now, Account) and now.roles == (Role.OPERATOR,) and now.password is not None
    await house.account("crm", password=None)
    await house.token("crm")
    program = Issuer(house, issuer.claims | {"preferred_username": "crm"}, "00u8")
    assert await came(house, program) is Why.LOCAL  # a program's
    await house.desk.add("eva", [Role.QA], BY, password=RIGHT, one_time=True)
    issuer.subject, issuer.claims["preferred_username"] = "00u3", "eva"
    now = await came(house, issuer, adopts=True)
    assert isinstance(now, Account) and not now.one_time and now.password is None
    assert "account.identity done oidc" in house.story()


async def test_accounts_that_must_exist_and_have_roles_of_their_own() -> None:
    house = House()
    issuer = Issuer(house)
    settings: dict[str, Any] = {"accounts": "existing", "roles": {}}
    assert await came(house, issuer, **settings) is Why.NO_ACCOUNT
    await house.account("ana", Role.ANALYST, password=None)
    found = await came(house, issuer, **settings)
    assert isinstance(found, Account) and found.roles == (Role.ANALYST,)
    await house.desk.disable("ana", BY)
    assert await came(house, issuer, **settings) is Why.DISABLED


@pytest.mark.parametrize("name", [None, "", "  ", "dominio\\ana", "a b", 7, "x" * 65])
async def test_a_name_that_no_account_can_have(name: object) -> None:
    house = House()
    assert await came(house, Issuer(house, {"preferred_username": name})) is Why.NAME
    assert house.story() == ["login refused "]


async def test_what_the_token_leaves_out_is_asked_for() -> None:
    house = House()
    thin: dict[str, Any] = {"preferred_username": "ana"}
    more = {"groups": ["ami-operators"], "preferred_username": "somebody"}
    found = await came(house, Issuer(house, dict(thin), more=more))
    assert isinstance(found, Account) and found.name == "ana"
    another = Issuer(house, dict(thin), more=more | {"sub": "00u9"})
    assert await came(house, another) is Why.TOKEN
    deep = Issuer(house, thin | {"realm_access": {"roles": ["ami-admins"]}}, more=more)
    found = await came(house, deep, groups_claim="realm_access.roles")
    assert isinstance(found, Account) and found.roles == (Role.AUDITOR, Role.ADMINISTRATOR)
    assert "/userinfo" not in deep.asked


async def test_who_may_still_come_by_a_password() -> None:
    house = House()
    await house.account("ana", Role.OPERATOR)
    await house.account("root", Role.ADMINISTRATOR)
    administrators = {"only": frozenset({Role.ADMINISTRATOR}), "source": HERE}
    refused = await house.guard.login("ana", RIGHT, **administrators)
    assert getattr(refused, "code", "") == "passwords-off"
    let_in = await house.guard.login("root", RIGHT, **administrators)
    assert getattr(let_in, "account", "") == "root"
    wrong = await house.guard.login("ana", "wrong", **administrators)
    assert getattr(wrong, "code", "") == "not-proven"  # nothing is told of what is not proven
    nobody = await house.guard.login("root", RIGHT, source=HERE, only=frozenset())
    assert getattr(nobody, "code", "") == "passwords-off"


async def test_who_has_left_the_provider_has_no_session_here() -> None:
    house = House()
    issuer = Issuer(house)
    at = login(house, issuer)
    found = await logged_in(at, issuer)
    assert isinstance(found, Arrival)
    text = await at.sessions.open("ana", source=HERE)
    event: dict[str, Any] = {"events": {LOGOUT: {}}, "jti": "1", "nonce": None}

    def token(**claims: Any) -> str:
        issuer.claims, issuer.wrong = (
            {},
            lambda told: told.pop("nonce") if told["nonce"] is None else 0,
        )
        issuer.claims = event | claims
        return issuer.token("")

    for wrong, why in (
        (found.id_token, "no logout"),
        (token(events={}), "no logout"),
        (token(events=[LOGOUT]), "no logout"),
        (token(nonce="x"), "has a nonce"),
        (token(jti=None), "jti"),
        (token(iat=int(house.clock.now().timestamp()) - 301), "too old"),
        (token(sub=None), "who it is of"),
        (token(aud="another"), "it is for"),
        ("", "no signed token"),
    ):
        refused = await at.gone(wrong, source=HERE)
        assert refused is not None and why in refused.detail
    assert await at.sessions.known(text) is not None
    assert await at.gone(token(sub="somebody else", jti="2"), source=HERE) is None
    assert await at.sessions.known(text) is not None
    good = token()
    assert await at.gone(good, source=HERE) is None
    assert await at.sessions.known(text) is None
    again = await at.gone(good, source=HERE)
    assert again is not None and "used before" in again.detail
    assert house.story()[-2:] == ["account.logout done oidc", "login refused "]
