"""A page's place: where it is, in which menu, and who may see it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from headend.domain.account import Permission


class Menu(enum.StrEnum):
    """In the order in which they are shown."""

    CONSULTA = "consulta"
    ONLINE = "online"
    OPERATION = "operation"
    QA = "qa"
    REPORTS = "reports"
    ADMINISTRATION = "administration"


@dataclass(frozen=True, slots=True)
class Page:
    """An entry of a menu.  Its title is the text `NAME.title`, what it is for `NAME.about`."""

    name: str
    path: str
    menu: Menu
    permission: Permission
