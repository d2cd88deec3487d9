"""Where the probe's passwords and keys come from: a file, the environment, a question.

Options take them too, and say that they should not: what stands on a command line is read by every
user of the machine and stays in the shell's history.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from headend.app.probe import Keyring, Secret
from headend.models import Association
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.suite import CURVES, SecuritySuite
from tools.authentication import Auth
from tools.probe.key_pairs import pairs_of_table, private_from_file, public_from_file

PASSWORD, KEY, AUTH_KEY = "AMI_PROBE_PASSWORD", "AMI_PROBE_KEY", "AMI_PROBE_AUTH_KEY"
SIGNING_KEY, METER_KEY = "AMI_PROBE_SIGNING_KEY", "AMI_PROBE_METER_KEY"
"""Files: our private key, and the meter's certificate or public key."""
Ask = Callable[[str], str]


class BadSecret(ValueError):
    """A secret or a file of them cannot be used; the text never shows one."""


_PROOFS = {
    Auth.NONE: {"mechanism": "none", "security": "none"},
    Auth.LOW: {"mechanism": "low", "security": "none"},
    Auth.MD5: {"mechanism": "high-md5", "security": "none"},
    Auth.SHA1: {"mechanism": "high-sha1", "security": "none"},
    Auth.SHA256: {"mechanism": "high-sha256", "security": "none"},
    Auth.GMAC: {"mechanism": "high-gmac", "security": "authenticated-encrypted"},
    Auth.ECDSA: {"mechanism": "high-ecdsa", "security": "authenticated-encrypted"},
}


def proved_by(
    association: Association, auth: Auth | None, suite: SecuritySuite | None = None
) -> Association:
    """The association with this way of proving, and this suite, in place of the model's.

    ECDSA without a suite takes the least that has it.  Raises `BadSecret` for what is no pair.
    """
    changes: dict[str, Any] = {} if auth is None else dict(_PROOFS[auth])
    if auth not in (None, Auth.GMAC, Auth.ECDSA):
        changes |= {"dedicated_key": False, "signed": False}
    if suite is None and auth is Auth.ECDSA and association.suite not in CURVES:
        suite = min(CURVES)
    if suite is not None:
        changes["suite"] = suite
    try:
        return msgspec.structs.replace(association, **changes) if changes else association
    except ValueError as error:
        raise BadSecret(str(error)) from error


@dataclass(frozen=True, slots=True)
class Known:
    """What one client and the meter share, as far as it is known."""

    password: bytes | None = field(default=None, repr=False)
    encryption: bytes | None = field(default=None, repr=False)
    authentication: bytes | None = field(default=None, repr=False)
    pairs: KeyPairs = field(default=KeyPairs(), repr=False)

    def over(self, other: Known) -> Known:
        """Ours, and where there is none the other's."""
        return Known(
            other.password if self.password is None else self.password,
            other.encryption if self.encryption is None else self.encryption,
            other.authentication if self.authentication is None else self.authentication,
            KeyPairs(
                self.pairs.signing or other.pairs.signing,
                self.pairs.agreement or other.pairs.agreement,
                self.pairs.peer_signing or other.pairs.peer_signing,
                self.pairs.peer_agreement or other.pairs.peer_agreement,
            ),
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

    def over(self, other: Secrets) -> Secrets:
        """Ours, and where there is none the other's."""
        clients = {**other.by_client}
        for client, known in self.by_client.items():
            clients[client] = known.over(clients.get(client, Known()))
        title = self.meter_title or other.meter_title
        return Secrets(self.general.over(other.general), clients, title)

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
        if association.signs:
            missing += [SIGNING_KEY] * (secret.pairs.signing is None)
            missing += [METER_KEY] * (secret.pairs.peer_signing is None)
        return missing

    def asked(self, association: Association, ask: Ask) -> Secrets:
        """With what a person answers for what is missing.  Raises `BadSecret`."""
        told = {name: ask(_QUESTIONS[name]) for name in self.missing(association)}
        secret = _secret(told.get(PASSWORD), told.get(KEY), told.get(AUTH_KEY))
        files = (Path(told[each]) if each in told else None for each in (SIGNING_KEY, METER_KEY))
        secret = Known(pairs=_pairs_of_files(*files)).over(secret)
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
            known.pairs if association.signs else None,
        )


def kept_of(keyring: Keyring, meter: str) -> Secrets:
    """What the keyring has of a meter.  Raises `BadSecret` where that is nothing, and `BadKit`."""
    kept = {client: keyring.get(meter, client) for client in keyring.clients(meter)}
    if not kept:
        known = ", ".join(keyring.meters()) or "none"
        raise BadSecret(f"the keyring has nothing of meter {meter}. Known: {known}")
    titles = {each.meter_title for each in kept.values() if each and each.meter_title}
    by_client = {
        client: Known(
            each.password,
            None if each.keys is None else each.keys.encryption,
            None if each.keys is None else each.keys.authentication,
            each.pairs or KeyPairs(),
        )
        for client, each in kept.items()
        if each is not None
    }
    return Secrets(by_client=by_client, meter_title=next(iter(titles), None))


_QUESTIONS = {
    PASSWORD: "Password",
    KEY: "Encryption key (hexadecimal)",
    AUTH_KEY: "Authentication key (hexadecimal)",
    SIGNING_KEY: "File of our signing key (PEM)",
    METER_KEY: "File of the meter's certificate or public key",
}


def gather(
    password: str | None,
    key: str | None,
    auth_key: str | None,
    file: Path | None,
    signing_key: Path | None = None,
    meter_key: Path | None = None,
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
    told = Known(pairs=_pairs_of_files(signing_key, meter_key)).over(told)
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
    names = ("password", "encryption_key", "authentication_key")
    try:
        pairs = pairs_of_table(told)
    except ValueError as error:
        raise BadSecret(str(error)) from None
    return replace(_secret(*(told.get(key) for key in names)), pairs=pairs)


def _pairs_of_files(signing: Path | None, meter: Path | None) -> KeyPairs:
    try:
        return KeyPairs(
            signing=None if signing is None else private_from_file(signing),
            peer_signing=None if meter is None else public_from_file(meter),
        )
    except ValueError as error:
        raise BadSecret(str(error)) from None


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
