"""With which parity a meter answers a sign-on, where it could not be understood otherwise.

The request goes out at 300 Bd with eight data bits, its parity made here (7E1 and 8N1 are the same
ten bits on the wire); what comes back is looked at bit by bit.  No association is opened.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from headend.app.probe import LineError, SerialAddress, line_to
from protocols.link import SetLine
from protocols.mode_e.messages import request, without_parity

LISTENED_S = 3.0  # the longest reaction is 1.5 s, and an identification takes one at 300 Bd
SIGN_ON_BAUD = 300
LEAST = 5  # octets: a shorter answer shows no parity


async def answered(address: SerialAddress, device_address: str) -> str:
    """The parity of the answer, as `judged` tells it."""
    line = line_to(replace(address, setting=SetLine(SIGN_ON_BAUD)))
    sent, came = with_even_parity(request(device_address)), bytearray()
    try:
        await line.open()
        await line.write(sent)
        async with asyncio.timeout(LISTENED_S):
            while True:
                came += await line.read()
    except (LineError, TimeoutError):
        pass
    finally:
        await line.close()
    echo = without_parity(bytes(came)).startswith(without_parity(sent))
    return judged(bytes(came[len(sent) :] if echo else came))


def with_even_parity(octets: bytes) -> bytes:
    """Seven data bits, and an eighth that makes the ones even."""
    return bytes(octet & 0x7F | (octet & 0x7F).bit_count() % 2 << 7 for octet in octets)


def judged(octets: bytes) -> str:
    """even, odd, none or mixed; nothing where too little came."""
    if len(octets) < LEAST:
        return ""
    if not any(octet & 0x80 for octet in octets):
        return "none"
    ones = {octet.bit_count() % 2 for octet in octets}
    return "mixed" if len(ones) > 1 else "odd" if ones.pop() else "even"
