"""Octets of a live line, in whatever pieces they come, cut into frames for a recorder.

Both directions of one line.  What is no frame is recorded as it came, the lines of a sign-on each
as one, however few octets a port gives at once.
"""

from __future__ import annotations

from dataclasses import replace

from protocols import wrapper
from protocols.capture import sign_on
from protocols.capture.masking import masked
from protocols.capture.packets import Kind
from protocols.capture.recorder import Recorder
from protocols.hdlc import frame as hdlc
from protocols.hdlc.decoder import FrameDecoder
from protocols.hdlc.segments import without_llc


class WrapperTape:
    """A TCP connection, or datagrams; `port` tells it from others of the same client."""

    def __init__(self, recorder: Recorder, client: str, meter: str, port: int) -> None:
        self._recorder = recorder
        self._client = client
        self._meter = meter
        self._port = port
        self._decoders = {False: wrapper.Decoder(), True: wrapper.Decoder()}

    def heard(self, octets: bytes, *, up: bool, now_us: int) -> None:
        """Octets that went down to the meter, or came up from it."""
        decoder = self._decoders[up]
        try:
            frames = decoder.feed(octets)
        except wrapper.BrokenStream as error:
            frames = error.frames
            self._decoders[up] = wrapper.Decoder()
            name = f"{self._client} {self._meter}"
            self._recorder.serial(now_us, name, octets, up=up, kind=Kind.OTHER)
        for frame in frames:
            whole = wrapper.encode(frame.source, frame.destination, frame.apdu)
            self._recorder.wrapper(now_us, self._client, self._meter, whole, up=up, port=self._port)


class SerialTape:
    """A serial line, or a port that carries HDLC."""

    def __init__(self, recorder: Recorder, line: str) -> None:
        self._recorder = recorder
        self._line = line
        self._decoders = {False: FrameDecoder(), True: FrameDecoder()}
        self._begun = {False: b"", True: b""}  # a line of a sign-on whose end is to come

    def heard(self, octets: bytes, *, up: bool, now_us: int) -> None:
        """Octets that went down to the meter, or came up from it."""
        self._flush(up=not up, now_us=now_us)
        decoder = self._decoders[up]
        found = decoder.feed(octets)
        if decoder.pending <= 1 and decoder.waiting:
            found += decoder.pause()  # a sign-on; nothing of a frame waits that this could cut
        for item in found:
            if isinstance(item, hdlc.Frame):
                self._flush(up=up, now_us=now_us)
                whole = hdlc.encode(_masked(item))
                self._recorder.serial(now_us, self._line, whole, up=up, kind=Kind.FRAME)
            else:
                self._begun[up] += item.octets
                if not sign_on.goes_on(self._begun[up]):
                    self._flush(up=up, now_us=now_us)

    def _flush(self, *, up: bool, now_us: int) -> None:
        """Record what was kept, as the other side or a frame follows: nothing more of it comes."""
        octets, self._begun[up] = self._begun[up], b""
        if octets:
            self._recorder.serial(now_us, self._line, octets, up=up, kind=Kind.OTHER)


def _masked(frame: hdlc.Frame) -> hdlc.Frame:
    apdu = without_llc(frame.information)
    if apdu is None or frame.segmented:
        return frame
    hidden = masked(apdu)
    return frame if hidden is apdu else replace(frame, information=frame.information[:3] + hidden)
