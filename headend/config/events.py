"""The part of the configuration that says what belongs to one event, and to one incident."""

from __future__ import annotations

import msgspec

from headend.config.values import Count, Seconds


class EventPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When tellings are one event, and events one incident."""

    window_s: Seconds = 120.0  # losses under one transformer within it are one incident
    members_min: Count = 3  # meters that make an incident; fewer are events by themselves
    reach_s: Seconds = 7 * 86_400.0  # how far from a late event incidents are looked at again
    same_s: Seconds = 5.0  # between an event's time in the log and in its push
    word_s: Seconds = 86_400.0  # between an event and the status word that shows it
