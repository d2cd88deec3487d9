"""A TLS handshake that fails says why: to the client by OpenSSL's alert, and to us in the log.

asyncio closes a connection whose handshake failed before the alert has left, so that the client of
an expired certificate would see no more than a closed socket, and we nothing at all.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import structlog

# Behind these OpenSSL has an alert for the client.  To what is no TLS at all it has nothing to say.
TOLD = {
    "CERTIFICATE_VERIFY_FAILED",
    "NO_SHARED_CIPHER",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    "UNSUPPORTED_PROTOCOL",
}

log = structlog.get_logger(__name__)


def _nobody_listens(why: str) -> None:
    pass


class _Outspoken(ssl.SSLObject):
    """Fails one turn later: asyncio first sends what is to be sent.

    The next turn comes with the client's own farewell, or with the end of asyncio's patience for
    handshakes, which holds for silent clients as well.
    """

    _failure: ssl.SSLError | None = None
    _refused: Callable[[str], None] = staticmethod(_nobody_listens)

    def do_handshake(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or str(error)
            log.warning("a client was refused by TLS", why=why)
            self._refused(why)
            if error.reason not in TOLD:
                raise
            self._failure = error
            raise ssl.SSLWantReadError from error


def outspoken(
    context: ssl.SSLContext, refused: Callable[[str], None] = _nobody_listens
) -> ssl.SSLContext:
    """The context, with handshakes that say why they fail, to `refused` as well.  For asyncio's
    servers only."""
    told = {"_refused": staticmethod(refused)}
    context.sslobject_class = type("_Outspoken", (_Outspoken,), told)
    return context
