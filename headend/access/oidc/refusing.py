"""Why somebody who came by the identity provider was not let in."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Why(enum.StrEnum):
    """A code for people and programs; the pages have a sentence for each."""

    AWAY = "provider-away"
    WRONG = "provider-wrong"
    REFUSED = "provider-refused"
    NOT_OURS = "login-not-ours"
    TOKEN = "token-wrong"
    NAME = "name-missing"
    NO_ROLE = "no-role"
    NO_ACCOUNT = "no-account"
    LOCAL = "account-local"
    OTHER = "other-person"
    DISABLED = "account-disabled"
    TOO_MANY = "too-many-tries"


OURS = frozenset({Why.AWAY, Why.WRONG})
"""Nobody's wrong try: the provider or its configuration is at fault."""


class NotLoggedIn(Exception):
    """It came to nothing: the code, and for the log what exactly was found.

    `account` is named where it is known whose login it would have been.
    """

    def __init__(self, code: Why, detail: str, account: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.account = account


@dataclass(frozen=True, slots=True)
class NoLogin:
    """No, and why not."""

    code: Why
    detail: str
