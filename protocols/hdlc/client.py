"""The client's end of an HDLC link."""

from __future__ import annotations

from protocols.hdlc.address import ServerAddress
from protocols.hdlc.settings import HdlcSettings
from protocols.link import LinkEvent
from protocols.sans_io import NeedData


class HdlcClient:
    """A link between one client and one server; see `protocols.link`."""

    def __init__(
        self,
        client: int,
        server: ServerAddress | None = None,
        settings: HdlcSettings | None = None,
    ) -> None:
        self._client = client
        self._server = server or ServerAddress()
        self._settings = settings or HdlcSettings()

    @property
    def up(self) -> bool:
        """Whether APDUs can be sent."""
        raise NotImplementedError

    def connect(self, *, now: float) -> None:
        """Send SNRM."""
        raise NotImplementedError

    def send(self, apdu: bytes, *, now: float) -> None:
        """Transmit an APDU, in as many segments as it takes."""
        raise NotImplementedError

    def disconnect(self, *, now: float) -> None:
        """Send DISC."""
        raise NotImplementedError

    def receive_data(self, octets: bytes, *, now: float) -> None:
        """Take in octets in any pieces."""
        raise NotImplementedError

    def data_to_send(self) -> bytes | None:
        """The next frame to transmit, or None."""
        raise NotImplementedError

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called."""
        raise NotImplementedError

    def handle_deadline(self, *, now: float) -> None:
        """Repeat, ask again, or give up."""
        raise NotImplementedError

    def lost(self, *, now: float) -> None:
        """The line is gone."""
        raise NotImplementedError
