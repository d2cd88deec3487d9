"""Whether a message is new: made within a window of time, and its nonce not seen before.

Header/Timestamp and Header/ReplayDetection (IEC 61968-100:2013: Nonce and Created), and the nonce
of a UsernameToken.  What is refused here may still be a repetition that we promised to answer as
the first time, under the same Source and MessageID and with the same content: whoever asks decides
that (see `admission`), and a nonce is remembered together with the message that used it.

Nonces are kept in memory, for as long as their window lasts; beyond `NONCES_MAX` new ones are
refused rather than old ones forgotten.  Only who has proved itself gets a nonce remembered.
A restart forgets them: a nonce made before it is then only as good as its message's own key.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from protocols.cim.envelope import Header
from protocols.cim.errors import ReplyError

NONCES_MAX: Final = 262_144  # 870 messages a second for 5 minutes; some 60 MB


@dataclass(frozen=True, slots=True)
class Identity:
    """What a message is known by again.  Without `message_id` it never is."""

    source: str
    message_id: str | None
    digest: str


@dataclass(slots=True)
class Nonces:
    """Nonces that were used, each until its time is over, and by which message."""

    most: int = NONCES_MAX
    _used: OrderedDict[bytes, tuple[datetime, Identity]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._used)

    def use(
        self, kind: str, nonce: bytes, identity: Identity, now: datetime, until: datetime
    ) -> ReplyError | None:
        """Remember a nonce; an error where it was used by another message (7.7), or where no more
        can be remembered (7.1)."""
        self._forget(now)
        key = hashlib.sha256(f"{kind}/{identity.source}/".encode() + nonce).digest()
        used = self._used.get(key)
        if used is not None:
            if identity.message_id is not None and used[1] == identity:
                return None
            return ReplyError(
                "7.7", "MENSAJE_REPRODUCIDO: ese Nonce ya se usó en otro mensaje", xpath="Nonce"
            )
        if len(self._used) >= self.most:
            return ReplyError("7.1", "DEMASIADOS_MENSAJES: repita el mensaje más tarde")
        self._used[key] = (until, identity)
        return None

    def _forget(self, now: datetime) -> None:
        # In the order in which they came, which is not quite that in which they end: what is kept a
        # little longer than its window does no harm.
        while self._used:
            until, _ = next(iter(self._used.values()))
            if until > now:
                return
            self._used.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How old a message may be, and how far ahead of our clock."""

    back: timedelta
    ahead: timedelta
    timestamp_required: bool = False
    nonce_required: bool = False

    def lasts(self, made: datetime) -> datetime:
        """Until when a message made at this time would be taken."""
        return aware(made) + self.back

    def error_of(self, made: datetime, now: datetime, name: str) -> ReplyError | None:
        """What is wrong with the time in the field of this name (7.7)."""
        made = aware(made)
        if made < now - self.back:
            details = f"MENSAJE_VENCIDO: {name} es de hace más de {self.back.total_seconds():g} s"
            return ReplyError("7.7", details, xpath=name)
        if made > now + self.ahead:
            return ReplyError("7.7", f"MENSAJE_DEL_FUTURO: {name} es posterior", xpath=name)
        return None


def check(
    header: Header,
    window: Window,
    nonces: Nonces,
    identity: Identity,
    *,
    now: datetime,
    since: datetime,
) -> ReplyError | None:
    """What is wrong with a header's own times and nonce; nonces are kept since `since`."""
    replay = header.replay_detection
    if header.timestamp is None and window.timestamp_required:
        return ReplyError("1.5", "CAMPO_FALTA: falta Timestamp", xpath="Timestamp")
    if replay is None and window.nonce_required:
        return ReplyError("1.5", "CAMPO_FALTA: falta ReplayDetection", xpath="ReplayDetection")
    for name, made in (
        ("Timestamp", header.timestamp),
        ("Created", None if replay is None else replay.created),
    ):
        if made is not None and (error := window.error_of(made, now, name)) is not None:
            return error
    if replay is None:
        return None
    if identity.message_id is None and aware(replay.created) < since:
        return RESTARTED
    nonce = replay.nonce.encode()
    return nonces.use("header", nonce, identity, now, window.lasts(replay.created))


RESTARTED: Final = ReplyError(
    "7.1", "REINICIO_RECIENTE: Created es anterior al arranque; repita con uno nuevo"
)


def aware(time: datetime) -> datetime:
    """A time without offset is taken as UTC, which both standards recommend."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
