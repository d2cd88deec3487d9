"""`ami probe identify` at meters that read themselves out in clear text."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.gateway.lines import Framing, Opened
from devices.gateway.meter_line import LiveMeter
from devices.gateway.pty import PtyListener
from devices.meter.readout import data_message
from protocols.mode_e.messages import find_acknowledgement, readout_choice
from protocols.mode_e.server import ModeEServer, SignOn
from tests.probe.bench import LOAD_W, Bench, Probe, bench, pty


def printed(told: dict[str, Any]) -> dict[str, str]:
    return {row["code"]: row["value"] for row in told["readout"]}


def test_a_meter_of_mode_e_is_read_out_when_asked_to(probe: Probe, tmp_path: Path) -> None:
    with bench(pty(tmp_path / "probe")) as shown:
        told = probe.json("identify", "--readout", "--port", shown.port)
        check(told, shown)
        assert told["notes"] == [f"{len(told['readout'])} data sets read out in clear text"]


def check(told: dict[str, Any], shown: Bench) -> None:
    assert told["serial_number"] == shown.number and told["baud"] == 9600
    values = printed(told)
    assert values["1.7.0"] == f"{sum(LOAD_W) / 1000:07.3f}"
    assert values["32.7.0"] == "230.000"
    tariffs = sum(float(values[f"1.8.{tariff}"]) for tariff in range(1, 5))
    assert abs(float(values["1.8.0"]) - tariffs) < 0.01


class ModeC(ModeEServer):
    """A meter without DLMS: whatever is chosen, it reads itself out."""

    def _listen_for_choice(self, now: float) -> None:
        if (chosen := find_acknowledgement(self._heard)) is not None:
            self._heard = readout_choice(chosen.baud_code)
        super()._listen_for_choice(now)


@dataclass(frozen=True)
class ModeCLine:
    """Its optical port."""

    path: Path

    async def open(self, stack: AsyncExitStack, live: LiveMeter) -> Opened:
        link = ModeC(
            SignOn("SIM", text=live.meter.identity.number, mode_e=False),
            readout=lambda: data_message(live.meter, now=live.now()),
        )
        await stack.enter_async_context(PtyListener(live, link, self.path))
        return Opened("pty", Framing.MODE_E, path=str(self.path))


def test_a_meter_without_dlms_is_read_out_by_itself(probe: Probe, tmp_path: Path) -> None:
    line: Any = ModeCLine(tmp_path / "probe")
    with bench(line) as shown:
        told = probe.json("identify", "--framing", "mode-e", "--port", shown.port)
        check(told, shown)
        assert "reads its registers out in clear text, which is mode C" in told["notes"][0]
