"""A link's ratio, and its faults as state, at one end and at both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devices.channel.appliance import Appliance
from devices.channel.link import RATIO_WITHOUT_LOSS_CDB, Link, NoiseBurst, PacketLoss
from devices.channel.medium import Medium
from devices.channel.noise import residential
from devices.channel.place import Path
from devices.span import Span
from protocols.plc.error_rates import ONE, frame_error_rates
from protocols.plc.frames import Direction
from protocols.plc.noise import CLEAN, MAINS
from protocols.plc.physical import DBPSK_FEC

UTC_ZONE = ZoneInfo("UTC")
MIDNIGHT = datetime(2026, 7, 6, tzinfo=UTC).timestamp()
HOUR = 3600.0
HOPELESS_CDB = -9000


def link_with(snr_cdb: int = 1000, up_cdb: int | None = None) -> Link:
    """A link that has this ratio at night, in white noise."""
    up = snr_cdb if up_cdb is None else up_cdb
    path = Path(RATIO_WITHOUT_LOSS_CDB - snr_cdb, RATIO_WITHOUT_LOSS_CDB - up)
    return Link("M0001", 17, path, residential(UTC_ZONE), Medium(noise=CLEAN))


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


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_no_such_share(share: float) -> None:
    with pytest.raises(ValueError, match="a share of"):
        PacketLoss.of_share(Span(), share)


def between(near: Link, far: Link, loss_cdb: int = 1000) -> Link:
    return replace(far, path=Path(loss_cdb, loss_cdb), near=near)


def test_a_hop_suffers_from_the_faults_at_both_of_its_ends() -> None:
    near, far = link_with(), link_with()
    hop = between(near, far)
    quiet = hop.snr_cdb(Direction.DOWN, MIDNIGHT)
    near.noise_bursts.append(NoiseBurst(Span(), -300))
    assert hop.snr_cdb(Direction.DOWN, MIDNIGHT) == quiet - 300
    far.noise_bursts.append(NoiseBurst(Span(), -500))
    assert hop.snr_cdb(Direction.UP, MIDNIGHT) == quiet - 800
    near.packet_losses.append(PacketLoss.of_share(Span(), 0.5))
    far.packet_losses.append(PacketLoss.of_share(Span(), 0.25))
    assert hop.fault_of_2_32(MIDNIGHT) == ONE - ONE * 3 // 8
    near.module_off.append(Span(MIDNIGHT))
    assert hop.module_on(MIDNIGHT - 1) and not hop.module_on(MIDNIGHT)


def test_noise_of_a_whole_transformer_counts_once_on_a_hop() -> None:
    near, far = link_with(), link_with()
    hop = between(near, far)
    quiet = hop.snr_cdb(Direction.DOWN, MIDNIGHT)
    for end in (near, far):
        end.noise_bursts.append(NoiseBurst(Span(MIDNIGHT), -300))
    assert hop.snr_cdb(Direction.DOWN, MIDNIGHT) == quiet - 300


def with_appliance(link: Link) -> tuple[Link, float, float]:
    """The link of a meter whose appliance is off and on at the times that come with it."""
    link.appliance = appliance = Appliance(7, 90_000_001)
    span = next(span for span in appliance.spans(MIDNIGHT, MIDNIGHT) if span.start != MIDNIGHT)
    assert span.start is not None
    return link, span.start - 1, span.start


def test_an_appliance_loads_the_line_both_ways_and_is_heard_where_it_stands() -> None:
    link, off, on = with_appliance(link_with(1000))
    change = Appliance(7, 90_000_001).change
    assert change.down_cdb < change.up_cdb < 0
    without = link_with(1000)
    for direction, cost in ((Direction.DOWN, change.down_cdb), (Direction.UP, change.up_cdb)):
        assert link.snr_cdb(direction, off) == without.snr_cdb(direction, off)
        assert link.snr_cdb(direction, on) == without.snr_cdb(direction, on) + cost
    assert link.steady_until(off) == on


def test_at_the_near_end_it_is_heard_by_what_comes_up() -> None:
    near, _, on = with_appliance(link_with(1000))
    hop = replace(link_with(1000), near=near)
    change = Appliance(7, 90_000_001).change
    without = link_with(1000)
    for direction, cost in ((Direction.DOWN, change.up_cdb), (Direction.UP, change.down_cdb)):
        assert hop.snr_cdb(direction, on) == without.snr_cdb(direction, on) + cost


def test_the_default_noise_is_that_of_the_mains() -> None:
    path = Path(3000, 3000)
    assert Link("M0001", 17, path, residential(UTC_ZONE)).medium.noise is MAINS
