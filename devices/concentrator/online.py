"""A concentrator's session with the broker, as far as power, modem and line allow one.

A modem that loses its network loses its address with it, so the connection is gone on this side at
once, while the broker hears nothing and finds out by its keep-alive.  As soon as the modem is on
line again a new connection is tried, with growing pauses while the broker does not answer.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from random import Random
from typing import Protocol

import simpy

from devices.deadlines import later
from devices.gateway.uplink import Uplink, Will

PAUSE_FIRST_S = 2.0
PAUSE_MAX_S = 120.0


class Standing(enum.Enum):
    """Whether there is a session."""

    DOWN = "down"
    TRYING = "trying"
    UP = "up"


class Host(Protocol):
    """The device whose session it is."""

    def will(self) -> Will:
        """The last will of a session that begins now."""
        ...

    def session_begun(self) -> None: ...

    def received(self, payload: bytes) -> None: ...


class Online:
    """See the module.  Implements `uplink.Ears`."""

    def __init__(
        self,
        env: simpy.Environment,
        uplink: Uplink,
        host: Host,
        rng: Random,
        *,
        modem_online: Callable[[], bool],
    ) -> None:
        self._env = env
        self._uplink = uplink
        self._host = host
        self._rng = rng
        self._modem_online = modem_online
        self._powered = False
        self._silenced = False
        self._failures = 0
        self._round = 0
        self.standing = Standing.DOWN

    @property
    def has_session(self) -> bool:
        return self.standing is Standing.UP

    # What the device and its surroundings do.

    def power_on(self) -> None:
        """The device has started."""
        self._powered = True
        self._failures = 0
        self._line()
        self._connect()

    def power_off(self) -> None:
        """The device is without power, or starts anew."""
        self._powered = False
        self._forget()

    def modem_changed(self) -> None:
        """The modem came on line, or fell off it."""
        if self._modem_online():
            self._line()
            self._failures = 0
            self._connect()
        else:
            self._forget()

    def silence(self, silenced: bool) -> None:
        """The network carries nothing any more, or again, and tells nobody."""
        self._silenced = silenced
        self._line()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message over, if there is a session."""
        if self.standing is Standing.UP:
            self._uplink.publish(topic, payload, retain=retain)

    # Ears.

    def up(self) -> None:
        if self.standing is not Standing.TRYING:
            return  # the power went while the connection was made
        self.standing = Standing.UP
        self._failures = 0
        self._host.session_begun()

    def down(self, why: str) -> None:
        if self.standing is Standing.DOWN:
            return
        self.standing = Standing.DOWN
        if not self._possible():
            return
        pause_s = min(PAUSE_FIRST_S * 2 ** min(self._failures, 10), PAUSE_MAX_S)
        self._failures += 1
        self._round += 1
        this_round = self._round
        later(
            self._env,
            pause_s * self._rng.uniform(1.0, 1.5),
            lambda: self._connect() if self._round == this_round else None,
        )

    def message(self, topic: str, payload: bytes) -> None:
        if self._powered:
            self._host.received(payload)

    # Parts.

    def _possible(self) -> bool:
        return self._powered and self._modem_online()

    def _connect(self) -> None:
        if self._possible() and self.standing is Standing.DOWN:
            self._round += 1
            self.standing = Standing.TRYING
            self._uplink.connect(self._host.will(), self)

    def _forget(self) -> None:
        self._round += 1
        self.standing = Standing.DOWN
        self._line()
        self._uplink.drop()

    def _line(self) -> None:
        if self._possible() and not self._silenced:
            self._uplink.restore()
        else:
            self._uplink.cut()
