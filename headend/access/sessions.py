"""Sessions of people at the pages: opened by a login, ended by leaving, by rest and by age.

A session is known by a text of 256 bits that its browser keeps in a cookie; the store keeps the
SHA-256 of it, so that who reads the database can take over no session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import timedelta

from headend.access import lines
from headend.access.desk import By
from headend.config.web import Web
from headend.domain.account import Account, Session
from headend.ports import Chance, Clock, Store, Transaction

SECRET_OCTETS = 32
SEEN_EVERY = timedelta(minutes=1)  # how exactly a session's last question is known
TEXT = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who has logged in at the pages."""

    store: Store
    clock: Clock
    chance: Chance
    policy: Web

    def secret(self) -> str:
        """A text that nobody guesses, for a cookie."""
        octets = self.chance.octets("session", SECRET_OCTETS)
        return base64.urlsafe_b64encode(octets).decode().rstrip("=")

    async def open(self, account: str, *, source: str) -> str:
        """A session for somebody whose password was right; its text, which is nowhere kept."""
        now, text = self.clock.now(), self.secret()
        session = Session(digest(text), account, now, now, source)

        def work(tx: Transaction) -> None:
            idle, ends = self._lengths()
            tx.end_web_sessions_before(seen=now - idle, made=now - ends)
            tx.add_web_session(session)

        await self.store.run(work)
        return text

    async def known(self, text: str, *, asks: bool = True) -> Account | None:
        """Whose session it is: nobody's where it has ended, or its account may do nothing.

        `asks` False only looks: a page that is left open keeps no session alive."""
        if TEXT.fullmatch(text) is None:
            return None
        now = self.clock.now()
        idle, ends = self._lengths()

        def work(tx: Transaction) -> Account | None:
            session = tx.web_session(digest(text))
            if session is None:
                return None
            account = tx.account(session.account)
            over = now - session.seen_at >= idle or now - session.made_at >= ends
            if over or account is None or account.disabled_at is not None:
                tx.end_web_session(session.digest)
                return None
            if asks and now - session.seen_at >= min(SEEN_EVERY, idle / 4):
                tx.save_web_session(replace(session, seen_at=now))
            return account

        return await self.store.run(work)

    async def close(self, text: str, by: By) -> None:
        """Somebody leaves."""
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            if tx.end_web_session(digest(text)):
                tx.add_audit(lines.logged_out(now, by.actor, source=by.source))

        await self.store.run(work)

    def _lengths(self) -> tuple[timedelta, timedelta]:
        return (
            timedelta(seconds=self.policy.idle_s),
            timedelta(seconds=self.policy.ends_after_s),
        )


def digest(text: str) -> str:
    """What is kept of a session's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def proof(secret: str) -> str:
    """What each form carries, and no other site can know: derived from the cookie's text, which it
    does not reveal."""
    return hmac.new(secret.encode(), b"a form of ours", hashlib.sha256).hexdigest()


def proven(secret: str, shown: str) -> bool:
    """Whether a form is one of ours, told in the same time whatever differs."""
    return hmac.compare_digest(proof(secret).encode(), shown.encode("utf-8", "replace"))
