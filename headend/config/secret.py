"""Secrets that a configuration names and does not hold."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class SecretMissing(ValueError):
    """It is not where it should stand; the text says where."""


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a secret stands: in a file, or in a variable of the environment."""

    file: Path | None = None
    variable: str | None = None

    def __post_init__(self) -> None:
        if (self.file is None) == (self.variable is None):
            raise ValueError("a secret stands in a file or in a variable")


def opened(secret: Secret) -> str:
    """The secret's text as it stands there now.  Raises `SecretMissing`."""
    if secret.file is not None:
        try:
            text = secret.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissing(f"the secret in {secret.file} cannot be read") from error
    else:
        text = os.environ.get(secret.variable or "", "").strip()
    if not text:
        raise SecretMissing(f"the secret in {secret.file or secret.variable} is empty")
    return text
