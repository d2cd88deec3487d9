"""A simulated meter: its state, its links, and what it does with time and frames.

    meter = Meter(Identity(seed=7, index=4), ConstantLoad.of(800, 300, 450))
    answers = meter.receive(frame, now=now)     # wrapper frames, any client
    meter.next_deadline()                       # when it will act by itself, or None
    meter.advance(now)                          # let it

`now` is POSIX seconds UTC and never goes back.  A meter that nobody wrote to keeps an identity, a
load and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from devices.meter import monitor, push, scripts
from devices.meter.disconnect import Move, Trigger
from devices.meter.events import Event
from devices.meter.faults import FAULTS
from devices.meter.history import Deed
from devices.meter.identity import Identity
from devices.meter.image_transfer import ImageTransfer
from devices.meter.limiter import ActionItem, Side
from devices.meter.load import Load
from devices.meter.meter_type import MeterType
from devices.meter.push import Push, PushDesk
from devices.meter.server import Endpoint
from devices.meter.services import value_of
from devices.meter.state import STANDARD, MeterState
from protocols import wrapper
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.row_status import RowStatus
from protocols.dlms.values import Value
from protocols.errors import ProtocolError


class Meter(MeterState):
    """One meter, on one clock, with its links."""

    __slots__ = ("_links", "_module", "_settled_at")

    def __init__(self, identity: Identity, load: Load, meter_type: MeterType = STANDARD) -> None:
        super().__init__(identity, load, meter_type)
        self._links: tuple[Endpoint, ...] = ()
        self._module: Endpoint | None = None
        self._settled_at = 0.0

    # The world around it.

    def replace_load(self, load: Load, *, now: float) -> None:
        """The installation behind the meter draws something else from now on."""
        self.advance(now)
        self.metering.replace_load(load, on=self.output_on and self.powered, now=now)
        self.settle(now)

    def press(self, trigger: Trigger, *, now: float) -> Move:
        """A person at the meter: MANUAL_DISCONNECT or MANUAL_RECONNECT."""
        if trigger not in (Trigger.MANUAL_DISCONNECT, Trigger.MANUAL_RECONNECT):
            raise ValueError(f"{trigger.value} is no button")
        self.advance(now)
        move = self.switch(trigger, now=now, cause="button")
        self.settle(now)
        return move

    def sense(self, event: Event, *, now: float) -> None:
        """Something touches the meter: a cover opens, a magnet comes near."""
        self.advance(now)
        self.happened(event, now)
        self.settle(now)

    def power_off(self, *, now: float) -> None:
        """The grid's power is gone.  The meter says what it still can, and falls silent."""
        if not self.powered:
            return
        self.advance(now)
        self.happened(Event.POWER_DOWN, now)
        if push.trigger(self, push.ON_POWER, now, at_once=True) and self._journal is not None:
            self._journal.unreported = False  # that was said: no alarm takes the time of others
        self.settle(now)
        self.metering.supply_changed(False, now=now)
        self._timeline = self._timeline.cut(now, powered=False)
        self.restart()

    def power_on(self, *, now: float) -> None:
        """Power returns after an interruption."""
        if self.powered:
            return
        off = self._timeline.latest
        self._timeline = self._timeline.cut(now, RowStatus.POWER_DOWN, powered=True)
        self.metering.supply_changed(self.output_on, now=now)
        self.note_interruption(round(now - off.begin), now)
        if self.faults.battery_empty:
            self.lose_clock(now=now)
        self.happened(Event.POWER_UP, now)
        push.trigger(self, push.ON_POWER, now)
        self.settle(now)

    def restart(self) -> None:
        """Power comes back after an interruption: associations are gone, everything else is kept.

        Relay, control state, limits and counters live in memory that needs no power; a limiter
        that had begun to count goes on counting.
        """
        transfer = self.existing(ImageTransfer)
        if transfer is not None:
            transfer.interrupted()
        self.drop_links()

    # Time.

    def next_deadline(self) -> float | None:
        """When the meter will do something by itself, or None while only others can move it."""
        if not self.powered:
            return None
        deadlines = [*self._limiter_deadlines()]
        for link in self._links:
            deadlines += link.deadlines()
        for part in self.parts:
            if (due := part.next_deadline(self)) is not None:
                deadlines.append(due)
        return min(deadlines, default=None)

    def advance(self, now: float) -> None:
        """Do everything that is due up to now, each thing at its own time."""
        while (due := self.next_deadline()) is not None and due <= now:
            for link in self._links:
                link.advance(due)
            self.settle(max(due, self._settled_at))
        self._settled_at = max(self._settled_at, now)

    def settle(self, now: float) -> None:
        """Look at what is monitored, and run what has fallen due."""
        self._settled_at = now
        if not self.powered:
            return
        if "events" in self.type.features:
            monitor.watch_voltage(self, now)
        for part in self.parts:
            part.advance(self, now)
        if self._journal is not None and self._journal.unreported:
            self._journal.unreported = False
            push.trigger(self, push.ON_ALARM, now)
        self._limit(now)

    def _limit(self, now: float) -> None:
        limiter = self._limiter
        while limiter is not None:
            side = limiter.side
            limiter.observe(self.active_power(now), now=now, meter_time=self.time(now))
            if limiter.side is not side:
                over = limiter.side is Side.OVER
                self.happened(
                    Event.LIMITER_EXCEEDED if over else Event.LIMITER_OK,
                    now,
                    self.threshold_active(now),
                )
            action = limiter.due(now)
            if action is None:
                return
            limiter.done()
            self._run(action, now)

    def _limiter_deadlines(self) -> Iterable[float]:
        limiter = self._limiter
        if limiter is None:
            return
        if (due := limiter.next_deadline()) is not None:
            yield due
        if (boundary := limiter.next_boundary(self.time(self._settled_at))) is not None:
            yield self.world_time(boundary)
        if self.output_on and not limiter.idle():
            change = self.metering.load.next_change(self._settled_at)
            if change is not None:
                yield change

    def _run(self, action: ActionItem, now: float) -> None:
        """Run the script of a limiter's action."""
        if not action.selector:
            return
        over = self.limiter.side is Side.OVER
        deed = Deed.LIMITER_OVER if over else Deed.LIMITER_UNDER
        self.record(now, deed, "limiter", f"script {action.selector}", self.active_power(now))
        self.execute(action.table, action.selector, now=now, cause="limiter")

    # What its parts ask of links and the table of objects.

    def open_to(self, client_sap: int) -> bool:
        return any(link.serves(client_sap) for link in self._links)

    def execute(self, script_table: LogicalName, selector: int, *, now: float, cause: str) -> None:
        scripts.run(self, script_table, selector, now=now, cause=cause)

    def value_of(self, class_id: int, name: LogicalName, attribute: int, now: float) -> Value:
        return value_of(self, class_id, name, attribute, now)

    # Communication.

    def open_link(self) -> Endpoint:
        """One more link to the meter, with associations of its own, such as a TCP connection."""
        link = Endpoint(self)
        self._links = (*self._links, link)
        return link

    def close_link(self, link: Endpoint) -> None:
        """The link is gone."""
        link.close()
        self._links = tuple(each for each in self._links if each is not link)

    def receive(self, frame: bytes, *, now: float) -> list[bytes]:
        """Answer one whole wrapper frame that came over the meter's PLC or RF module.

        Silence is the answer to what is no frame, and of a meter that is broken.
        """
        try:
            frames = wrapper.Decoder().feed(frame)
        except ProtocolError:
            frames = []
        if self._module is None:
            self._module = self.open_link()
        return [
            wrapper.encode(each.destination, each.source, answer)
            for each in frames
            for answer in self.take(
                each.apdu, self._module, client=each.source, server=each.destination, now=now
            )
        ]

    def take(
        self, apdu: bytes, link: Endpoint, *, client: int, server: int, now: float
    ) -> list[bytes]:
        """The APDUs that answer one which came over this link, from a client to a logical device.

        None of a meter that is broken.
        """
        self.advance(now)
        if not self._answers(now):
            return []
        answers = link.take(apdu, client=client, server=server, now=now)
        self.settle(now)
        return answers

    def _answers(self, now: float) -> bool:
        if not self.powered or (self._faults is not None and self._faults.silent):
            return False
        transfer = self.existing(ImageTransfer)
        return transfer is None or not transfer.silences(now)

    def drop_links(self) -> None:
        for link in self._links:
            link.close()

    @property
    def pushes_wait(self) -> bool:
        """Whether there is anything to collect already."""
        desk = self.existing(PushDesk)
        return desk is not None and bool(desk.ready)

    def collect_pushes(self, now: float) -> list[Push]:
        """What the meter wants carried by now; what could not be, goes to `push_failed`."""
        self.advance(now)
        desk = self.existing(PushDesk)
        if desk is None:
            return []
        pushes = list(desk.ready)
        desk.ready.clear()
        return pushes

    def push_failed(self, pushed: Push, *, now: float) -> None:
        """A push could not be carried.  Without power there is nobody to try again."""
        if self.powered:
            push.failed(self, pushed, now)

    def set_fault(self, name: str, on: bool = True, *, now: float) -> None:
        """Give the meter a fault of `faults.FAULTS`, or take it away.  Raises KeyError."""
        fault = FAULTS[name]
        self.advance(now)
        if fault.drift_ppm:
            self.drift(fault.drift_ppm if on else 0, now=now)
        elif fault.flag:
            setattr(self.faults, fault.flag, on)
        elif on:
            self.faults.dirt.add(name)
        else:
            self.faults.dirt.discard(name)
        self.settle(now)
