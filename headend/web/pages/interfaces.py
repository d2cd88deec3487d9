"""What other systems ask this head-end: REST by its own description, SOAP by its page to try it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting

PAGES = (Page("interfaces", "/interfaces", Menu.ADMINISTRATION, Permission.METRICS_READ),)
P = Permission

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Field:
    """A value of a question or an answer."""

    name: str
    place: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route of REST."""

    method: str
    path: str
    about: str
    permission: str
    fields: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[str, ...]

    @property
    def anchor(self) -> str:
        return f"{self.method}-{self.path}".replace("/", "-").replace("{", "").replace("}", "")


@router.get("/interfaces")
async def interfaces(
    visit: Annotated[Visit, Security(visiting, scopes=[P.METRICS_READ])],
) -> Response:
    groups = operations_of(visit.web.rest_description())
    return rendered(visit, "interfaces.html", groups=groups, soap=visit.web.soap_url)


def operations_of(description: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The routes of a description (OpenAPI 3.1) by their first tag."""
    found: dict[str, list[Operation]] = {}
    schemas = description.get("components", {}).get("schemas", {})
    for path, methods in description["paths"].items():
        for method, told in methods.items():
            tag = (told.get("tags") or ["other"])[0]
            found.setdefault(tag, []).append(_operation(path, method, told, schemas))
    return found


def _operation(
    path: str, method: str, told: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Operation:
    scopes = [
        scope for each in told.get("security", []) for some in each.values() for scope in some
    ]
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        method.upper(),
        path,
        str(told.get("description") or told.get("summary", "")),
        ", ".join(scopes),
        tuple(
            Field(
                each["name"], each["in"], _kind(each["schema"]), bool(each.get("required")),
                str(each.get("description", "")),
            )
            for each in told.get("parameters", [])
        ),
        tuple(_properties(body.get("schema", {}), schemas)),
        tuple(sorted(told.get("responses", {}))),
    )  # fmt: skip


def _properties(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Field]:
    known = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    required = set(known.get("required", ()))
    for name, each in known.get("properties", {}).items():
        about = str(each.get("description", ""))
        yield Field(name, "body", _kind(each), name in required, about)


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema's type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"])
    kind = str(schema.get("type", "?"))
    if kind == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    return f"{kind} ({schema['format']})" if "format" in schema else kind
