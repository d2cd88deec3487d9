"""The probe as it is wired: a kit on disk, a real connection, keys from the keyring."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.clock import wall_clock
from devices.gateway.meter_line import LiveMeter
from devices.gateway.tcp import MeterListener
from headend.app.probe import (
    BadAddress,
    BadModel,
    Failure,
    Layer,
    Opened,
    Probe,
    Secret,
    build_probe,
)
from headend.domain.reason import ReasonCode
from headend.store.kit import keyring as keyring_
from protocols.dlms.procedures import identify
from protocols.dlms.procedures.identify import Identity
from tests.direct.bench import meter


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    monkeypatch.setattr(keyring_, "SCRYPT_N", 1 << 4)
    return build_probe(tmp_path / "kit")


@pytest.mark.live
async def test_a_meter_nobody_has_seen_is_identified_then_spoken_with_by_its_keys(
    probe: Probe,
) -> None:
    device = meter()
    number = device.identity.number
    heard: list[str] = []
    async with LiveMeter(device, now=wall_clock) as live, MeterListener(live) as listener:
        host, port = await listener.listen("127.0.0.1", 0)
        where = f"tcp://{host}:{port}"
        stranger = probe.talk(
            where,
            role="public",
            told=lambda entry: heard.append(entry.direction) if entry.octets else None,
        )
        async with stranger as conversation:
            opened = await conversation.open()
            assert isinstance(opened, Opened), opened
            found = await conversation.find(identify())
            assert isinstance(found, Identity) and found.logical_device_name == number
        assert {"up", "down"} <= set(heard)

        without = probe.talk(where, meter=number, role="management")
        async with without as conversation:
            failed = await conversation.open()
        assert isinstance(failed, Failure) and failed.reason is ReasonCode.KEY_NOT_KNOWN

        ring = probe.unlock("correct horse")
        ring.put(number, 1, Secret(None, device.identity.keys(1), device.identity.system_title))
        for _ in range(2):  # the second time the counter is remembered
            known = probe.talk(where, meter=number, model="sim-3p", role="management")
            async with known as conversation:
                opened = await conversation.open()
                assert isinstance(opened, Opened), opened
        frames = [e for e in known.trace.entries if e.layer is Layer.APDU]
        assert frames[0].octets[0] == 0x60 and len(frames) <= 6, "no look at the counter"
    assert device.counters(1)[1] < 100, "counters are not wasted"


def test_what_cannot_be_spoken_with(probe: Probe) -> None:
    with pytest.raises(BadAddress, match="names no line"):
        probe.talk("somewhere")
    with pytest.raises(BadModel, match="there is no meter model 'x'"):
        probe.talk("COM3", model="x")
    with pytest.raises(BadModel, match="has no association 'king'. Known: firmware, management"):
        probe.talk("COM3", role="king")


def test_a_keyring_is_locked_until_it_is_opened(probe: Probe) -> None:
    assert not probe.locked, "there is none yet"
    probe.unlock("x")
    assert not probe.locked
    assert build_probe(probe.folder).locked
    assert build_probe(probe.folder).title == probe.title
