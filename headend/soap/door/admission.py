"""Who stands at a door, and may what: certificate, user, Source, permission, freshness, address.

Asked by every CIM door once a message is read and before anything of it is acted upon.  Everything
that is refused here is a `RequestRefused` with a code of family 7 (IEC 61968-9, Annex B).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from headend.access.knocks import Knocks
from headend.config.secret import SecretMissing, opened
from headend.config.soap import Replay, SoapUser
from headend.ports import Clock
from headend.soap.door.freshness import RESTARTED, Identity, Nonces, Window, aware, check
from headend.soap.outbound.addresses import ReplyAddresses
from protocols.cim import wsse
from protocols.cim.acts import acts_of
from protocols.cim.envelope import Header, Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.permits import Permit, refusal_of
from protocols.cim.wsse import UsernameToken
from protocols.cim.xml import Element

OUR_NAME: Final = "HES"  # Header/Source of what we send, and what rules call this door

WRONG_MAX: Final = 20  # wrong passwords from one address that shut it out, for WRONG_WITHIN
WRONG_WITHIN: Final = timedelta(minutes=5)

_log = structlog.get_logger("admission")

Known = Callable[[Identity], Awaitable[bool]]
"""Whether this very message was taken before, so that it will get its first answer again."""


async def nothing_known(identity: Identity) -> bool:
    """For doors behind which nothing is kept."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a message, as far as the way it came can tell.

    `certificate` is the common name: None without mutual TLS, "" where the certificate has none.
    """

    certificate: str | None = None
    token: UsernameToken | None = None
    address: str = ""

    @property
    def encrypted(self) -> bool:
        return self.certificate is not None


@dataclass(slots=True, kw_only=True)
class Admission:
    """The rules of one door.

    Without `users` nobody has to show a token; without `permits` who is let in may send anything;
    without `replay` a message may be of any age.  `reply_addresses` None leaves ReplyAddress to
    whoever is behind the door.
    """

    clock: Clock
    door: str = OUR_NAME
    sources: frozenset[str] = frozenset()
    users: tuple[SoapUser, ...] = ()
    permits: tuple[Permit, ...] = ()
    replay: Replay | None = None
    reply_addresses: ReplyAddresses | None = ReplyAddresses()
    known: Known = nothing_known
    nonces: Nonces = field(default_factory=Nonces)
    knocks: Knocks = field(default_factory=lambda: Knocks(WRONG_MAX, WRONG_WITHIN))
    _since: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.clock.now()

    @property
    def understood(self) -> tuple[str, ...]:
        """The blocks of a SOAP header that are read here."""
        return (wsse.SECURITY,) if self.users else ()

    def token_of(self, envelope: Element) -> UsernameToken | None:
        """The token in a SOAP envelope, where this door asks for one.  Raises `RequestRefused`."""
        return wsse.read(envelope) if self.users else None

    async def admit(self, message: Message, digest: str, caller: Caller) -> Header:
        """The header under its proven source.  Raises `RequestRefused`."""
        header = message.header
        if header is None:
            raise RequestRefused(ReplyError("1.5", "CAMPO_FALTA: falta Header", xpath="Header"))
        header = _under(header, self._name_of(caller))
        identity = Identity(header.source or "", header.message_id, digest)
        error = self._stale(header, identity, caller.token)
        if error is not None and not await self._taken_before(identity):
            raise RequestRefused(error)
        self._check_permitted(message, header)
        self._check_reply_address(header)
        return header

    def _name_of(self, caller: Caller) -> str | None:
        """Whose message it is, proven by certificate or token; None where neither is asked for."""
        certificate = caller.certificate
        if certificate == "":
            raise _refused("7.4", "CERTIFICADO_SIN_NOMBRE: falta commonName")
        if certificate is not None and self.sources and certificate not in self.sources:
            raise _refused("7.5", "CERTIFICADO_NO_ADMITIDO: su titular no puede dar órdenes")
        if not self.users:
            return certificate
        user = self._user(caller)
        if certificate is not None and certificate not in (user.name, *user.certificates):
            raise _refused("7.5", "USUARIO_CON_OTRO_CERTIFICADO: ese certificado no es del usuario")
        return user.name

    def _user(self, caller: Caller) -> SoapUser:
        token = caller.token
        if token is None:
            raise _refused("7.2", "CREDENCIAL_FALTA: se espera un UsernameToken", "Security")
        if not token.is_digest and not caller.encrypted:
            raise _refused("7.6", "CIFRADO_FALTA: PasswordText sólo se admite por TLS", "Security")
        user = next((each for each in self.users if each.name == token.name), None)
        now = self.clock.now()
        if self.knocks.shut(caller.address, now) is not None:
            raise _refused("7.1", "DEMASIADOS_INTENTOS: repita el mensaje más tarde", "Security")
        # Who is unknown is held against somebody's password as well, and told the same.
        password = self._password(user or self.users[0])
        if not token.shown_by(password) or user is None:
            self.knocks.wrong(caller.address, now)
            raise _refused("7.4", "CREDENCIAL_INVALIDA: usuario o contraseña", "Security")
        return user

    def _password(self, user: SoapUser) -> str:
        try:
            return opened(user.password)
        except SecretMissing as error:
            _log.error("a user's password cannot be read", user=user.name, why=str(error))
            raise _refused("7.1", "CREDENCIAL_NO_VERIFICABLE: repita el mensaje") from error

    def _stale(
        self, header: Header, identity: Identity, token: UsernameToken | None
    ) -> ReplyError | None:
        """What speaks against a message being new."""
        now = self.clock.now()
        if self.users and token is not None:
            error = self._used_before(token, identity, now)
            if error is not None:
                return error
        if self.replay is None:
            return None
        window = window_of(self.replay)
        return check(header, window, self.nonces, identity, now=now, since=self._since)

    def _used_before(
        self, token: UsernameToken, identity: Identity, now: datetime
    ) -> ReplyError | None:
        """A token counts once, because it says nothing of the body it came with."""
        window = window_of(self.replay or Replay())
        if token.expires is not None and aware(token.expires) <= now:
            return ReplyError("7.4", "CREDENCIAL_VENCIDA: Expires ya pasó", xpath="Security")
        if token.created is not None:
            if (error := window.error_of(token.created, now, "Created")) is not None:
                return error
            if token.nonce is not None and aware(token.created) < self._since:
                return RESTARTED
        if token.nonce is None:
            return None
        until = now + window.back if token.created is None else window.lasts(token.created)
        return self.nonces.use("token", token.nonce, identity, now, until)

    async def _taken_before(self, identity: Identity) -> bool:
        return identity.message_id is not None and await self.known(identity)

    def _check_permitted(self, message: Message, header: Header) -> None:
        if not self.permits:
            return
        acts = acts_of(message)
        if isinstance(acts, ReplyError):
            raise RequestRefused(acts)
        for act in acts:
            error = refusal_of(self.permits, act, header.source or "", self.door)
            if error is not None:
                raise RequestRefused(error)

    def _check_reply_address(self, header: Header) -> None:
        address = header.reply_address
        listed = self.reply_addresses
        if address is not None and listed is not None and not listed.permits(address):
            raise _refused(
                "7.7",
                "DIRECCION_NO_AUTORIZADA: ReplyAddress no está en la lista permitida",
                "ReplyAddress",
            )


def window_of(replay: Replay) -> Window:
    """The window as settings say it."""
    return Window(
        back=timedelta(seconds=replay.window_s),
        ahead=timedelta(seconds=replay.ahead_s),
        timestamp_required=replay.required in ("timestamp", "both"),
        nonce_required=replay.required in ("nonce", "both"),
    )


def _under(header: Header, name: str | None) -> Header:
    """The header under the proven name, which stands in for a missing Source."""
    if name is None or header.source == name:
        return header
    if header.source is None:
        return replace(header, source=name)
    raise _refused("7.5", "ORIGEN_NO_AUTORIZADO: Source no es el del certificado", "Source")


def _refused(code: str, details: str, xpath: str | None = None) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))
