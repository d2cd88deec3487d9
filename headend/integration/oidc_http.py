"""Questions to the identity provider by HTTP: bounded in time and size, no redirects followed, no
proxies of the environment used."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx2

from headend.access.oidc.provider import Answered, Unanswered

BODY_MAX = 512 * 1024


class HttpAsking:
    """Asks over connections of their own, which are few.  `authority` signs the provider's
    certificate, None: one of the machine's own.  Raises `OSError` for a file that is none."""

    def __init__(self, timeout_s: float, authority: Path | None = None) -> None:
        self._timeout_s = timeout_s
        self._context = ssl.create_default_context(cafile=authority)

    async def get(self, url: str, headers: Mapping[str, str]) -> Answered:
        """Raises `Unanswered`."""
        return await self._asked("GET", url, None, headers)

    async def post(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answered:
        """Raises `Unanswered`."""
        return await self._asked("POST", url, fields, headers)

    async def _asked(
        self, method: str, url: str, fields: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Answered:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpx2.AsyncClient(
                    verify=self._context, trust_env=False, follow_redirects=False,
                    timeout=self._timeout_s,
                ) as http,
                http.stream(method, url, data=fields, headers=dict(headers)) as answer,
            ):  # fmt: skip
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > BODY_MAX:
                        raise Unanswered("its answer is too long")
                return Answered(answer.status_code, bytes(body))
        except TimeoutError as error:
            raise Unanswered("no answer in time") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error
