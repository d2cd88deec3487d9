"""Where a line leads, as people write it.

    /dev/ttyUSB0   COM3                      an optical probe, or Bluetooth's /dev/rfcomm0
    serial:///dev/ttyUSB0?baud=9600&frame=7E1&rts=off
    tcp://10.1.2.3:4059   tcp://[2001:db8::7]:4059   tcp://meter.example
    udp://10.1.2.3

Port 4059 is DLMS/COSEM's own (IANA) and is taken where none is given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from protocols.link import Parity, SetLine

DLMS_PORT: Final = 4059
BAUD_RATES: Final = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_FRAME = re.compile(r"([78])([NEO])1")
_SWITCH = {"on": True, "off": False}
_EXAMPLES = "/dev/ttyUSB0, tcp://10.1.2.3:4059 or udp://10.1.2.3:4059"


class BadAddress(ValueError):
    """No line leads there; the text says why and what to write instead."""


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A serial port and how it starts; a framing such as mode E changes speed and parity later.

    `dtr` and `rts` power many optical probes; a few need one of them off.
    """

    device: str
    setting: SetLine = SetLine(9600)
    dtr: bool = True
    rts: bool = True

    def __str__(self) -> str:
        return self.device


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A meter, a router or a serial server on the network."""

    host: str
    port: int = DLMS_PORT

    def __str__(self) -> str:
        return f"tcp://{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class UdpAddress:
    """A meter that takes the wrapper in datagrams."""

    host: str
    port: int = DLMS_PORT

    def __str__(self) -> str:
        return f"udp://{_bracketed(self.host)}:{self.port}"


Address = SerialAddress | TcpAddress | UdpAddress


def parse(text: str) -> Address:
    """The address that `text` names.  Raises `BadAddress`."""
    text = text.strip()
    if re.fullmatch(r"(/\S+|(?:\\\\\.\\)?COM\d+)", text, re.IGNORECASE):
        return SerialAddress(text)
    try:
        url = urlsplit(text)
        match url.scheme:
            case "serial":
                return _serial(url)
            case "tcp":
                return TcpAddress(*_host_and_port(url))
            case "udp":
                return UdpAddress(*_host_and_port(url))
    except BadAddress as error:
        raise BadAddress(f"{text!r} names no line: {error}") from None
    except ValueError as error:  # what urlsplit says of brackets and of ports
        raise BadAddress(f"{text!r} names no line: {error}. Try: {_EXAMPLES}") from None
    raise BadAddress(f"{text!r} names no line. Try: {_EXAMPLES}")


def _host_and_port(url: SplitResult) -> tuple[str, int]:
    if not url.hostname:
        raise BadAddress(f"the host is missing. Try: {url.scheme}://10.1.2.3:{DLMS_PORT}")
    host = _bracketed(url.hostname)
    if url.username is not None or url.path not in ("", "/") or url.query or url.fragment:
        hint = f"{url.scheme}://{host}:{url.port or DLMS_PORT}"
        raise BadAddress(f"a host and a port are all it takes. Try: {hint}")
    if url.port == 0:
        raise BadAddress(f"nobody listens on port 0. Try: {url.scheme}://{host}:{DLMS_PORT}")
    return url.hostname, DLMS_PORT if url.port is None else url.port


def _serial(url: SplitResult) -> SerialAddress:
    device = url.path if url.path else url.netloc
    if url.path and url.netloc:
        raise BadAddress(f"a device has three slashes. Try: serial:///{url.netloc}{url.path}")
    if not device:
        raise BadAddress("the device is missing. Try: serial:///dev/ttyUSB0?baud=9600")
    address = SerialAddress(device)
    for key, value in parse_qsl(url.query, keep_blank_values=True):
        address = _with(address, key, value)
    return address


def _with(address: SerialAddress, key: str, value: str) -> SerialAddress:
    """One setting of a serial address taken over."""
    setting = address.setting
    match key:
        case "baud":
            if value not in map(str, BAUD_RATES):
                raise BadAddress(f"baud={value} is none of {', '.join(map(str, BAUD_RATES))}")
            return replace(address, setting=replace(setting, baud=int(value)))
        case "frame":
            if not (found := _FRAME.fullmatch(value.upper())):
                raise BadAddress(f"frame={value} is no line setting. Try: frame=8N1, frame=7E1")
            setting = replace(setting, data_bits=int(found[1]), parity=Parity(found[2]))
            return replace(address, setting=setting)
        case "dtr" | "rts":
            if value not in _SWITCH:
                raise BadAddress(f"{key}={value} is neither on nor off. Try: {key}=off")
            on = _SWITCH[value]
            return replace(address, dtr=on) if key == "dtr" else replace(address, rts=on)
        case _:
            raise BadAddress(f"{key!r} is no setting. Known: baud, frame, dtr, rts")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
