"""What SNRM and UA agree on: sizes of information fields and windows (Green Book 8.4.5.3.2).

    81 80 len { 05 len transmit size | 06 len receive size | 07 len window | 08 len window }

Each side names its own directions.  What is absent has its default: 128 octets, a window of 1.
Meters fill the list in many ways: numbers of one octet, two or four, a wrong group length, more
parameters than known.  What cannot be read leaves its default, because a link with small frames is
better than none.
"""

from __future__ import annotations

from dataclasses import dataclass

import construct

from protocols.hdlc.settings import (
    INFO_DEFAULT,
    INFO_MAX,
    WINDOW_DEFAULT,
    WINDOW_MAX,
    HdlcSettings,
)

_NUMBER = construct.Prefixed(construct.Byte, construct.GreedyBytes)
_PARAMETER = construct.Struct("identifier" / construct.Byte, "value" / _NUMBER)
_PARAMETERS = construct.GreedyRange(_PARAMETER)
_GROUP = construct.Struct(
    "format" / construct.Const(b"\x81"),
    "group" / construct.Const(b"\x80"),
    "parameters" / construct.Prefixed(construct.Byte, _PARAMETERS),
)
_TOLERANT_GROUP = construct.Struct(
    "format" / construct.Const(b"\x81"),
    "group" / construct.Const(b"\x80"),
    "length" / construct.Byte,  # wrong in some meters, and of no use
    "parameters" / _PARAMETERS,
)
_TRANSMIT_SIZE, _RECEIVE_SIZE, _TRANSMIT_WINDOW, _RECEIVE_WINDOW = 5, 6, 7, 8


@dataclass(frozen=True, slots=True)
class Parameters:
    """One side's sizes, in octets of information and in frames."""

    info_transmit: int = INFO_DEFAULT
    info_receive: int = INFO_DEFAULT
    window_transmit: int = WINDOW_DEFAULT
    window_receive: int = WINDOW_DEFAULT

    @classmethod
    def of(cls, settings: HdlcSettings) -> Parameters:
        """What this side would have."""
        return cls(
            settings.info_transmit,
            settings.info_receive,
            settings.window_transmit,
            settings.window_receive,
        )

    def limited_by(self, peer: Parameters) -> Parameters:
        """What both sides can do, seen from this one."""
        return Parameters(
            min(self.info_transmit, peer.info_receive),
            min(self.info_receive, peer.info_transmit),
            min(self.window_transmit, peer.window_receive),
            min(self.window_receive, peer.window_transmit),
        )


DEFAULTS = Parameters()


def encode_parameters(parameters: Parameters) -> bytes:
    """The information field."""
    sizes = (
        (_TRANSMIT_SIZE, parameters.info_transmit),
        (_RECEIVE_SIZE, parameters.info_receive),
    )
    windows = (
        (_TRANSMIT_WINDOW, parameters.window_transmit),
        (_RECEIVE_WINDOW, parameters.window_receive),
    )
    # One octet where it is enough: meters are seen that take a size in two for one in one.
    listed = [(name, size.to_bytes(1 if size < 0x100 else 2, "big")) for name, size in sizes]
    listed += [(name, window.to_bytes(4, "big")) for name, window in windows]
    group = {"parameters": [{"identifier": name, "value": value} for name, value in listed]}
    octets: bytes = _GROUP.build(group)
    return octets


def decode_parameters(information: bytes) -> Parameters:
    """What the peer's information field says, with defaults for what it does not."""
    try:
        listed = _TOLERANT_GROUP.parse(information).parameters
    except construct.ConstructError:
        return DEFAULTS
    numbers = {each.identifier: int.from_bytes(each.value, "big") for each in listed}
    return Parameters(
        _within(numbers.get(_TRANSMIT_SIZE, 0), INFO_DEFAULT, INFO_MAX),
        _within(numbers.get(_RECEIVE_SIZE, 0), INFO_DEFAULT, INFO_MAX),
        _within(numbers.get(_TRANSMIT_WINDOW, 0), WINDOW_DEFAULT, WINDOW_MAX),
        _within(numbers.get(_RECEIVE_WINDOW, 0), WINDOW_DEFAULT, WINDOW_MAX),
    )


def _within(number: int, default: int, most: int) -> int:
    return min(number, most) if number else default
