"""Whatever arrives on whichever queue: nothing raises, and what is kept is kept as it came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.cim.bus import letter as letters
from protocols.cim.bus import rules
from protocols.cim.bus.effects import Answered, DeadLetter, Effect, Send
from protocols.cim.bus.requester import Requester
from protocols.cim.bus.responder import Responder
from protocols.cim.bus.router import Router
from protocols.cim.errors import ReplyError
from protocols.mqtt import Packet, Properties
from tests.cim import orders_as_xml as a
from tests.cim_bus.letters import AT, RULES, get, reply

WHOLE = (
    get(),
    a.typed(),
    a.generic(),
    reply(letters.read(get())),
    letters.fault(ReplyError("5.1", "SATURADO: no")),
)
JUDGED = rules.read(RULES)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A message with a stretch of it gone, doubled, or overwritten."""
    octets = draw(st.sampled_from(WHOLE))
    start = draw(st.integers(0, len(octets)))
    end = min(len(octets), start + draw(st.integers(0, 60)))
    middle = draw(st.sampled_from([b"", octets[start:end] * 2]) | st.binary(max_size=8))
    return octets[:start] + middle + octets[end:]


anything = st.sampled_from(WHOLE) | spoilt() | st.binary(max_size=60)
topics = st.sampled_from(
    [
        "cim/v1/route/TABLERO", "cim/v1/route/PUERTA/SIAD", "cim/v1/route/COMERCIAL",
        "cim/v1/requests/SIAD/ROUTER", "cim/v1/requests/SIAD/TABLERO",
        "cim/v1/replies/ROUTER/SIAD", "cim/v1/replies/ROUTER/AMI", "cim/v1/replies/TABLERO/ROUTER",
        "cim/v1/replies/TABLERO/ROUTER/x", "cim/v1", "", "cim/v1/route/+",
    ]
)  # fmt: skip
beside = st.builds(
    Properties,
    response_topic=st.none() | topics,
    correlation=st.sampled_from([None, b"TABLERO/m-1", b"k", b"", b"\xff"]),
    expiry_s=st.none() | st.integers(0, 100),
)
packets = st.lists(st.builds(Packet, topics, anything, beside), max_size=12)


@given(packets)
def test_whatever_arrives(arriving: list[Packet]) -> None:
    tablero = Requester("TABLERO")
    tablero.ask("k", letters.read(get()), timeout_s=10, now=AT)
    answered = 0
    for machine in (Router(JUDGED), Responder("SIAD", rules=JUDGED), tablero):
        for packet in arriving:
            effects: list[Effect] = machine.receive(packet, now=AT)
            answered += sum(isinstance(effect, Answered) for effect in effects)
            assert all(
                effect.packet == packet for effect in effects if isinstance(effect, DeadLetter)
            )
            for effect in effects:  # whatever is sent can be read where it arrives
                if isinstance(effect, Send):
                    letters.read(effect.packet.payload)
                    assert len(effect.packet.properties.correlation or b"") < 65_536
    assert answered <= 1
