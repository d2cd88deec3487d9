"""A link's ratio, its faults as state, and when it counts as registered."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devices.channel.link import (
    KEEP_ALIVE_S,
    RATIO_WITHOUT_LOSS_CDB,
    Link,
    NoiseBurst,
    PacketLoss,
)
from devices.channel.noise import residential
from devices.channel.place import Path
from devices.span import Span
from protocols.plc.error_rates import ONE, frame_error_rates
from protocols.plc.frames import Direction
from protocols.plc.physical import DBPSK_FEC

UTC_ZONE = ZoneInfo("UTC")
MIDNIGHT = datetime(2026, 7, 6, tzinfo=UTC).timestamp()
HOUR = 3600.0
HOPELESS_CDB = -9000


def link_with(snr_cdb: int = 1000, up_cdb: int | None = None) -> Link:
    """A link that has this ratio at night."""
    up = snr_cdb if up_cdb is None else up_cdb
    path = Path(RATIO_WITHOUT_LOSS_CDB - snr_cdb, RATIO_WITHOUT_LOSS_CDB - up)
    return Link("M0001", 17, path, residential(UTC_ZONE))


def test_the_budget_at_the_tolerable_loss() -> None:
    """48 dB of loss over background noise is where DBPSK with the code begins to fail."""
    at_limit = frame_error_rates(DBPSK_FEC).lost_of_2_32(RATIO_WITHOUT_LOSS_CDB - 4800, 128 * 8)
    assert 0.02 * ONE < at_limit < 0.2 * ONE


def test_the_ratio_by_direction_and_hour() -> None:
    link = link_with(1000, up_cdb=1500)
    assert link.snr_cdb(Direction.DOWN, MIDNIGHT) == 1000
    assert link.snr_cdb(Direction.UP, MIDNIGHT) == 1500
    assert link.snr_cdb(Direction.DOWN, MIDNIGHT + 12 * HOUR) == 700
    assert link.snr_cdb(Direction.UP, MIDNIGHT + 20 * HOUR) == 900


def test_bursts_add_up_while_they_last() -> None:
    link = link_with(1000)
    link.noise_bursts.append(NoiseBurst(Span(MIDNIGHT + 10, MIDNIGHT + 30), -600))
    link.noise_bursts.append(NoiseBurst(Span(MIDNIGHT + 20, MIDNIGHT + 40), -150))
    ratios = [link.snr_cdb(Direction.DOWN, MIDNIGHT + second) for second in (0, 10, 20, 30, 40)]
    assert ratios == [1000, 400, 250, 850, 1000]


USABLE = {
    # name: (down, up, usable)
    "good both ways": (1000, 1000, True),
    "just": (250, 250, True),
    "hopeless down": (0, 1000, False),
    "hopeless up": (1000, 0, False),
    "below the table": (-9000, -9000, False),
}


@pytest.mark.parametrize("down_cdb, up_cdb, usable", USABLE.values(), ids=USABLE)
def test_usable_both_ways_or_not_at_all(down_cdb: int, up_cdb: int, usable: bool) -> None:
    assert link_with(down_cdb, up_cdb).usable(MIDNIGHT) is usable


def test_a_hopeless_link_was_never_registered() -> None:
    assert not link_with(HOPELESS_CDB).registered(MIDNIGHT)


REGISTERED = {
    # name: (module off, burst, seconds after midnight: registered)
    "off since ever": (Span(), None, {0: False, 5000: False}),
    "off for a while": (
        Span(MIDNIGHT + 100, MIDNIGHT + 1000),
        None,
        {99: True, 100: True, 99 + KEEP_ALIVE_S: True, 100 + KEEP_ALIVE_S: False, 999: False}
        | {1000: True},
    ),
    "too short to be noticed": (
        Span(MIDNIGHT + 100, MIDNIGHT + 300),
        None,
        {200: True, 299: True, 300: True},
    ),
    "drowned in noise": (
        None,
        Span(MIDNIGHT + 100, MIDNIGHT + 1000),
        {99 + KEEP_ALIVE_S: True, 100 + KEEP_ALIVE_S: False, 999: False, 1000: True},
    ),
    "noise and then no power": (
        Span(MIDNIGHT + 200, MIDNIGHT + 900),
        Span(MIDNIGHT + 100, MIDNIGHT + 200),
        {99 + KEEP_ALIVE_S: True, 100 + KEEP_ALIVE_S: False, 899: False, 900: True},
    ),
    "a glimpse between noise and the loss of power": (
        Span(MIDNIGHT + 210, MIDNIGHT + 900),
        Span(MIDNIGHT + 100, MIDNIGHT + 200),
        {200 + KEEP_ALIVE_S: True, 209 + KEEP_ALIVE_S: True, 210 + KEEP_ALIVE_S: False},
    ),
}


@pytest.mark.parametrize("off, noise, expected", REGISTERED.values(), ids=REGISTERED)
def test_registration(off: Span | None, noise: Span | None, expected: dict[int, bool]) -> None:
    link = link_with(1000)
    if off is not None:
        link.module_off.append(off)
    if noise is not None:
        link.noise_bursts.append(NoiseBurst(noise, HOPELESS_CDB))
    seen = {second: link.registered(MIDNIGHT + second) for second in expected}
    assert seen == expected


def test_registration_through_the_hours() -> None:
    """Good enough in the day, not in the evening: gone a keep-alive time after 18 h."""
    link = link_with(600)  # 3 dB in the day, 0 dB in the evening
    six = MIDNIGHT + 18 * HOUR
    moments = {six - 1: True, six + KEEP_ALIVE_S - 1: True, six + KEEP_ALIVE_S: False}
    moments[MIDNIGHT + 23 * HOUR] = True
    assert {moment: link.registered(moment) for moment in moments} == moments


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_no_such_share(share: float) -> None:
    with pytest.raises(ValueError, match="a share of"):
        PacketLoss.of_share(Span(), share)
