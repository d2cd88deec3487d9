"""What certificates our doors and our calls show, and whom they believe."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Mutual TLS: our certificate and key, and who signs the others'.  All files are PEM.

    The certificate is shown to those who call us and to those whom we call (the broker; the
    commercial system at its ReplyAddress).
    """

    certificate: Path  # ours, intermediate ones behind it
    key: Path  # without a pass phrase
    client_authority: Path  # signs the certificates of those who call us
    server_authority: Path | None = None  # of those whom we call, where it is another one
    revoked: Path | None = None  # revocation list (CRL) of client_authority: who is in it stays out

    @property
    def authority_of_servers(self) -> Path:
        return self.server_authority or self.client_authority


class ServerTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Our side of TLS for those who show a token and no certificate.  PEM files."""

    certificate: Path  # ours, intermediate ones behind it
    key: Path  # without a pass phrase
