"""A change of keys through a concentrator that is cut at any moment, by anything, is taken up
again: the head-end never loses a meter, and orders go on under the new keys; also where the
concentrator speaks with the meter by itself and is told them."""

from __future__ import annotations

import pytest

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.identity import CONCENTRATOR_CLIENT, MANAGEMENT_CLIENT
from devices.meter.keyring import keys_of
from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import Associated, AssociationRequest
from protocols.dlms.keys import Keys
from protocols.dlms.settings import ClientSettings
from scenarios.engine import run
from scenarios.expectations import checks
from scenarios.key_changes import CHANGED, UNDER_WAY, delivered
from scenarios.schema import BadScenario, parse
from scenarios.story import Story

METER = "90000001"
STORY = """
about = "New keys for a meter behind a gateway."
seed = 12
start = 2026-07-06T10:00:00
duration = "{duration}"
[field]
meters = 1
grid = false
mode = "{mode}"
outages = "none"
[[rekey]]
at = "5m"
meter = "90000001"
"""
AFTERWARDS = """
[[order]]
at = "20m"
meter = "90000001"
kind = "set-limit"
amount = "3300"
[expect]
done = 2
keys = { 90000001 = "changed" }
"""
CUTS = {
    "the head-end dies": '[[event]]\nat = "{at}"\ndo = "crash-head-end"\ndown = "30s"\n',
    "the concentrator restarts": '[[fault]]\nkind = "reboot"\ntarget = "C-001"\nat = "{at}"\n',
    "the network is silent": (
        '[[fault]]\nkind = "silence"\ntarget = "C-001"\nat = "{at}"\nuntil = "9m"\n'
    ),
    "the meter is out of reach": (
        '[[fault]]\nkind = "meter-unreachable"\ntarget = "90000001"\nat = "{at}"\nuntil = "9m"\n'
    ),
}
MOMENTS_S = [round(0.25 * number, 2) for number in range(1, 18)]
MODES = ("gateway", "store-and-forward")
OFTEN = (0.75, 1.75, 2.0, 3.25)  # the others in the long proofs


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    "after_s",
    [each if each in OFTEN else pytest.param(each, marks=pytest.mark.prove) for each in MOMENTS_S],
)
@pytest.mark.parametrize("mode", MODES)
def test_a_cut_change_is_taken_up_again(mode: str, cut: str, after_s: float) -> None:
    at = f"5m{after_s}s"
    story = run(
        parse(STORY.format(duration="30m", mode=mode) + CUTS[cut].format(at=at) + AFTERWARDS)
    )
    assert [check for check in checks(story) if not check.ok] == []
    assert story.keys == {METER: CHANGED}


def opens(story: Story, meter: str, client: int, keys: Keys) -> bool:
    """Whether a meter lets somebody in who has these keys, by its own answers."""
    device, title = story.world.meter(meter), bytes(range(8))
    connection = ClientConnection(
        ClientSettings(
            authentication=AuthenticationMechanism.HIGH_GMAC,
            security=Security.AUTHENTICATED_ENCRYPTED,
            keys=keys,
            system_title=title,
            peer_system_title=device.identity.system_title,
            invocation_counter=1_000_000,
            challenge=bytes(range(16)),
        )
    )
    now = story.world.env.now
    told = [connection.send(AssociationRequest(), now=now)]
    while told:
        for answer in device.receive(wrapper.encode(client, 1, told.pop()), now=now):
            (found,) = wrapper.Decoder().feed(answer)
            connection.receive_data(found.apdu, now=now)
        if (apdu := connection.data_to_send()) is not None:
            told.append(apdu)
    event = connection.next_event()
    return isinstance(event, Associated)


CLIENT = {"gateway": MANAGEMENT_CLIENT, "store-and-forward": CONCENTRATOR_CLIENT}


@pytest.mark.parametrize("mode", MODES)
def test_the_meter_itself_refuses_the_old_keys_afterwards(mode: str) -> None:
    text = STORY.format(duration="30m", mode=mode) + AFTERWARDS
    story = run(parse(text))
    client = next(each for each in STANDARD_CLIENTS if each.sap == CLIENT[mode])
    old = delivered(story.world.meter(METER), client.sap)
    new = keys_of(story.world.meter(METER), client)
    assert opens(story, METER, client.sap, new) and not opens(story, METER, client.sap, old)


def standing(after_s: float) -> str:
    """How the change stands so long after it was ordered, where nothing cuts it."""
    text = STORY.format(duration=f"5m{after_s}s", mode="gateway") + "[expect]\norders = 1\n"
    return run(parse(text)).keys[METER]


def test_the_cuts_come_before_amidst_and_after() -> None:
    """Most of them amidst: a client of its own for reading is given new keys after the first."""
    assert [standing(each) for each in (1.0, 3.0, 6.0)] == [UNDER_WAY, UNDER_WAY, CHANGED]


def test_a_change_after_the_end_is_none() -> None:
    with pytest.raises(BadScenario, match="comes when the story is over"):
        parse(STORY.format(duration="5m", mode="gateway") + "[expect]\norders = 0\n")
