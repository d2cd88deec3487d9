"""Why a package, a result or a card is refused.  The text is a sentence for the one who tried."""

from __future__ import annotations

import enum


class Refused(enum.StrEnum):
    """The kinds of refusal, for programs."""

    NO_FILE_OF_OURS = "no-file-of-ours"
    VERSION = "version"
    TAMPERED = "tampered"
    STRANGER = "stranger"  # signed by somebody whom nobody introduced
    OTHER_DEVICE = "other-device"
    PASSPHRASE = "passphrase"
    CUT = "cut"


class JobRefused(ValueError):
    """It cannot be used; `why` is for programs."""

    def __init__(self, why: Refused, text: str) -> None:
        super().__init__(text)
        self.why = why
