"""Notices by HTTPS, signed as Standard Webhooks 1.0 say (symmetric, v1: HMAC-SHA-256).

The receiver checks `webhook-signature` over `webhook-id`.`webhook-timestamp`.body, refuses old
time stamps, and knows a second copy by `webhook-id`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from headend.config.notify import WebhookChannel
from headend.config.secret import SecretMissing, opened
from headend.domain.notice import Notice
from headend.integration.notices.guarded import (
    Forbidden,
    GuardedPost,
    Resolve,
    Unreachable,
    resolved,
)
from headend.notify.message import Said, encode
from headend.notify.sending import NeverSent, NotSent
from headend.ports import Clock

PASSING = frozenset({408, 425, 429})
"""4xx that pass; the others are for good."""
SECRET_MIN = 24  # octets, as the specification asks for


@dataclass(frozen=True, slots=True)
class ByWebhook:
    """A `Way`."""

    channel: WebhookChannel
    clock: Clock
    resolve: Resolve = resolved

    async def send(self, notice: Notice, what: Said) -> None:
        channel, body = self.channel, encode(what)
        try:
            key = key_of(opened(channel.secret))
        except SecretMissing as error:
            raise NotSent(str(error)) from error
        at = str(int(self.clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "ami-headend",
            "webhook-id": notice.id,
            "webhook-timestamp": at,
            "webhook-signature": signature(key, notice.id, at, body),
        }
        parts = urlsplit(channel.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        post = GuardedPost(channel.networks, channel.timeout_s, self._context(), self.resolve)
        try:
            assert parts.hostname is not None
            answer = await post.post(parts.hostname, parts.port or 443, target, headers, body)
        except Forbidden as error:
            raise NeverSent(str(error)) from error
        except Unreachable as error:
            raise NotSent(str(error)) from error
        judge(answer.status)

    def _context(self) -> ssl.SSLContext:
        authority = self.channel.authority
        try:
            return ssl.create_default_context(cafile=None if authority is None else str(authority))
        except OSError as error:
            raise NotSent(f"{authority} cannot be read as certificates") from error


def judge(status: int) -> None:
    """2xx is taken.  Raises `NeverSent` or `NotSent`."""
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NeverSent(f"HTTP {status}: redirects are not followed; name the new address")
    if 400 <= status < 500 and status not in PASSING:
        raise NeverSent(f"HTTP {status}")
    raise NotSent(f"HTTP {status}")


def key_of(secret: str) -> bytes:
    """The key in a secret `whsec_BASE64`, or in its base64 alone.  Raises `NotSent`."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotSent("the webhook's secret is not whsec_ and base64") from error
    if len(key) < SECRET_MIN:
        raise NotSent(f"the webhook's secret has fewer than {SECRET_MIN} octets")
    return key


def signature(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC."""
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
