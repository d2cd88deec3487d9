"""The part of the configuration that says how orders go to the field, and their results back."""

from __future__ import annotations

from typing import Annotated

import msgspec

from headend.config.values import Count, Seconds, Volts, Watts


class OrderPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How orders are tried, delayed and given up."""

    deadline_s: Seconds = 6 * 3600.0  # 99.9 % within 6 h: facts/service-levels.md, our goals
    tries_max: Count | None = None
    """Where none is said, an order whose meter or concentrator is away goes on until its deadline,
    and what a meter answers is tried `ANSWERED_TRIES_MAX` times."""
    attempt_window_s: Seconds = 300.0  # a command's `not_after`, counted from its dispatch
    backoff_first_s: Seconds = 30.0  # doubles with each try, times a draw from 0.5 .. 1.5
    backoff_max_s: Seconds = 1800.0
    away_rest_max_s: Seconds = 300.0  # between tries at one who is away, where no word hastens them
    busy_backoff_s: Seconds = 10.0
    breaker_failures: Count = 3  # unreachable in a row before a concentrator is left alone
    breaker_rest_s: Seconds = 120.0  # doubles with each failed trial, up to `backoff_max_s`
    firmware_look_s: Seconds = 60.0  # between two steps of an image that is on its way to a meter
    firmware_concentrator_look_s: Seconds = 600.0  # while its concentrator sends the blocks
    verify_first_s: Seconds = 20.0  # UNKNOWN: time until the first look at the effect
    verify_for_s: Seconds = 72 * 3600.0  # looks go on that long after an order ended unknown
    breakages_max: Count = 5  # steps that broke by a mistake of our own: the order is ended then
    breakage_rest_s: Seconds = 60.0  # after the first; doubles with each, up to `backoff_max_s`
    nominal_v: Volts = 220.0  # between phase and neutral: what an ampere of a limit counts as
    sync_wait_s: Seconds = 30.0  # AsyncReplyFlag false: wait so long for the outcome, then 0.3
    waiting_max: Count = 100_000  # orders not final; beyond, new ones are refused (3.2)
    lane_width: Count = 4  # orders of one concentrator under way at once
    disconnects_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 500  # more need a second person
    cutting_limit_w: Watts = 300
    """A limit below it counts as a disconnection: a refrigerator starts with about so much, and
    with less a supply opens at the first thing switched on.  0: none counts."""
    country: str = "CL"  # whose holidays
    subdivision: str | None = None
    zone: str = "America/Santiago"  # the utility's time zone
    connect_any_day: bool = False  # connects are carried out on every day


class FieldPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long the head-end waits for a concentrator's word."""

    ack_timeout_s: Seconds = 30.0  # until `Accepted`; the command is sent again half-way
    knock_after_s: Seconds = 60.0  # without a word: ask whether it is there before a command acts
    result_grace_s: Seconds = 30.0  # after a command's `not_after`
    withdraw_timeout_s: Seconds = 30.0


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How results leave for the commercial side."""

    topic_root: str = "ami/v1/commercial"
    retry_first_s: Seconds = 5.0
    retry_max_s: Seconds = 300.0
    callback_timeout_s: Seconds = 20.0
    reply_addresses: tuple[str, ...] = ()  # allow-list of URL prefixes for SOAP callbacks
