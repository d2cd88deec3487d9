"""Tokens and answers that nobody is let in by: each is refused, with its code and its line."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable

import pytest
from joserfc import jws

from headend.access.oidc.attempt import LASTS_S, challenge
from headend.access.oidc.login import Arrival
from headend.access.oidc.refusing import NoLogin, Why
from headend.domain.account import Role
from tests.access.making import HERE, House
from tests.oidc.issuer import Claims, Issuer, begun, ended, key, logged_in, login, signed


def unsigned(claims: Claims) -> str:
    """RFC 8725, 2.1: nobody signed it."""
    return f"{parts(claims, alg='none')}."


def by_the_public_key(issuer: Issuer) -> Callable[[Claims], str]:
    """RFC 8725, 2.1: the public key, which everybody has, as if it were a shared secret."""
    public = issuer.keys[0].as_pem(private=False)

    def made(claims: Claims) -> str:
        said = parts(claims, alg="HS256", kid="one")
        return f"{said}.{text(hmac.digest(public, said.encode(), 'sha256'))}"

    return made


def parts(claims: Claims, **header: str) -> str:
    return ".".join(text(json.dumps(part).encode()) for part in (header, claims))


def text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def by(name: str, **header: str) -> Callable[[Claims], str]:
    other = key(name)
    return lambda claims: signed(claims, other, **header)


def altered(issuer: Issuer) -> Callable[[Claims], str]:
    def made(claims: Claims) -> str:
        head, _, tail = signed(claims, issuer.keys[0]).split(".")
        body = json.dumps(claims | {"preferred_username": "admin"}).encode()
        return f"{head}.{text(body)}.{tail}"

    return made


SPOILED: dict[str, tuple[Callable[[Claims], object], str]] = {
    "another audience": (lambda c: c.update(aud="another-client"), "for 'another-client'"),
    "a second audience": (lambda c: c.update(aud=["ami-headend", "x"]), "for ['ami-headend'"),
    "given to another": (lambda c: c.update(azp="another-client"), "given to 'another-client'"),
    "another issuer": (lambda c: c.update(iss="https://id.other.example"), "of 'https://id.other"),
    "another login's nonce": (lambda c: c.update(nonce="x"), "nonce"),
    "no nonce": (lambda c: c.pop("nonce"), "nonce"),
    "expired": (lambda c: c.update(exp=c["iat"] - 61), "ended"),
    "without an end": (lambda c: c.pop("exp"), "exp is missing"),
    "an end that is no number": (lambda c: c.update(exp="later"), "exp is missing"),
    "of before this login": (lambda c: c.update(iat=c["iat"] - 61), "before this login"),
    "of the future": (lambda c: c.update(iat=c["iat"] + 62), "compare the clocks"),
    "not to count yet": (lambda c: c.update(nbf=c["iat"] + 62), "not count yet"),
    "of nobody": (lambda c: c.pop("sub"), "who it is of"),
    "of a subject that is no text": (lambda c: c.update(sub=7), "who it is of"),
}
SIGNED: dict[str, tuple[Callable[[Issuer], Callable[[Claims], str]], str]] = {
    "not at all": (lambda issuer: unsigned, "'none'"),
    "by the public key as a secret": (by_the_public_key, "'HS256'"),
    "by an unknown key": (lambda issuer: by("two"), "key is unknown"),
    "by a key of the same name": (lambda issuer: by("one"), "signature"),
    "and altered": (altered, "signature"),
    "as a logout token": (
        lambda issuer: lambda c: signed(c, issuer.keys[0], typ="logout+jwt"), "logout+jwt",
    ),
    "and no token": (lambda issuer: lambda c: "a.b", "no signed token"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
async def test_a_token_that_says_what_it_should_not(case: str) -> None:
    house = House()
    spoil, why = SPOILED[case]
    await refused(house, Issuer(house, wrong=spoil), why)


@pytest.mark.parametrize("case", SIGNED)
async def test_a_token_that_is_signed(case: str) -> None:
    house = House()
    issuer = Issuer(house)
    make, why = SIGNED[case]
    issuer.signed = make(issuer)
    await refused(house, issuer, why)


async def refused(house: House, issuer: Issuer, why: str) -> None:
    found = await logged_in(login(house, issuer), issuer)
    assert isinstance(found, NoLogin) and found.code is Why.TOKEN and why in found.detail
    assert house.story() == ["login refused "] and house.told == [""]
    assert f"{Why.TOKEN}: the token: " in house.audit()[0].detail
    assert house.store.read(lambda connection: connection.exec_driver_sql(
        "SELECT count(*) FROM accounts"
    ).scalar()) == 0  # fmt: skip


async def test_what_is_within_the_skew_and_in_a_list_of_one_counts() -> None:
    house = House()
    issuer = Issuer(house, wrong=lambda c: c.update(
        aud=[c["aud"]], azp=c["aud"], iat=c["iat"] + 59, nbf=c["iat"] + 59, exp=c["iat"] - 58
    ))  # fmt: skip
    found = await logged_in(login(house, issuer), issuer)
    assert isinstance(found, Arrival) and found.account.roles == (Role.OPERATOR,)
    assert found.going == "/orders" and jws.extract_compact(found.id_token.encode())


async def test_an_answer_counts_once_and_in_the_browser_that_asked() -> None:
    house = House()
    issuer = Issuer(house)
    at = login(house, issuer)
    one, other = await begun(at), await begun(at)
    answer = issuer.visited(one.url)
    for cookie, told, why in (
        (other.cookie, answer, "state is of another login"),
        ("", answer, "has not begun a login"),
        (one.cookie.replace(".", ".9", 1), answer, "state is of another login"),
        (one.cookie, {**answer, "state": ""}, "state is of another login"),
    ):
        found = await ended(at, cookie, told)
        assert isinstance(found, NoLogin) and found.code is Why.NOT_OURS and why in found.detail
    assert isinstance(await ended(at, one.cookie, answer), Arrival)
    for told in (answer, {**issuer.visited(one.url)}):  # the same again, with a new code as well
        again = await ended(at, one.cookie, told)
        assert isinstance(again, NoLogin) and "used before" in again.detail
    late = await begun(at)
    answer = issuer.visited(late.url)
    await asyncio.sleep(LASTS_S + 1)  # simulated
    found = await ended(at, late.cookie, answer)
    assert isinstance(found, NoLogin) and "too long ago" in found.detail


async def test_an_answer_of_another_provider_and_a_code_of_another_login() -> None:
    house = House()
    issuer = Issuer(house, told={"authorization_response_iss_parameter_supported": True})
    at = login(house, issuer)
    for spoil, code in (
        ({"iss": "https://id.other.example"}, Why.NOT_OURS),  # RFC 9207, 2.4: a mix-up
        ({"iss": None}, Why.NOT_OURS),
        ({"code": None}, Why.NOT_OURS),
        ({"code": "made-up"}, Why.REFUSED),
        ({"error": "access_denied", "error_description": "no\r\nmore"}, Why.REFUSED),
    ):
        departure = await begun(at)
        answer = issuer.visited(departure.url) | spoil
        found = await ended(
            at, departure.cookie, {k: v for k, v in answer.items() if v is not None}
        )
        assert isinstance(found, NoLogin) and found.code is code, spoil
    stolen = issuer.visited((await begun(at)).url)["code"]
    departure = await begun(at)  # another's code in one's own answer: its verifier is another
    found = await ended(at, departure.cookie, issuer.visited(departure.url) | {"code": stolen})
    assert isinstance(found, NoLogin) and found.code is Why.REFUSED
    assert {*house.story()} == {"login refused "}
    assert all("\n" not in each.detail for each in house.audit())


async def test_too_many_wrong_answers_close_the_door_to_their_place() -> None:
    house = House()
    issuer = Issuer(house)
    at = login(house, issuer)
    departure = await begun(at)
    answer = issuer.visited(departure.url)
    for _ in range(house.policy.place_failures_max):
        assert isinstance(await ended(at, "", answer), NoLogin)
    lines = len(house.audit())
    for found in (
        await ended(at, departure.cookie, answer),
        await at.begin("/", callback="https://x", source=HERE),
    ):
        assert isinstance(found, NoLogin) and found.code is Why.TOO_MANY
    assert len(house.audit()) == lines and house.story()[-1] == "lock-out refused "
    assert isinstance(await ended(at, departure.cookie, answer, "192.0.2.99"), Arrival)


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
