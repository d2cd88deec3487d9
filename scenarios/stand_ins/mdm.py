"""A stand-in of the utility's MDM ("Sistema externo", seed 004): it begins the five sequences.

It asks by REST with a token, orders by SOAP through the commercial system's messages, and learns
what became of it from the event stream.  All it knows of the head-end is what came through these
doors, and its journal holds just that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scenarios.stand_ins import asgi
from scenarios.stand_ins.said import Said

ROOT = "/api/v1"
STREAM = f"{ROOT}/stream"
AGAIN_S = 3.0  # until it listens again where the stream ended, as the stream itself proposes


@dataclass(slots=True)
class Mdm:
    """Asks and listens.  `token` is that of its account; `now` tells the time."""

    app: asgi.Application
    token: str
    now: Callable[[], datetime]
    journal: list[Said] = field(default_factory=list)
    position: str | None = None  # of the stream, where it has read up to
    _asked: int = 0

    async def ask(self, method: str, path: str, body: dict[str, Any]) -> asgi.Answer:
        """Ask by REST; what changes something goes under a key of its own."""
        self._asked += 1
        octets = json.dumps(body, default=str).encode() if method != "GET" else b""
        device = _device_of(path, body)
        what = f"{method} {path}"
        self.journal.append(Said(self.now(), "asked", "REST", what, _short(body), device=device))
        headers = {**self._proven(), "idempotency-key": f"mdm-{self._asked}"}
        answer = await asgi.ask(self.app, method, ROOT + path, octets, headers)
        detail, number = _told(answer)
        self.journal.append(
            Said(self.now(), "answered", "REST", str(answer.status), detail, number, device)
        )
        return answer

    async def listen(self) -> None:
        """Hear the event stream until cancelled, and go on from where it ended."""
        while True:
            headers = self._proven()
            if self.position is not None:
                headers["last-event-id"] = self.position
            async for line in asgi.lines(self.app, STREAM, headers):
                name, _, value = line.partition(": ")
                if name == "id":
                    self.position = value
                if name == "data" and (told := json.loads(value)):
                    self._hear(told)
            await asyncio.sleep(AGAIN_S)

    def _proven(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def _hear(self, told: dict[str, Any]) -> None:
        kind, number = str(told.get("kind")), told.get("number")
        what = f"{kind} {told.get('what')}"
        order = number if kind == "order" else None
        detail = "" if order is not None or number is None else f"{number}"
        if arrived := told.get("arrived"):
            meters = sorted({each["meter"] for each in arrived})
            detail = f"{sum(each['count'] for each in arrived)} × {', '.join(meters[:3])}"
        self.journal.append(
            Said(self.now(), "told", "stream", what, detail, order, told.get("device"))
        )


def _device_of(path: str, body: dict[str, Any]) -> str | None:
    parts = path.split("/")
    if len(parts) > 2 and parts[1] == "meters":
        return parts[2]
    meter = body.get("meter")
    return meter if isinstance(meter, str) else None


def _short(body: dict[str, Any]) -> str:
    """The question's values in one line; of long ones the first words."""
    said = []
    for name, value in body.items():
        text = (
            ", ".join(map(str, value)) if isinstance(value, list) else " ".join(str(value).split())
        )
        said.append(f"{name} {text if len(text) <= 36 else text[:35] + '…'}")
    return "; ".join(said)


def _told(answer: asgi.Answer) -> tuple[str, int | None]:
    """What an answer says in a few words, and the order that it names."""
    told = answer.told
    if isinstance(told, dict):
        if isinstance(stage := told.get("stage"), str):
            return stage, None
        if "transaction" in told and "state" in told:
            return f"order {told['number']} {told['state']}", told["number"]
        if "title" in told:  # a problem's (RFC 9457)
            return str(told["code"]), None
        if isinstance(inner := told.get("campaign"), dict):
            return f"campaign {inner['number']} {inner['state']}", None
        if isinstance(items := told.get("items"), list):
            return f"{len(items)}", None
    if isinstance(told, list):
        return f"{len(told)}", None
    return "", None
