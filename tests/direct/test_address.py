"""Addresses as people write them, and what a bad one is told."""

from __future__ import annotations

import pytest

from headend.field.direct.address import (
    Address,
    BadAddress,
    SerialAddress,
    TcpAddress,
    UdpAddress,
    parse,
)
from protocols.link import Parity, SetLine

GOOD: dict[str, Address] = {
    "/dev/ttyUSB0": SerialAddress("/dev/ttyUSB0"),
    " /dev/rfcomm0 ": SerialAddress("/dev/rfcomm0"),
    "COM3": SerialAddress("COM3"),
    "serial:///dev/ttyUSB0": SerialAddress("/dev/ttyUSB0"),
    "serial://COM3?baud=300": SerialAddress("COM3", SetLine(300)),
    "serial:///dev/ttyS0?baud=9600&frame=7E1&rts=off&dtr=on": SerialAddress(
        "/dev/ttyS0", SetLine(9600, 7, Parity.EVEN), dtr=True, rts=False
    ),
    "serial:///dev/ttyS0?frame=8o1": SerialAddress("/dev/ttyS0", SetLine(9600, 8, Parity.ODD)),
    "tcp://10.1.2.3": TcpAddress("10.1.2.3", 4059),
    "tcp://10.1.2.3:4060/": TcpAddress("10.1.2.3", 4060),
    "TCP://Meter.Example:1": TcpAddress("meter.example", 1),
    "tcp://[2001:db8::7]:4059": TcpAddress("2001:db8::7", 4059),
    "tcp://[2001:db8::7]": TcpAddress("2001:db8::7", 4059),
    "udp://10.1.2.3:65535": UdpAddress("10.1.2.3", 65535),
    "udp://[::1]": UdpAddress("::1", 4059),
}

BAD = {
    # text: what the complaint must tell
    "": "Try: /dev/ttyUSB0, tcp://",
    "10.1.2.3": "Try: /dev/ttyUSB0, tcp://",
    "10.1.2.3:4059": "Try: /dev/ttyUSB0, tcp://",
    "ttyUSB0": "Try: /dev/ttyUSB0",
    "http://10.1.2.3": "Try: ",
    "tcp:10.1.2.3:4059": "the host is missing",
    "tcp://": "the host is missing",
    "tcp://:4059": "the host is missing",
    "tcp://10.1.2.3:0": "nobody listens on port 0",
    "tcp://10.1.2.3:70000": "Port out of range",
    "tcp://10.1.2.3:x": "Port could not be cast",
    "tcp://2001:db8::7": "Port could not be cast",
    "tcp://[2001:db8::7": "Invalid IPv6 URL",
    "tcp://user@10.1.2.3": "Try: tcp://10.1.2.3:4059",
    "tcp://10.1.2.3/path": "Try: tcp://10.1.2.3:4059",
    "tcp://10.1.2.3?baud=9600": "a host and a port are all it takes",
    "serial://": "the device is missing",
    "serial://dev/ttyUSB0": "Try: serial:///dev/ttyUSB0",
    "serial:///dev/ttyUSB0?baud=9601": "baud=9601 is none of 300",
    "serial:///dev/ttyUSB0?baud=": "baud= is none of 300",
    "serial:///dev/ttyUSB0?frame=9N1": "Try: frame=8N1",
    "serial:///dev/ttyUSB0?rts=yes": "Try: rts=off",
    "serial:///dev/ttyUSB0?speed=9600": "Known: baud, frame, dtr, rts",
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address(text: str) -> None:
    assert parse(text) == GOOD[text]


@pytest.mark.parametrize("text", [text for text in GOOD if "?" not in text and "COM" not in text])
def test_what_is_shown_can_be_typed(text: str) -> None:
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize("text", BAD)
def test_a_bad_address_is_told_with_what_to_write(text: str) -> None:
    with pytest.raises(BadAddress) as told:
        parse(text)
    assert BAD[text] in str(told.value) and repr(text) in str(told.value)
