"""Where the probe's passwords and keys come from: a file, the environment, a question.

Options take them too, and say that they should not: what stands on a command line is read by every
user of the machine and stays in the shell's history.
"""

from __future__ import annotations

import enum
import json
import os
import stat
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from headend.models import Association
from headend.probe_app import Secret
from protocols.dlms.keys import Keys

PASSWORD, KEY, AUTH_KEY = "AMI_PROBE_PASSWORD", "AMI_PROBE_KEY", "AMI_PROBE_AUTH_KEY"
Ask = Callable[[str], str]


class BadSecret(ValueError):
    """A secret or a file of them cannot be used; the text never shows one."""


class Auth(enum.StrEnum):
    """How a client proves itself, by short names."""

    NONE = "none"
    LOW = "low"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    GMAC = "gmac"


_PROOFS = {
    Auth.NONE: {"mechanism": "none", "security": "none"},
    Auth.LOW: {"mechanism": "low", "security": "none"},
    Auth.MD5: {"mechanism": "high-md5", "security": "none"},
    Auth.SHA1: {"mechanism": "high-sha1", "security": "none"},
    Auth.SHA256: {"mechanism": "high-sha256", "security": "none"},
    Auth.GMAC: {"mechanism": "high-gmac", "security": "authenticated-encrypted"},
}


def proved_by(association: Association, auth: Auth | None) -> Association:
    """The association with this way of proving in place of the model's."""
    if auth is None:
        return association
    plain = {"dedicated_key": False, "signed": False} if auth is not Auth.GMAC else {}
    return msgspec.structs.replace(association, **_PROOFS[auth], **plain)


@dataclass(frozen=True, slots=True)
class Known:
    """What one client and the meter share, as far as it is known."""

    password: bytes | None = field(default=None, repr=False)
    encryption: bytes | None = field(default=None, repr=False)
    authentication: bytes | None = field(default=None, repr=False)

    def over(self, other: Known) -> Known:
        """Ours, and where there is none the other's."""
        return Known(
            other.password if self.password is None else self.password,
            other.encryption if self.encryption is None else self.encryption,
            other.authentication if self.authentication is None else self.authentication,
        )


@dataclass(frozen=True, slots=True)
class Secrets:
    """For every client, and for some of them in particular."""

    general: Known = Known()
    by_client: dict[int, Known] = field(default_factory=dict, repr=False)
    meter_title: bytes | None = None

    def of(self, client: int) -> Known:
        """What this client has."""
        return self.general.over(self.by_client.get(client, Known()))

    def fits(self, association: Association) -> bool:
        """Whether all is known that the association takes."""
        return not self.missing(association)

    def missing(self, association: Association) -> list[str]:
        """What the association takes and nobody said: names of the environment's variables."""
        secret, missing = self.of(association.client), []
        if association.takes_password and secret.password is None:
            missing.append(PASSWORD)
        if association.ciphers:
            missing += [KEY] * (secret.encryption is None)
            missing += [AUTH_KEY] * (secret.authentication is None)
        return missing

    def asked(self, association: Association, ask: Ask) -> Secrets:
        """With what a person answers for what is missing.  Raises `BadSecret`."""
        told = {name: ask(_QUESTIONS[name]) for name in self.missing(association)}
        secret = _secret(told.get(PASSWORD), told.get(KEY), told.get(AUTH_KEY))
        return Secrets(secret.over(self.of(association.client)), {}, self.meter_title)

    def secret(self, association: Association) -> Secret:
        """What the conversation takes.  Raises `BadSecret` for keys that are none."""
        known, keys = self.of(association.client), None
        if association.ciphers and known.encryption and known.authentication:
            try:
                keys = Keys(known.encryption, known.authentication)
            except ValueError as error:
                raise BadSecret(str(error)) from error
        return Secret(
            known.password if association.takes_password else None,
            keys,
            self.meter_title if association.titled else None,
        )


_QUESTIONS = {
    PASSWORD: "Password",
    KEY: "Encryption key (hexadecimal)",
    AUTH_KEY: "Authentication key (hexadecimal)",
}


def gather(
    password: str | None, key: str | None, auth_key: str | None, file: Path | None
) -> tuple[Secrets, list[str]]:
    """All that is known, options first, then the environment, then the file; and what to say of
    it.  Raises `BadSecret`."""
    warnings = [
        f"{option} on a command line is seen by others here; better {variable} or --key-file"
        for option, given, variable in (
            ("--password", password, PASSWORD),
            ("--key", key, KEY),
            ("--auth-key", auth_key, AUTH_KEY),
        )
        if given is not None
    ]
    told = _secret(
        *(
            given if given is not None else os.environ.get(variable)
            for given, variable in ((password, PASSWORD), (key, KEY), (auth_key, AUTH_KEY))
        )
    )
    kept = Secrets()
    if file is not None:
        kept = _from_file(file)
        if os.name == "posix" and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            warnings.append(f"{file} can be read by others. Try: chmod 600 {file}")
    return Secrets(told.over(kept.general), kept.by_client, kept.meter_title), warnings


def _from_file(path: Path) -> Secrets:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSecret(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    try:
        told = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError:  # whose text would show what stands there
        raise BadSecret(f"{path} is neither TOML nor JSON") from None
    if not isinstance(told, dict):
        raise BadSecret(f"{path} is no table of keys")
    by_client = {}
    for each in told.get("clients", ()):
        if isinstance(each, dict) and isinstance(each.get("sap"), int):
            by_client[each["sap"]] = _of_table(each)
    title = _octets(told.get("system_title"), "system_title")
    return Secrets(Known() if by_client else _of_table(told), by_client, title)


def _of_table(told: dict[str, Any]) -> Known:
    return _secret(*(told.get(key) for key in ("password", "encryption_key", "authentication_key")))


def _secret(password: Any, key: Any, auth_key: Any) -> Known:
    return Known(
        _password(password), _octets(key, "the encryption key"), _octets(auth_key, "that key")
    )


def _password(text: Any) -> bytes | None:
    """`0x` begins octets, anything else is text."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadSecret("a password is text")
    return _octets(text[2:], "the password") if text.startswith("0x") else text.encode()


def _octets(text: Any, what: str) -> bytes | None:
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except (ValueError, TypeError):
        raise BadSecret(f"{what} is not written in hexadecimal digits") from None
