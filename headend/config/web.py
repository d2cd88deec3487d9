"""What can be set of the pages, beside the rest of the configuration."""

from __future__ import annotations

import msgspec

from headend.config.values import Seconds


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pages for people, at the door of `[rest]`.

    A session ends `idle_s` after its last question, and `ends_after_s` after its login whatever
    happens: NIST SP 800-63B-4, 2.2.3, asks for at most one hour and 24 hours.
    """

    enabled: bool = True
    idle_s: Seconds = 1800.0
    ends_after_s: Seconds = 43_200.0
