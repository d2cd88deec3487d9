"""Notices by e-mail (RFC 5321, 5322), under TLS wherever the server is not on this machine."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from zoneinfo import ZoneInfo

import aiosmtplib
from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from headend.config.notify import SmtpChannel
from headend.config.secret import SecretMissing, opened
from headend.domain.notice import Notice
from headend.notify.message import Said
from headend.notify.sending import NeverSent, NotSent
from headend.notify.wording import in_a_line, text_of

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class BySmtp:
    """A `Way`.  `zone` is the utility's: times in texts are its clocks'."""

    channel: SmtpChannel
    zone: ZoneInfo

    async def send(self, notice: Notice, what: Said) -> None:
        channel = self.channel
        message = self.message(notice, what)
        try:
            password = None if channel.password is None else opened(channel.password)
        except SecretMissing as error:
            raise NotSent(str(error)) from error
        server = aiosmtplib.SMTP(
            hostname=channel.host,
            port=channel.port or _PORTS[channel.security],
            timeout=channel.timeout_s,
            use_tls=channel.security == "tls",
            start_tls=channel.security == "starttls",
            tls_context=None if channel.security == "none" else self._context(),
            username=channel.user,
            password=password,
        )
        try:
            async with server:
                refused, _ = await server.send_message(
                    message, sender=channel.sender, recipients=list(channel.to)
                )
        except SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            raise _refused(min(codes, default=550), "no recipient was taken") from error
        except SMTPResponseException as error:
            raise _refused(error.code, error.message) from error
        except (SMTPException, OSError, ValueError) as error:
            raise NotSent(f"{type(error).__name__}: {in_a_line(str(error))}") from error
        if refused:
            # Some have it: sent again they would have it twice, so the others stand in the log.
            told = ", ".join(f"{to} ({reply[0]})" for to, reply in refused.items())
            raise NeverSent(in_a_line(f"taken for others, not for {told}"))

    def message(self, notice: Notice, what: Said) -> EmailMessage:
        """The e-mail: each language a part of its own."""
        channel = self.channel
        texts = [(each, text_of(what, each, self.zone)) for each in channel.languages]
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = channel.sender
        message["To"] = ", ".join(channel.to)
        message["Subject"] = " / ".join(text.subject for _, text in texts)
        message["Date"] = notice.made_at
        message["Message-ID"] = f"<{notice.id}@{channel.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers it
        message["X-AMI-Severity"] = notice.severity.value
        message["MIME-Version"] = "1.0"
        if len(texts) == 1:
            message.set_content(texts[0][1].body)
        else:
            message.make_mixed()
            for language, text in texts:
                part = EmailMessage(policy=SMTP_POLICY)
                part.set_content(text.body, disposition="inline")
                part["Content-Language"] = language
                message.attach(part)
        return message

    def _context(self) -> ssl.SSLContext:
        authority = self.channel.authority
        try:
            return ssl.create_default_context(cafile=None if authority is None else str(authority))
        except OSError as error:
            raise NotSent(f"{authority} cannot be read as certificates") from error


def _refused(code: int, why: str) -> NotSent:
    """5xx is for good (RFC 5321, 4.2.1); 4xx passes."""
    told = in_a_line(f"{code} {why}")
    return NeverSent(told) if 500 <= code < 600 else NotSent(told)
