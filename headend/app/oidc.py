"""Logins by the utility's identity provider, wired for a head-end."""

from __future__ import annotations

import ssl

from headend.access.guard import Guard
from headend.access.oidc.login import ProviderLogin
from headend.access.oidc.provider import Asking, Provider
from headend.access.sessions import Sessions
from headend.config import BadConfig
from headend.config.oidc import Oidc
from headend.config.secret import SecretMissing, opened


def check(config: Oidc) -> None:
    """Pass where the secret and the authority can be read.  Raises `BadConfig`."""
    _asking(config)
    _secret(config)


def provider_login(config: Oidc, guard: Guard, sessions: Sessions) -> ProviderLogin:
    """Nothing is asked of the provider yet, which may be away.  Raises `BadConfig` for a secret or
    an authority that cannot be read."""
    provider = Provider(config, _asking(config), guard.clock)
    secret = _secret(config)
    return ProviderLogin(config, provider, guard, sessions, guard.store, guard.clock, secret)


def _asking(config: Oidc) -> Asking:
    # It takes a tenth of a second, and most head-ends have no provider.
    from headend.integration.oidc_http import HttpAsking

    try:
        return HttpAsking(config.timeout_s, config.authority)
    except (OSError, ssl.SSLError) as error:
        raise BadConfig(f"oidc.authority {config.authority}: {error}") from error


def _secret(config: Oidc) -> str | None:
    try:
        return None if config.client_secret is None else opened(config.client_secret)
    except SecretMissing as error:
        raise BadConfig(f"oidc.client_secret: {error}") from error
