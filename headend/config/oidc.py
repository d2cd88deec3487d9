"""The part of the configuration that says where people's accounts are, if elsewhere as well.

    [oidc]
    issuer = "https://id.utility.example/realms/utility"
    client_id = "ami-headend"
    client_secret = { file = "/etc/ami/oidc.secret" }
    public_url = "https://hes.utility.example:8444"

    [oidc.roles]                      # a group at the provider, and what it makes of its members
    ami-operators = ["operator"]
    ami-admins = ["administrator"]

OpenID Connect Core 1.0, authorization code flow with PKCE.  Beyond loopback by https alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from headend.config.secret import Secret
from headend.config.values import Seconds
from headend.domain.account import Role

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Those by a key pair: with a shared secret, or none, whoever reads the public key signs."""
Word = Annotated[str, msgspec.Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,200}\Z")]
Roles = Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)]


class Oidc(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The utility's identity provider.

    `roles` gives groups of `groups_claim` their roles, at each login anew; without it roles are
    given here, as to any account.  `accounts` "made": whoever has a role by a group gets an account
    at the first login.  `adopts`: an account that has a password or tokens here becomes that of the
    provider's person of the same name; otherwise it stays whose it is, and they are refused.
    `passwords` says who may still log in at the pages by a password of the head-end's own.
    """

    issuer: str
    client_id: Word
    client_secret: Secret | None = None  # None: PKCE alone
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=60)] = "OpenID Connect"
    public_url: str | None = None  # as browsers call the pages; None: on loopback, as they asked
    scopes: Annotated[tuple[Word, ...], msgspec.Meta(max_length=20)] = ("profile",)
    account_claim: Word = "preferred_username"
    groups_claim: Word = "groups"
    roles: Mapping[str, Roles] = {}
    accounts: Literal["existing", "made"] = "existing"
    adopts: bool = False
    passwords: Literal["everybody", "administrators", "nobody"] = "everybody"
    algorithms: Annotated[tuple[Algorithm, ...], msgspec.Meta(min_length=1)] = (
        "RS256", "PS256", "ES256",
    )  # fmt: skip
    authority: Path | None = None  # signs the provider's certificate; None: the machine's own
    skew_s: Annotated[float, msgspec.Meta(ge=0, le=300)] = 60.0  # between its clock and ours
    timeout_s: Seconds = 10.0  # of each question to it
    keep_s: Seconds = 3600.0  # what it tells of itself, and its keys

    def __post_init__(self) -> None:
        check_url("issuer", self.issuer)
        if self.public_url is not None:
            check_url("public_url", self.public_url)
            if urlsplit(self.public_url).path not in ("", "/"):
                raise ValueError(f"public_url: {self.public_url!r} has a path; pages stand at /")
        if self.accounts == "made" and not self.roles:
            raise ValueError("accounts = 'made' needs [oidc.roles]: an account has a role")
        given = {role for each in self.roles.values() for role in each}
        if self.passwords == "nobody" and self.roles and Role.ADMINISTRATOR not in given:
            raise ValueError(
                "passwords = 'nobody' needs a group of [oidc.roles] with the role administrator, or"
                " nobody could look after accounts"
            )


def check_url(key: str, url: str) -> None:
    """Raises `ValueError` for what is no https URL, nor one of this machine."""
    parts = urlsplit(url)
    plain = not (parts.query or parts.fragment or parts.username) and url.isprintable()
    if not parts.hostname or not plain or " " in url:
        raise ValueError(f"{key}: {url!r} is no URL without a query, fragment or name")
    if not safe(url):
        raise ValueError(f"{key}: {url!r} is to be https; http is for 127.0.0.1 and localhost")


def safe(url: str) -> bool:
    """Whether nobody on the way reads what is asked there: https, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
