"""One connection by the wrapper (IEC 62056-47) to what answers APDUs: a concentrator's own
port, or many meters behind one, each a logical device."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from devices.gateway.tcp import wrapper_link
from protocols.link import ApduReceived, Down, LinkDown
from protocols.sans_io import NEED_DATA

Ask = Callable[[bytes, int, int], Iterable[bytes]]
"""An APDU, the client's and the server's wPort; the answers to it, perhaps none."""


class WrapperLine:
    """Hands each APDU to `ask` and transmits the answers; `gone` hears of the connection's end."""

    def __init__(
        self, ask: Ask, transmit: Callable[[bytes], None], *, gone: Callable[[], None]
    ) -> None:
        self._ask = ask
        self._transmit = transmit
        self._gone = gone
        self._link = wrapper_link()
        self._loop = asyncio.get_running_loop()
        self.broken = False
        """Whether the client speaks something else, so that the line is of no use any more."""

    def receive(self, received: bytes) -> None:
        """Take in what the connection brought."""
        link, now = self._link, self._loop.time
        link.receive_data(received, now=now())
        while (event := link.next_event()) is not NEED_DATA:
            match event:
                case ApduReceived(apdu, client, server):
                    for answer in self._ask(apdu, client, server):
                        link.send(answer, client=client, server=server, now=now())
                case LinkDown(reason):
                    self.broken = self.broken or reason is Down.BROKEN
                case _:
                    pass
        while (octets := link.data_to_send()) is not None:
            self._transmit(octets)

    def close(self) -> None:
        """The connection is gone."""
        self._gone()
