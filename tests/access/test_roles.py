"""Which role may what, and that the page for people says the same."""

from __future__ import annotations

import pytest

from headend.domain.account import (
    DANGEROUS,
    MEANING,
    PERMISSIONS,
    Account,
    Caller,
    Permission,
    Role,
    permissions_of,
    second_person,
)
from tests.conftest import SIMULATED_START
from tests.house.source import ROOT

READS = {each for each in Permission if each.value.endswith(".read")}


def table() -> str:
    """The table of docs/security.md."""
    lines = [
        f"| permission | what one may do | {' | '.join(Role)} |",
        f"|---|---|{'---|' * len(Role)}",
    ]
    for each in Permission:
        marks = ["x" if each in PERMISSIONS[role] else "" for role in Role]
        risky = " **!**" if each in DANGEROUS else ""
        lines.append(f"| `{each}`{risky} | {MEANING[each]} | {' | '.join(marks)} |")
    return "\n".join(lines)


def test_the_page_has_the_table_as_the_code_has_it() -> None:
    assert table() in (ROOT / "docs/security.md").read_text(encoding="utf-8"), table()


def test_every_permission_has_its_meaning_and_somebody_who_has_it() -> None:
    assert set(MEANING) == set(Permission)
    assert permissions_of(Role) == set(Permission)
    assert set(PERMISSIONS) == set(Role)


APART = {
    # duties that one role must not join: (role, permissions that it must not have)
    "who looks after accounts cuts no supply": (
        Role.ADMINISTRATOR,
        {Permission.ORDER_SEND, Permission.ORDER_CUT, Permission.ORDER_APPROVE},
    ),
    "who orders changes no keys and no accounts": (
        Role.OPERATOR,
        {Permission.KEY_CHANGE, Permission.ACCOUNT_WRITE, Permission.AUDIT_READ},
    ),
    "who audits changes nothing": (Role.AUDITOR, set(DANGEROUS)),
    "who tests the installation changes nothing": (Role.QA, set(DANGEROUS)),
    "who repairs meters orders nothing from the office": (Role.TECHNICIAN, set(DANGEROUS)),
    "who analyses corrects values and has tasks run, and no more": (
        Role.ANALYST,
        set(DANGEROUS) - {Permission.READING_CORRECT, Permission.TASK_WRITE},
    ),
}


@pytest.mark.parametrize(("role", "never"), APART.values(), ids=APART)
def test_duties_are_apart(role: Role, never: set[Permission]) -> None:
    assert not PERMISSIONS[role] & never


def test_what_only_looks_is_not_dangerous() -> None:
    assert not READS & DANGEROUS


def test_several_roles_add_up_and_a_disabled_account_may_nothing() -> None:
    roles = (Role.ANALYST, Role.AUDITOR)
    account = Account("ana", roles, SIMULATED_START, "admin")
    assert account.permissions == PERMISSIONS[Role.ANALYST] | PERMISSIONS[Role.AUDITOR]
    gone = Account("ana", roles, SIMULATED_START, "admin", disabled_at=SIMULATED_START)
    assert gone.permissions == frozenset()


SECOND = {
    "another operator": ("eva", PERMISSIONS[Role.OPERATOR], True),
    "the same person": ("ana", PERMISSIONS[Role.OPERATOR], False),
    "another without the permission": ("eva", PERMISSIONS[Role.QA], False),
}


@pytest.mark.parametrize(("name", "may", "expected"), SECOND.values(), ids=SECOND)
def test_nobody_approves_their_own(name: str, may: frozenset[Permission], expected: bool) -> None:
    assert second_person("ana", Caller(name, may)) is expected
