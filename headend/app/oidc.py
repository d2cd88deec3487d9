"""Logins by the utility's identity provider, wired for a head-end."""

from __future__ import annotations

import os
import ssl

from headend.access.guard import Guard
from headend.access.oidc.login import ProviderLogin
from headend.access.oidc.provider import Provider
from headend.access.sessions import Sessions
from headend.config import BadConfig
from headend.config.notify import Secret
from headend.config.oidc import Oidc


def provider_login(config: Oidc, guard: Guard, sessions: Sessions) -> ProviderLogin:
    """Nothing is asked of the provider yet, which may be away.  Raises `BadConfig` for a secret or
    an authority that cannot be read."""
    # It takes a tenth of a second, and most head-ends have no provider.
    from headend.integration.oidc_http import HttpAsking

    try:
        asking = HttpAsking(config.timeout_s, config.authority)
    except (OSError, ssl.SSLError) as error:
        raise BadConfig(f"oidc.authority {config.authority}: {error}") from error
    provider = Provider(config, asking, guard.clock)
    secret = None if config.client_secret is None else _opened(config.client_secret)
    return ProviderLogin(config, provider, guard, sessions, guard.store, guard.clock, secret)


def _opened(secret: Secret) -> str:
    if secret.file is not None:
        try:
            text = secret.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadConfig(f"oidc.client_secret: {secret.file} cannot be read") from error
    else:
        text = os.environ.get(secret.variable or "", "").strip()
    if not text:
        raise BadConfig(f"oidc.client_secret: {secret.file or secret.variable} is empty")
    return text
