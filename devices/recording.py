"""What a simulated field does, as a capture: frames on power lines, and messages of concentrators.

Only what runs with a capture pays for it: without one nothing here is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devices.channel.delivery import Cause, Delivered, Delivery
from devices.channel.link import Tap
from devices.gateway.uplink import Ears, Uplink, Will
from protocols.capture.packets import Fate
from protocols.capture.recorder import Recorder
from protocols.plc.frames import Direction

FATES = {
    Cause.NOISE: Fate.NOISE,
    Cause.PACKET_LOSS: Fate.PACKET_LOSS,
    Cause.MODULE_OFF: Fate.MODULE_OFF,
    Cause.JAMMING: Fate.JAMMING,
}


def microseconds(now: float) -> int:
    """POSIX seconds as a capture counts."""
    return round(now * 1_000_000)


def tap(recorder: Recorder, meter: str, now: Callable[[], float]) -> Tap:
    """For a meter's link: every frame, with its true fate."""

    def heard(at_us: int, direction: Direction, octets: bytes, delivery: Delivery) -> None:
        fate = Fate.DELIVERED if isinstance(delivery, Delivered) else FATES[delivery.cause]
        recorder.frame(
            microseconds(now()),
            meter,
            octets,
            at_us=at_us,
            up=direction is Direction.UP,
            fate=fate,
            snr_cdb=delivery.snr_cdb,
            airtime_us=delivery.airtime_us,
        )

    return heard


def radio_tap(recorder: Recorder, meter: str, strength_cdbm: int, now: Callable[[], float]) -> Tap:
    """For a meter's radio link, on which everything is received so strong."""

    def heard(at_us: int, direction: Direction, octets: bytes, delivery: Delivery) -> None:
        fate = Fate.DELIVERED if isinstance(delivery, Delivered) else FATES[delivery.cause]
        recorder.radio(
            microseconds(now()),
            meter,
            octets,
            at_us=at_us,
            up=direction is Direction.UP,
            fate=fate,
            strength_cdbm=strength_cdbm,
        )

    return heard


@dataclass(slots=True)
class _RecordingEars:
    """Hears for a concentrator, and writes down what it hears."""

    ears: Ears
    recorder: Recorder
    now: Callable[[], float]

    def up(self) -> None:
        self.ears.up()

    def down(self, why: str) -> None:
        self.ears.down(why)

    def message(self, topic: str, payload: bytes) -> None:
        self.recorder.message(microseconds(self.now()), topic, payload, up=False)
        self.ears.message(topic, payload)


@dataclass(slots=True)
class RecordingUplink:
    """An uplink whose messages are written down as the concentrator sends and gets them."""

    uplink: Uplink
    recorder: Recorder
    now: Callable[[], float]

    def connect(self, will: Will, ears: Ears) -> None:
        self.uplink.connect(will, _RecordingEars(ears, self.recorder, self.now))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.recorder.message(microseconds(self.now()), topic, payload, up=True)
        self.uplink.publish(topic, payload, retain=retain)

    def drop(self) -> None:
        self.uplink.drop()

    def cut(self) -> None:
        self.uplink.cut()

    def restore(self) -> None:
        self.uplink.restore()
