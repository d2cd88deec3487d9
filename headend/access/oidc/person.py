"""Whom claims describe: a name for the account, and the groups that give it roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headend.access.oidc.refusing import NotLoggedIn, Why
from headend.config.oidc import Oidc
from headend.domain.account import NAME, Role

GROUPS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the provider.  `subject` stays theirs for good, `name` may become another's."""

    issuer: str
    subject: str
    name: str
    groups: frozenset[str]

    def roles(self, given: Mapping[str, tuple[Role, ...]]) -> tuple[Role, ...]:
        """What their groups make of them, in the order of roles."""
        mine = {role for group in self.groups for role in given.get(group, ())}
        return tuple(role for role in Role if role in mine)


def lacking(claims: Mapping[str, Any], config: Oidc) -> bool:
    """Whether it is worth asking the provider for more of somebody."""
    if found(claims, config.account_claim) is None:
        return True
    return bool(config.roles) and found(claims, config.groups_claim) is None


def described(claims: Mapping[str, Any], config: Oidc) -> Person:
    """Raises `NotLoggedIn` where the claims have no name that an account can have."""
    told = found(claims, config.account_claim)
    if not isinstance(told, str):
        raise NotLoggedIn(Why.NAME, f"the claim {config.account_claim} is missing")
    name = told.strip().lower()  # no two accounts are told apart by capitals
    if NAME.fullmatch(name) is None:
        raise NotLoggedIn(Why.NAME, f"the claim {config.account_claim} is {told!r}: no account's")
    groups = found(claims, config.groups_claim)
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    some = frozenset(each for each in listed[:GROUPS_MAX] if isinstance(each, str))
    return Person(config.issuer, claims["sub"], name, some)


def found(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by its way through objects: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    at: Any = claims
    for part in name.split("."):
        at = at.get(part) if isinstance(at, Mapping) else None
    return at
