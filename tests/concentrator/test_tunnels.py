"""Gateway mode: what the head-end says to a meter is carried once, in order, in time, unread."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from devices import faults
from devices.meter.identity import MANAGEMENT_CLIENT, client_system_title
from devices.span import Span
from protocols.concentrator.gateway import (
    CloseTunnel,
    Closing,
    Fate,
    OpenTunnel,
    TunnelAnswer,
    TunnelClosed,
    TunnelFrame,
    TunnelOpened,
)
from protocols.concentrator.messages import Action, Status
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.procedures import read_limit
from protocols.dlms.procedures.command import procedure_of
from protocols.dlms.session import Session
from protocols.dlms.settings import ClientSettings
from tests.concentrator.head_end import METER, Stage


class Gateway(Stage):
    """A stage whose head-end speaks DLMS with meters by itself, as the management client."""

    tunnel = "t1"
    sequence = 0

    def open(self, meter: str = METER, *, tunnel: str = "t1", idle_s: int = 60) -> None:
        self.tunnel, self.sequence = tunnel, 0
        self.send(OpenTunnel(id=self.head_end.new_id(), tunnel=tunnel, meter=meter, idle_s=idle_s))
        self.run(5)

    def frame(self, octets: bytes, *, within: float = 60.0) -> TunnelFrame:
        self.sequence += 1
        return TunnelFrame(
            id=self.head_end.new_id(),
            at=self.now(),
            tunnel=self.tunnel,
            sequence=self.sequence,
            octets=octets,
            not_after=self.now() + timedelta(seconds=within),
        )

    def session(self, procedure, meter: str = METER) -> Session:  # type: ignore[no-untyped-def]
        identity = self.world.identity(meter)
        settings = ClientSettings(
            authentication=AuthenticationMechanism.HIGH_GMAC,
            keys=identity.keys(MANAGEMENT_CLIENT),
            system_title=client_system_title(1, MANAGEMENT_CLIENT, "head-end"),
            peer_system_title=identity.system_title,
            security=Security.AUTHENTICATED_ENCRYPTED,
            invocation_counter=1,
            challenge=bytes(range(16)),
        )
        return Session(ClientConnection(settings), procedure, client=MANAGEMENT_CLIENT)

    def converse(self, session: Session, *, twice: bool = False) -> Session:
        """Carry a session; `twice`: every message goes down two times."""
        octets = session.start(self.env.now)
        while octets and not session.done:
            frame = self.frame(octets)
            self.send(*([frame] * (2 if twice else 1)))
            self.run(8)
            answer = self.answers()[-1]
            assert answer.sequence == self.sequence
            octets = session.receive(answer.octets, self.env.now) or b""
        return session

    def answers(self) -> list[TunnelAnswer]:
        return self.head_end.of(TunnelAnswer)

    def closings(self) -> list[tuple[str, Closing]]:
        return [(message.tunnel, message.why) for message in self.head_end.of(TunnelClosed)]


def set_limit():  # type: ignore[no-untyped-def]
    return procedure_of(Action.SET_LIMIT, amount=Decimal(4400), unit="W", objects=())


@pytest.mark.parametrize("twice", [False, True])
def test_a_limit_is_set_end_to_end_and_each_frame_is_carried_once(twice: bool) -> None:
    stage = Gateway(meters=1)
    stage.open()
    assert [message.tunnel for message in stage.head_end.of(TunnelOpened)] == ["t1"]
    session = stage.converse(stage.session(set_limit()), twice=twice)
    assert session.result.status is Status.DONE
    assert len(stage.deeds("limit changed")) <= 1
    assert stage.world.meter(METER).limiter.threshold_normal == 4400
    down = [line for line in stage.world.log.of_kind("transfer") if line["way"] == "down"]
    assert len(down) == stage.sequence
    stage.send(CloseTunnel(id=stage.head_end.new_id(), tunnel="t1"))
    stage.run(2)
    assert stage.closings() == [("t1", Closing.ASKED)]


def test_the_concentrator_holds_none_of_these_keys() -> None:
    stage = Gateway(meters=1)
    theirs = stage.world.identity(METER).keys(MANAGEMENT_CLIENT)
    entry = stage.concentrator.table[METER]
    assert entry.keys.encryption != theirs.encryption
    assert entry.keys.authentication != theirs.authentication


def test_nothing_leaves_after_its_time() -> None:
    stage = Gateway(meters=1)
    stage.open()
    octets = stage.session(read_limit()).start(stage.env.now)
    stage.send(stage.frame(octets, within=0.3))
    stage.run(5)
    assert [answer.fate for answer in stage.answers()] == [Fate.STALE]
    assert list(stage.world.log.of_kind("transfer")) == []


def test_what_waited_behind_a_cut_line_does_not_leave_late() -> None:
    stage = Gateway(meters=1)
    stage.open(idle_s=600)
    stage.wire.cut()
    stage.send(stage.frame(stage.session(read_limit()).start(stage.env.now), within=60))
    stage.run(120)
    stage.wire.restore()
    stage.send(stage.frame(b"\0" * 11, within=60))  # brings the waiting one along
    stage.run(10)
    assert stage.answers()  # the concentrator is there again
    carried = [answer.sequence for answer in stage.answers() if answer.fate is Fate.CARRIED]
    assert 1 not in carried


def test_a_clock_that_is_behind_gives_no_more_time() -> None:
    stage = Gateway(meters=1)
    stage.open()
    stage.concentrator.clock.step(-3600)
    frame = stage.frame(stage.session(read_limit()).start(stage.env.now), within=-1)
    stage.send(frame)
    stage.run(5)
    assert [answer.fate for answer in stage.answers()] == [Fate.STALE]


def test_a_reboot_ends_every_tunnel_and_says_so_when_asked() -> None:
    stage = Gateway(meters=1)
    stage.open()
    stage.concentrator.reboot("test")
    stage.run(120)
    stage.send(stage.frame(stage.session(read_limit()).start(stage.env.now)))
    stage.run(5)
    assert stage.closings() == [("t1", Closing.UNKNOWN)]
    assert list(stage.world.log.of_kind("transfer")) == []


def test_one_tunnel_a_meter_and_none_to_a_stranger() -> None:
    stage = Gateway(meters=2)
    stage.open()
    stage.open(tunnel="t2")
    stage.open("99999999", tunnel="t3")
    stage.open("90000002", tunnel="t4")
    assert stage.closings() == [("t2", Closing.BUSY), ("t3", Closing.NOT_IN_TABLE)]
    assert [message.tunnel for message in stage.head_end.of(TunnelOpened)] == ["t1", "t4"]


def test_a_tunnel_that_nobody_uses_is_closed_and_the_next_command_has_its_turn() -> None:
    stage = Gateway(meters=1)
    stage.open(idle_s=30)
    stage.send(stage.execute())
    stage.run(20)
    assert stage.head_end.results() == []
    stage.run(60)
    assert stage.closings() == [("t1", Closing.IDLE)]
    (result,) = stage.head_end.results()
    assert result.status is Status.DONE


def test_an_unreachable_meter_gets_no_tunnel() -> None:
    stage = Gateway(meters=1)
    faults.run(stage.world, [faults.ModuleOff(METER, Span(stage.env.now, None))])
    stage.run(600)
    stage.open()
    assert stage.closings() == [("t1", Closing.NO_ROUTE)]
