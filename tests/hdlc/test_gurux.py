"""The HDLC of gurux-dlms as a client at our server, and its frames against ours.

Its windows are left out: 1.0.203 refuses the third frame of one, because it keeps the number of the
second in a name that it never reads.
"""

from __future__ import annotations

import pytest
from gurux_dlms import GXByteBuffer, GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.objects import GXDLMSAssociationLogicalName, GXDLMSData

from devices.meter.device import Meter
from devices.meter.identity import PUBLIC_CLIENT, Identity
from devices.meter.load import ConstantLoad
from protocols.hdlc.address import ServerAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.decoder import FrameDecoder
from protocols.hdlc.frame import Frame, Kind
from protocols.hdlc.server import HdlcServer
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ApduReceived, LinkUp, LinkViolation
from protocols.sans_io import NEED_DATA
from tests.meter.conversation import NOW

ADDRESSES = {
    # name: (gurux's server address, its size in octets, ours)
    "one octet": (1, 1, ServerAddress(1)),
    "two octets": (1 << 7 | 17, 2, ServerAddress(1, 17)),
    "four octets": (1 << 14 | 17, 4, ServerAddress(1, 17, 4)),
    "four octets, large": (1 << 14 | 0x3F00, 4, ServerAddress(1, 0x3F00)),
}
SIZES = {
    "defaults": (128, 1),
    "small frames": (40, 1),
    "large frames": (1024, 1),
    "the largest frames": (2030, 1),
}


class GuruxClient:
    """gurux-dlms at one end, our server and a simulated meter at the other."""

    def __init__(self, address: int, size: int, info: int, window: int) -> None:
        self._meter = Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500))
        self._endpoint = self._meter.open_link()
        self._server = HdlcServer(settings=HdlcSettings(2030, 2030, 7, 7))
        self.events: list[object] = []
        self.client = GXDLMSClient(
            True, PUBLIC_CLIENT, address, Authentication.NONE, None, InterfaceType.HDLC
        )
        self.client.serverAddressSize = size
        settings = self.client.hdlcSettings
        settings.maxInfoTX = settings.maxInfoRX = info
        settings.windowSizeTX = settings.windowSizeRX = window

    def exchange(self, octets: bytes) -> bytes:
        """Everything that the meter says to one transmission."""
        self._server.receive_data(bytes(octets), now=0.0)
        out = b""
        while True:
            while (event := self._server.next_event()) is not NEED_DATA:
                self.events.append(event)
                if isinstance(event, ApduReceived):
                    self._answer(event)
            said = self._server.data_to_send()
            if said is None:
                return out
            out += said

    def _answer(self, event: ApduReceived) -> None:
        ends = {"client": event.source, "server": event.destination}
        for apdu in self._meter.take(event.apdu, self._endpoint, now=NOW, **ends):
            self._server.send(apdu, now=0.0, **ends)

    def ask(self, requests: object) -> GXReplyData:
        """Send what gurux-dlms made; its answer, with all segments and blocks asked for."""
        reply = GXReplyData()
        transmissions = requests if isinstance(requests, list) else [requests]
        for octets in transmissions:
            reply.clear()
            self._take(self.exchange(octets), reply)
            while reply.isMoreData():
                self._take(self.exchange(self.client.receiverReady(reply)), reply)
        assert not reply.error
        return reply

    def _take(self, received: bytes, reply: GXReplyData) -> None:
        octets = GXByteBuffer(bytearray(received))
        while octets.position < octets.size:
            before = octets.position
            self.client.getData(octets, reply, GXReplyData())
            assert octets.position > before, "gurux-dlms finds no frame"


@pytest.mark.parametrize(("address", "octets", "ours"), ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize(("info", "window"), SIZES.values(), ids=SIZES)
def test_gurux_reads_our_meter(
    address: int, octets: int, ours: ServerAddress, info: int, window: int
) -> None:
    peer = GuruxClient(address, octets, info, window)
    client = peer.client
    client.parseUAResponse(peer.ask(client.snrmRequest()).data)
    assert peer.events == [LinkUp(PUBLIC_CLIENT, ours.logical)]
    assert client.hdlcSettings.maxInfoRX == info
    assert client.hdlcSettings.windowSizeRX == window
    client.parseAareResponse(peer.ask(client.aarqRequest()).data)
    association = GXDLMSAssociationLogicalName()
    reply = peer.ask(client.read(association, 2))
    objects = client.parseObjects(reply.data, True)
    assert len(objects) >= 3, "a long list, in segments and blocks"
    peer.ask(client.disconnectRequest())
    assert not [event for event in peer.events if isinstance(event, LinkViolation)]


@pytest.mark.parametrize(("address", "octets", "ours"), ADDRESSES.values(), ids=ADDRESSES)
def test_both_call_the_same_way(address: int, octets: int, ours: ServerAddress) -> None:
    peer = GuruxClient(address, octets, 128, 1)
    link = HdlcClient(PUBLIC_CLIENT, ours)
    link.connect(now=0.0)
    assert link.data_to_send() == bytes(peer.client.snrmRequest())
    (aarq,) = peer.client.aarqRequest()
    (frame,) = FrameDecoder().feed(bytes(aarq))
    assert isinstance(frame, Frame)
    assert (frame.kind, frame.ns, frame.nr, frame.poll) == (Kind.I, 0, 0, True)
    assert frame.destination == ours.encode()


@pytest.mark.parametrize("info", [128, 64, 200, 1500])
def test_our_segments_are_put_together_by_gurux(info: int) -> None:
    """A long answer of ours, frame by frame, against what gurux-dlms makes of it."""
    sizes = HdlcSettings(info, info)
    server = HdlcServer(settings=sizes)
    peer = GuruxClient(1, 1, info, 1)
    client = peer.client
    server.receive_data(bytes(client.snrmRequest()), now=0.0)
    answer = server.data_to_send()
    assert answer is not None
    reply = GXReplyData()
    client.getData(bytearray(answer), reply, GXReplyData())
    client.parseUAResponse(reply.data)
    value = bytes(range(256)) * 3
    apdu = b"\xc4\x01\xc1\x00\x09\x82" + len(value).to_bytes(2, "big") + value
    assert server.next_event() == LinkUp(PUBLIC_CLIENT, 1)
    (request,) = client.read(GXDLMSData("0.0.42.0.0.255"), 2)
    server.receive_data(bytes(request), now=0.0)
    assert isinstance(server.next_event(), ApduReceived)
    server.send(apdu, client=PUBLIC_CLIENT, server=1, now=0.0)
    reply, frames = GXReplyData(), 0
    while (octets := server.data_to_send()) is not None:
        frames += 1
        client.getData(bytearray(octets), reply, GXReplyData())
        if reply.isMoreData():
            server.receive_data(bytes(client.receiverReady(reply)), now=0.0)
    assert bytes(reply.value) == value
    assert frames == -(-(len(apdu) + 3) // info)
