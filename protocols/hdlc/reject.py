"""The information field of FRMR: which frame was rejected, and why (IEC 62056-46, 6.4.3.8)."""

from __future__ import annotations

import construct

from protocols.hdlc.frame import Frame

_REASONS = {
    "w": "an unknown control field",
    "x": "information where none is allowed",
    "y": "too much information",
    "z": "an acknowledgement of what was never sent",
}

_REJECT = construct.BitStruct(
    "control" / construct.BitsInteger(8),
    "expected" / construct.BitsInteger(3),  # V(R)
    "was_response" / construct.Flag,
    "next" / construct.BitsInteger(3),  # V(S)
    construct.Padding(1),
    construct.Padding(4),
    "z" / construct.Flag,
    "y" / construct.Flag,
    "x" / construct.Flag,
    "w" / construct.Flag,
)


def encode_reject(control: int, reason: str, *, expected: int = 0, next_number: int = 0) -> bytes:
    """The information field; `reason` names w, x, y and z as the standard calls its bits."""
    fields = {
        "control": control,
        "expected": expected,
        "was_response": False,
        "next": next_number,
        **{bit: bit in reason for bit in _REASONS},
    }
    octets: bytes = _REJECT.build(fields)
    return octets


def describe_reject(information: bytes) -> str:
    """What a FRMR says, in words."""
    try:
        fields = _REJECT.parse(information)
    except construct.ConstructError:
        return "frame reject without a reason"
    reasons = [text for bit, text in _REASONS.items() if fields[bit]]
    rejected = Frame(b"", b"", fields.control)
    return f"{rejected} rejected: {', '.join(reasons) or 'no reason given'}"
