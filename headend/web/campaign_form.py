"""A campaign as a form has it: what is ordered, for which meters, in which waves; and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from headend.access.ordering import permission_for
from headend.domain.order import LIMITS, LOADS, Kind
from headend.orders.rules import GIVING_BACK
from headend.rest.campaign_told import CampaignWanted
from headend.web.visit import Visit
from headend.web.wall_time import moment_of

KINDS: Final = (
    Kind.SET_LIMIT, Kind.REMOVE_LIMIT, Kind.CONNECT, Kind.ARM, Kind.DISCONNECT, Kind.LOAD_OFF,
    Kind.LOAD_ON, Kind.RESET_DEMAND, Kind.READ, Kind.SET_CLOCK, Kind.CHANGE_KEYS,
    Kind.UPDATE_FIRMWARE,
)  # fmt: skip
"""Those that the form starts.  A tariff calendar comes as a file, by command and by REST."""
FIELDS: Final = (
    "kind", "amount", "unit", "until", "objects", "image", "activate_at", "until_pressed",
    "place", "concentrator", "model", "firmware", "every", "waves", "pace", "share", "stop_share",
    "emergency", "any_day", "hours", "why", "key",
)  # fmt: skip
EMPTY: Final[Mapping[str, str]] = {
    **dict.fromkeys((*FIELDS, "meters"), ""), "waves": "100%", "share": "100", "stop_share": "20"
}  # fmt: skip
_BETWEEN = re.compile(r"[\r\n,;\t]+")
_HOUR_S = 3600

Given = Mapping[str, str]
"""What stands in the fields, by name; meters with a line break between them."""


def kinds(visit: Visit) -> list[Kind]:
    """Those that the visitor may start: some take a permission of their own besides."""
    return [each for each in KINDS if visit.may(permission_for(each))]


def asked(visit: Visit) -> dict[str, str]:
    """What a link to the form says."""
    names = (*FIELDS, "meters")
    return {**EMPTY, **{name: said for name in names if (said := visit.asked(name))}, "key": ""}


def filled(visit: Visit) -> dict[str, str]:
    """What somebody has filled in."""
    given = {name: visit.field(name) for name in FIELDS}
    named = (each.strip() for each in _BETWEEN.split(visit.form.get("meters", [""])[0]))
    given["meters"] = "\n".join(dict.fromkeys(each for each in named if each))
    return given


def wanted(given: Given, zone: ZoneInfo) -> CampaignWanted:
    """The campaign that the fields say; of others than its kind's own they say nothing.  Raises
    ValueError, OverflowError."""
    kind = Kind(given["kind"])
    asked: dict[str, Any] = {
        name: given[name] for name in ("place", "concentrator", "model", "firmware") if given[name]
    }
    if "place" in asked:  # its kind may stand before it, as by command
        asked["place"] = given["place"].partition(":")[2] or given["place"]
    if given["meters"]:
        asked["meters"] = given["meters"].split("\n")
    if kind is Kind.SET_LIMIT and given["amount"]:
        asked |= {"amount": _decimal(given["amount"]), "unit": given["unit"] or "W"}
    if kind in LIMITS | LOADS and given["until"]:
        asked["until"] = moment_of(given["until"], zone)
    if kind is Kind.READ:
        asked["objects"] = [each for each in re.split(r"[\s,;]+", given["objects"]) if each]
    if given["pace"]:
        asked["pace"] = given["pace"]
    if given["hours"]:
        asked["order_deadline_s"] = round(float(_decimal(given["hours"])) * _HOUR_S)
    return CampaignWanted(
        kind=kind, detail=_detail(kind, given, zone), every=bool(given["every"]),
        waves=[each for each in re.split(r"[\s,;]+", given["waves"]) if each],
        share=_part(given["share"], "100"), stop_share=_part(given["stop_share"], "20"),
        emergency=bool(given["emergency"]), any_day=bool(given["any_day"]), note=given["why"],
        **asked,
    )  # fmt: skip


def _detail(kind: Kind, given: Given, zone: ZoneInfo) -> dict[str, Any]:
    """What a kind has for itself."""
    if kind is Kind.UPDATE_FIRMWARE:
        at = moment_of(given["activate_at"], zone)
        told = {} if at is None else {"activate_at": at.isoformat()}
        return {"image": given["image"], **told}
    if kind in GIVING_BACK and given["until_pressed"]:
        return {"until_pressed": True}
    return {}


def _decimal(text: str) -> str:
    return text.replace(",", ".")


def _part(text: str, usual: str) -> float:
    """Of a hundred."""
    return round(float(_decimal(text or usual)) / 100, 6)
