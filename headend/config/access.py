"""The part of the configuration on accounts, and on the keys that seal meters' keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from headend.config.values import Count, Seconds


class AccessPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Accounts, their passwords and tokens.

    `commands`: whether commands that act ask for an account's token, or are the machine's user's.
    """

    commands: Literal["open", "account"] = "open"
    failures_max: Count = 5  # wrong passwords in a row that lock an account
    lock_s: Seconds = 900.0
    place_failures_max: Count = 20  # wrong tries from one address within the window shut it out
    place_window_s: Seconds = 300.0
    password_min: Count = 15  # characters: NIST SP 800-63B-4, 3.1.1.2, where there is one factor
    token_days: Count = 90  # a token's life where nothing else is said
    token_days_max: Count = 730


class TransportFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A manufacturer's transport key, by the name that questions call it by.  Such a name is
    shorter than a key: nobody shows one in its place."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,23}$")]
    file: Path


class KeyStorage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What meters' keys are sealed by.  Without the file the variable AMI_ENVELOPE_KEY is asked;
    without either the head-end keeps no keys, and speaks to meters through concentrators alone."""

    envelope_file: Path | None = None
    transport: tuple[TransportFile, ...] = ()  # that shipments by REST are opened by
