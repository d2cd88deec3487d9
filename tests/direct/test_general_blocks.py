"""Long answers and requests in general blocks, in windows, over every framing, with blocks lost.

gurux-dlms cannot speak general blocks (docs/dlms-services.md), so our own engine does.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from devices.meter.server import settings
from headend.field.direct.conversation import Opened
from headend.field.direct.trace import Layer
from headend.models import Framing
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.general_block import GeneralBlock, read
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor, SetRequest, SetResponse
from protocols.dlms.settings import ServerSettings
from protocols.dlms.values import Array, LongUnsigned, OctetString, Structure, Unsigned
from protocols.hdlc.server import HdlcServer
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ServerLink
from protocols.mode_e.server import ModeEServer
from protocols.wrapper.link import WrapperServer
from tests.direct.bench import MeterLine, access, conversation, meter, model

OBJECTS = AttributeDescriptor(15, LogicalName("0.0.40.0.0.255"), 2)
SPECIAL_DAYS = AttributeDescriptor(11, LogicalName("0.0.11.0.0.255"), 2)
TAG = 0xE0
GENERAL = ("get", "set", "action", "general-block-transfer")
WINDOWS = (1, 2, 5)
PDU_OCTETS = 128


class Losing:
    """A meter's end of a link that loses some of the general blocks which the meter says."""

    lost: tuple[int, ...] = ()  # by their place among all of them
    said = 0

    def send(self, apdu: bytes, **ends: Any) -> None:
        if apdu[0] == TAG:
            Losing.said += 1
            if Losing.said in Losing.lost:
                return
        super().send(apdu, **ends)  # type: ignore[misc]


class LosingWrapper(Losing, WrapperServer):
    pass


class LosingHdlc(Losing, HdlcServer):
    def __init__(self) -> None:
        super().__init__(settings=HdlcSettings(window_transmit=3, window_receive=3))


class LosingModeE(Losing, ModeEServer):
    pass


FAR: dict[Framing, type[ServerLink]] = {
    Framing.WRAPPER: LosingWrapper,
    Framing.HDLC: LosingHdlc,
    Framing.MODE_E: LosingModeE,
}


def blocks(talk: Any, direction: str) -> list[GeneralBlock]:
    """The general blocks that travelled."""
    return [
        read(Reader(entry.octets, 1))
        for entry in talk.trace.entries
        if entry.layer is Layer.APDU and entry.direction == direction and entry.octets[0] == TAG
    ]


async def talking(framing: Framing, window: int, **more: Any) -> Any:
    device = meter()
    line = MeterLine(device, far=FAR[framing], **more)
    kind = model(
        conformance=GENERAL, block_window=window, pdu_octets=PDU_OCTETS, response_timeout_s=60.0
    )
    return conversation(line, model=kind, access=access(device, "management"), framing=framing)


@pytest.fixture(autouse=True)
def nothing_lost() -> None:
    Losing.lost, Losing.said = (), 0


@pytest.mark.parametrize("framing", FAR)
@pytest.mark.parametrize("window", WINDOWS)
async def test_a_long_answer_in_windows(framing: Framing, window: int) -> None:
    talk = await talking(framing, window)
    async with talk:
        assert isinstance(await talk.open(), Opened)
        found = await talk.read(OBJECTS)
    assert isinstance(found[0], Array) and len(found[0]) > 20
    came = [block for block in blocks(talk, "up") if block.data]
    assert len(came) > 10 and came[-1].last_block
    said = blocks(talk, "down")
    assert {block.window for block in said} <= {window}
    # The first block comes alone; each window after it is answered once, but for the last of all.
    assert len(said) == -(-(len(came) - 1) // window)


LOST = {"the second": (2,), "two in a row": (3, 4), "the last of a window": (5,), "many": (2, 5, 9)}


@pytest.mark.parametrize("framing", FAR)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
async def test_lost_blocks_are_asked_for_again(
    framing: Framing, window: int, lost: tuple[int, ...]
) -> None:
    talk = await talking(framing, window)
    async with talk:
        assert isinstance(await talk.open(), Opened)
        whole = await talk.read(OBJECTS)
        before = Losing.said
        Losing.lost = tuple(before + place for place in lost)
        again = await talk.read(OBJECTS)
    assert Losing.said > before + max(lost), "some were lost, and said once more"
    assert again == whole


@pytest.mark.parametrize("framing", FAR)
@pytest.mark.parametrize("window", WINDOWS)
async def test_a_long_request_in_windows(
    framing: Framing, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A meter that takes small APDUs: the request is cut, and written whole."""

    def small(*of: Any) -> ServerSettings:
        return replace(settings(*of), max_pdu_size=64, block_window=window)

    monkeypatch.setattr("devices.meter.server.settings", small)
    days = Array(
        Structure(
            (
                LongUnsigned(n),
                OctetString(bytes((0x07, 0xEA, n % 12 + 1, n % 28 + 1, 0xFF))),
                Unsigned(1),
            )
        )
        for n in range(1, 31)
    )
    talk = await talking(framing, 1)

    def written() -> Any:
        answer = yield SetRequest.of(SPECIAL_DAYS, days)
        return answer

    async with talk:
        assert isinstance(await talk.open(), Opened)
        answer = await talk.perform(written())
        assert answer == SetResponse.of(DataAccessResult.SUCCESS)
        assert (await talk.read(SPECIAL_DAYS))[0] == days
    sent = [block for block in blocks(talk, "down") if block.data]
    assert len(sent) > 3 and [block.number for block in sent] == list(range(1, len(sent) + 1))
    # The first block leaves alone: how many the meter takes, its first answer tells.
    assert [block.streaming for block in sent][: window + 1] == [
        False,
        *[True] * (window - 1),
        False,
    ]
