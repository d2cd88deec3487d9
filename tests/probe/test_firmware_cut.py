"""A firmware transfer on a serial line, with the meter's power or the cable lost in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devices.clock import wall_clock
from devices.gateway.lines import Framing
from devices.meter import image_transfer
from devices.meter.firmware import image
from devices.meter.image_transfer import ImageTransfer
from protocols.dlms.codes import AuthenticationMechanism
from tests.probe.bench import Probe, Watched, a_meter, acting, bench, pty
from tests.probe.cable import cable

BLOCKS = 16  # of 256 octets
MODEL = """
extends = "sim-3p"
about = "as it is, and nobody waits long for it"
response_timeout_s = 1.0
[hdlc]
response_timeout_s = 0.5
retries = 1
"""


class Cut(Watched):
    """A meter whose power fails when it hears its so many-th message of the management client."""

    fails_at = 0
    heard = 0

    def take(self, apdu: bytes, *rest: Any, **ends: Any) -> Any:
        self.heard += ends["client"] == 1
        if self.heard == self.fails_at:
            self.power_off(now=ends["now"])
            return []
        return super().take(apdu, *rest, **ends)


def test_an_image_is_resumed_where_the_power_failed(probe: Probe, tmp_path: Path) -> None:
    meter = a_meter(AuthenticationMechanism.HIGH_GMAC, kind=Cut)
    firmware = tmp_path / "fw.bin"
    firmware.write_bytes(image("SIM-3P", "ami-sim-2"))
    (tmp_path / "patient.toml").write_text(MODEL)
    with bench(pty(tmp_path / "probe", Framing.HDLC), meter=meter) as shown:
        words = (
            "--framing",
            "hdlc",
            "--wait",
            "0.2s",
            "--model",
            "patient",
            "--models",
            tmp_path,
            "--port",
            shown.port,
        )
        env = shown.secrets()
        meter.fails_at = 14
        told = probe.json("firmware", "transfer", firmware, *words, env=env, code=1)
        assert not told["done"] and told["next_step"] and not meter.powered
        assert meter.heard == 14, "a meter without power hears nothing"

        meter.power_on(now=wall_clock())
        told = probe.json("firmware", "transfer", firmware, "--resume", *words, env=env)
        assert told["status"] == "verification-successful" and told["blocks"] == BLOCKS
        assert 0 < told["blocks_sent"] < BLOCKS, "what had come before the power failed was kept"
        assert told["images"] == [{"identifier": "fw", "size": firmware.stat().st_size}]


@pytest.mark.parametrize("framing", [Framing.HDLC, Framing.MODE_E])
def test_an_image_is_resumed_and_started_after_the_cable_was_cut(
    framing: Framing, probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_transfer, "VERIFY_S", 0.1)
    meter = a_meter(AuthenticationMechanism.HIGH_GMAC)
    firmware = tmp_path / "fw.bin"
    firmware.write_bytes(image("SIM-3P", "ami-sim-2"))
    (tmp_path / "patient.toml").write_text(MODEL)
    how = ("--framing", framing, "--model", "patient", "--models", tmp_path)
    with (
        bench(pty(tmp_path / "probe", framing), meter=meter) as shown,
        cable(shown.port, cut_after=firmware.stat().st_size // 2) as laid,
    ):
        env = shown.secrets()
        look = (*how, "--port", laid.path)
        words = (*look, "--wait", "0.2s")
        told = probe.json("firmware", "transfer", firmware, *words, env=env, code=1)
        assert laid.cut and not told["done"] and told["next_step"]
        came = sum(meter.part(ImageTransfer).got or b"")
        assert 0 < came < BLOCKS

        laid.mend()
        told = probe.json("firmware", "status", *look, env=env)
        assert told["status"] == "initiated"
        told = probe.json("firmware", "activate", "--yes", *words, env=env, code=1)
        assert "is 1, initiated" in told["why"], "half an image is not started"
        assert not any("method 4" in text for text in acting(probe.journal()))
        told = probe.json("firmware", "transfer", firmware, "--resume", *words, env=env)
        assert told["status"] == "verification-successful"
        assert told["blocks_sent"] == BLOCKS - came, "nothing that had come was sent again"
