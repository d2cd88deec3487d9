"""The identity provider, asked by HTTP; what it tells of itself is remembered for a while.

A provider that is away holds nothing up but the logins by it: what was told before counts on, and
between two tries to hear from it, or to hear of a key that is unknown, there is a rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from headend.access.oidc import keys as keys_
from headend.access.oidc import metadata as metadata_
from headend.access.oidc.keys import SigningKey
from headend.access.oidc.metadata import Metadata
from headend.access.oidc.refusing import NotLoggedIn, Why
from headend.config.oidc import Oidc
from headend.ports import Clock

REST = timedelta(seconds=15)  # between two tries to hear from one who is away
KEYS_REST = timedelta(seconds=60)  # between two looks for keys that tokens name and nobody knows
LOOK_S = 1.0  # how long the page of the login waits for it

_log = structlog.get_logger("oidc")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer by HTTP."""

    status: int
    body: bytes


class Unanswered(Exception):
    """No answer came in time, or none that can be believed; the text says why."""


class Asking(Protocol):
    """Asks by HTTP, within a time and a size, going where it is told and nowhere else."""

    async def get(self, url: str, headers: Mapping[str, str]) -> Answered:
        """Raises `Unanswered`."""
        ...

    async def post(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answered:
        """Raises `Unanswered`."""
        ...


@dataclass(slots=True)
class Provider:
    """One provider, as one head-end knows it."""

    config: Oidc
    asking: Asking
    clock: Clock
    _told: Metadata | None = None
    _told_at: datetime | None = None
    _tried_at: datetime | None = None
    _failed: NotLoggedIn | None = None
    _failures: int = 0
    _keys: tuple[SigningKey, ...] = ()
    _keys_at: datetime | None = None
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)
    _looking: asyncio.Task[None] | None = None

    async def metadata(self) -> Metadata:
        """What it tells of itself, from before where it is away.  Raises `NotLoggedIn`."""
        before = self._failures  # who waited behind a try that failed does not wait once more
        async with self._one:
            if self._told is not None and self._younger(self._told_at, self._kept):
                return self._told
            if self._told is not None and self._younger(self._tried_at, REST):
                return self._told
            if self._failed is not None and self._failures != before:
                raise NotLoggedIn(self._failed.code, self._failed.detail)
            self._tried_at = self.clock.now()
            try:
                body = await self._got(metadata_.place(self.config.issuer))
                self._told = metadata_.read(body, self.config.issuer)
            except NotLoggedIn as error:
                _log.warning("the identity provider", code=error.code, why=error.detail)
                self._failed, self._failures = error, self._failures + 1
                if error.code is not Why.AWAY:
                    self._told = None
                if self._told is None:
                    raise
                return self._told
            self._failed, self._told_at = None, self.clock.now()
            return self._told

    async def key(self, kid: str | None, algorithm: str) -> SigningKey:
        """The key that a token names.  One that is unknown is asked for once, as providers change
        theirs; who makes tokens up does not have the provider asked each time.  Raises
        `NotLoggedIn`."""
        told = await self.metadata()
        async with self._one:
            found = keys_.choose(self._keys, kid, algorithm)
            rest = self._kept if found is not None else KEYS_REST
            if not self._younger(self._keys_at, rest):
                try:
                    self._keys = keys_.read(await self._got(told.jwks_uri))
                except NotLoggedIn:
                    if found is None:
                        raise
                    return found  # the provider is away for a moment, and the key is known
                self._keys_at = self.clock.now()
                found = keys_.choose(self._keys, kid, algorithm)
        if found is None:
            raise NotLoggedIn(Why.TOKEN, f"the token: its key is unknown: {kid!r}, {algorithm}")
        return found

    async def look(self) -> bool:
        """Whether it is there, as far as can be told within a moment."""
        if self._younger(self._told_at, self._kept):
            return True
        looking = self._looking
        if looking is None or looking.done():
            if self._younger(self._tried_at, REST):
                return False
            looking = self._looking = asyncio.create_task(self._looked(), name="oidc look")
        await asyncio.wait({looking}, timeout=LOOK_S)
        return self._younger(self._told_at, self._kept)

    async def _looked(self) -> None:
        try:
            await self.metadata()
        except NotLoggedIn:
            pass  # it is in the log

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    @property
    def _kept(self) -> timedelta:
        return timedelta(seconds=self.config.keep_s)

    def _younger(self, at: datetime | None, than: timedelta) -> bool:
        return at is not None and self.clock.now() < at + than

    async def _got(self, url: str) -> bytes:
        try:
            answered = await self.asking.get(url, {"Accept": "application/json"})
        except Unanswered as error:
            raise NotLoggedIn(Why.AWAY, f"{url}: {error}") from error
        if answered.status != 200:
            code = Why.AWAY if answered.status >= 500 else Why.WRONG
            raise NotLoggedIn(code, f"{url} answers {answered.status}")
        return answered.body
