"""Secrets of channels, read when they are needed: one that was changed counts from then on."""

from __future__ import annotations

import os

from headend.config.notify import Secret
from headend.notify.sending import NotSent


def opened(secret: Secret) -> str:
    """The secret's text.  Raises `NotSent` where it is not there."""
    if secret.file is not None:
        try:
            text = secret.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NotSent(f"the secret in {secret.file} cannot be read") from error
    else:
        text = os.environ.get(secret.variable or "", "").strip()
    if not text:
        raise NotSent(f"the secret in {secret.file or secret.variable} is empty")
    return text
