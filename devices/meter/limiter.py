"""Limiter, class 71 version 0: watches one value and runs a script when it leaves its limit.

Blue Book 4.5.9, IEC 62056-6-2 clause 4.5.9.  The limiter decides and asks; it moves no relay.  When
the monitored value has been above the active threshold for `min_over_s`, the over-threshold action
is due, once for each crossing; when it has been at or below it for `min_under_s`, the
under-threshold action is.  As delivered the latter is 'none', so a load that falls does nothing.

The active threshold is `threshold_emergency` while an emergency profile is active and
`threshold_normal` otherwise.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import DoubleLongUnsigned

UNLIMITED = DoubleLongUnsigned.MAX
"""A threshold that the monitored value, a double-long-unsigned, can not exceed: no limit."""

DISCONNECT_SCRIPTS = LogicalName("0.0.10.0.106.255")
SCRIPT_NONE = 0
SCRIPT_DISCONNECT = 1
SCRIPT_RECONNECT = 2


class Side(enum.Enum):
    """Where the monitored value stands."""

    OVER = "over"
    UNDER = "under"  # or at the threshold


@dataclass(frozen=True, slots=True)
class ActionItem:
    """Which script of which script table; selector 0 runs nothing."""

    table: LogicalName = DISCONNECT_SCRIPTS
    selector: int = SCRIPT_NONE


@dataclass(frozen=True, slots=True)
class EmergencyProfile:
    """Attribute 8.  Active from `activation` (POSIX seconds, by the meter's clock) for `duration_s`
    if `profile_id` is in the group list.  Without an activation time it is never active."""

    profile_id: int = 0
    activation: float | None = None
    duration_s: int = 0
    octets: bytes = b""
    """The activation time as it was written, to be read back the same."""


@dataclass(slots=True)
class Limiter:
    """The state of one limiter.  Values are in the monitored register's raw unit (W, scaler 0)."""

    threshold_normal: int = UNLIMITED
    threshold_emergency: int = UNLIMITED
    min_over_s: int = 60
    min_under_s: int = 60
    profile: EmergencyProfile = EmergencyProfile()
    groups: tuple[int, ...] = ()
    over_action: ActionItem = ActionItem(selector=SCRIPT_DISCONNECT)
    under_action: ActionItem = ActionItem()

    side: Side = Side.UNDER
    since: float = 0.0
    acted: bool = True
    """Whether the action of this side has been run since the value came to it."""

    def emergency_active(self, meter_time: float) -> bool:
        """Attribute 10."""
        profile = self.profile
        if profile.activation is None or profile.profile_id not in self.groups:
            return False
        return profile.activation <= meter_time < profile.activation + profile.duration_s

    def threshold_active(self, meter_time: float) -> int:
        """Attribute 3."""
        if self.emergency_active(meter_time):
            return self.threshold_emergency
        return self.threshold_normal

    def observe(self, value: int, *, now: float, meter_time: float) -> None:
        """Take note of the monitored value.  Call at each change of it or of a threshold."""
        side = Side.OVER if value > self.threshold_active(meter_time) else Side.UNDER
        if side is not self.side:
            self.side, self.since, self.acted = side, now, False

    def due(self, now: float) -> ActionItem | None:
        """The action to run now, if its side has lasted long enough and it was not run yet."""
        if self.acted or now < self._due_at():
            return None
        return self.over_action if self.side is Side.OVER else self.under_action

    def done(self) -> None:
        """The action that was due has been run; it is due again after the next crossing."""
        self.acted = True

    def rearm(self, now: float) -> None:
        """Count the present side's duration again from now; its action falls due once more."""
        self.since, self.acted = now, False

    def next_deadline(self) -> float | None:
        """When an action falls due if the monitored value stays on its side."""
        return None if self.acted else self._due_at()

    def next_boundary(self, meter_time: float) -> float | None:
        """When, by the meter's clock, the emergency profile begins or ends next."""
        profile = self.profile
        if profile.activation is None or profile.profile_id not in self.groups:
            return None
        for boundary in (profile.activation, profile.activation + profile.duration_s):
            if meter_time < boundary:
                return boundary
        return None

    def idle(self) -> bool:
        """Whether nothing can fall due, however the monitored value moves."""
        return (
            self.acted
            and self.threshold_normal == UNLIMITED
            and (self.threshold_emergency == UNLIMITED or self.profile.activation is None)
        )

    def _due_at(self) -> float:
        return self.since + (self.min_over_s if self.side is Side.OVER else self.min_under_s)
