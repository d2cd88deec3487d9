"""A mail server and an HTTPS server on loopback, under a test's certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from tests.certificates import Authority

USER, PASSWORD = "ami", "secret of the mailbox"


def context_of(authority: Authority) -> ssl.SSLContext:
    certificate, key = authority.issue("127.0.0.1", "server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


@dataclass
class Mailbox:
    """What came by e-mail.  `answers` are given in place of 250, in turn; `recipients` are those
    that are refused."""

    messages: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: frozenset[str] = frozenset()

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@asynccontextmanager
async def mail_server(
    box: Mailbox, context: ssl.SSLContext | None, *, implicit: bool = False
) -> AsyncIterator[int]:
    """Its port.  With a context by STARTTLS, or `implicit` from the first octet on."""

    def authenticate(*arguments: Any) -> AuthResult:
        shown = arguments[-1]
        assert isinstance(shown, LoginPassword)
        right = (shown.login, shown.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    def protocol() -> SMTP:
        return SMTP(
            box,
            hostname="mail.test",
            tls_context=None if implicit else context,
            require_starttls=context is not None and not implicit,
            authenticator=None if implicit else authenticate,
            auth_required=not implicit,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if implicit else None
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Hook:
    """What was posted.  `answers` are whole heads, given in turn; then 204."""

    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@asynccontextmanager
async def https_server(hook: Hook, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        hook.posts.append((first, headers, body))
        answer = hook.answers.pop(0) if hook.answers else "HTTP/1.1 204 No Content\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def authority_in(folder: Path) -> Authority:
    return Authority.found(folder / "authority")
