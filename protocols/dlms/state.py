"""The one transition table of an association, for both roles.

A step is something one side says.  Client and server walk the same table, one by what it sends, the
other by what it receives, so neither can reach a state that the other does not know of.  A step
that the table does not have in a state is refused: as LocalProtocolError to the caller who wants
to send it, as ProtocolViolation when the peer sent it.  `mermaid()` draws the diagram of the docs.

Source: Green Book 9.4.1 (state machines of client and server control function), 9.3.6 to 9.3.9 for
block transfer, 9.3.11 for ACCESS.  General block transfer carries whole APDUs below this table and
adds no state to it.
"""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """Who asks, and who answers."""

    CLIENT = "client"
    SERVER = "server"


class State(enum.Enum):
    """Where an association stands; the word after the dash says who speaks next."""

    __hash__ = object.__hash__  # the table is asked twice an APDU; Enum's own is written in Python

    IDLE = "no association"
    ASSOCIATING = "AARQ sent - server"
    CHALLENGED = "pending, HLS challenge sent - client"
    PROVING = "pending, f(StoC) sent - server"
    ASSOCIATED = "associated - client"
    GETTING = "GET asked - server"
    GET_BLOCK_SENT = "GET answered in part - client"
    SETTING = "SET asked - server"
    SET_BLOCK_SENT = "SET asked in part - server"
    SET_BLOCK_TAKEN = "SET taken in part - client"
    ACTING = "ACTION asked - server"
    ACTION_BLOCK_SENT = "ACTION asked in part - server"
    ACTION_BLOCK_TAKEN = "ACTION taken in part - client"
    ACTION_RETURN_SENT = "ACTION answered in part - client"
    ACCESSING = "ACCESS asked - server"
    RELEASING = "RLRQ sent - server"


class Step(enum.Enum):
    """What one side says."""

    __hash__ = object.__hash__

    ASSOCIATION_REQUEST = "AARQ"
    ASSOCIATION_ACCEPTED = "AARE accepted"
    ASSOCIATION_PENDING = "AARE authentication required"
    ASSOCIATION_REFUSED = "AARE rejected"
    PROOF = "ACTION f(StoC)"
    PROOF_ACCEPTED = "ACTION f(CtoS)"
    PROOF_REFUSED = "ACTION proof refused"
    GET = "GET-Request"
    GET_NEXT = "GET-Request-Next"
    GET_BLOCK = "GET-Response block"
    GET_DONE = "GET-Response"
    SET = "SET-Request, whole or last block"
    SET_FIRST_BLOCK = "SET-Request first block"
    SET_BLOCK = "SET-Request block"
    SET_LAST_BLOCK = "SET-Request last block"
    SET_BLOCK_TAKEN = "SET-Response block"
    SET_DONE = "SET-Response"
    ACTION = "ACTION-Request, whole or last block"
    ACTION_FIRST_BLOCK = "ACTION-Request first block"
    ACTION_BLOCK = "ACTION-Request block"
    ACTION_LAST_BLOCK = "ACTION-Request last block"
    ACTION_BLOCK_TAKEN = "ACTION-Response next"
    ACTION_RETURN = "ACTION-Response block"
    ACTION_NEXT = "ACTION-Request next"
    ACTION_DONE = "ACTION-Response"
    ACCESS = "ACCESS-Request"
    ACCESS_DONE = "ACCESS-Response"
    EXCEPTION = "exception-response"
    RELEASE_REQUEST = "RLRQ"
    RELEASE_RESPONSE = "RLRE"
    ABANDONED = "client gives up"
    DISCONNECTED = "transport lost, or client silent"


SPOKEN_BY: dict[Step, Role] = {
    step: Role.CLIENT
    if step
    in {
        Step.ASSOCIATION_REQUEST, Step.PROOF, Step.GET, Step.GET_NEXT, Step.SET,
        Step.SET_FIRST_BLOCK, Step.SET_BLOCK, Step.SET_LAST_BLOCK, Step.ACTION,
        Step.ACTION_FIRST_BLOCK, Step.ACTION_BLOCK, Step.ACTION_LAST_BLOCK, Step.ACTION_NEXT,
        Step.ACCESS, Step.RELEASE_REQUEST, Step.ABANDONED, Step.DISCONNECTED,
    }
    else Role.SERVER
    for step in Step
}  # fmt: skip

TRANSITIONS: dict[tuple[State, Step], State] = {
    (State.IDLE, Step.ASSOCIATION_REQUEST): State.ASSOCIATING,
    (State.ASSOCIATING, Step.ASSOCIATION_ACCEPTED): State.ASSOCIATED,
    (State.ASSOCIATING, Step.ASSOCIATION_PENDING): State.CHALLENGED,
    (State.ASSOCIATING, Step.ASSOCIATION_REFUSED): State.IDLE,
    (State.ASSOCIATING, Step.EXCEPTION): State.IDLE,
    (State.CHALLENGED, Step.PROOF): State.PROVING,
    (State.CHALLENGED, Step.RELEASE_REQUEST): State.RELEASING,
    (State.PROVING, Step.PROOF_ACCEPTED): State.ASSOCIATED,
    (State.PROVING, Step.PROOF_REFUSED): State.IDLE,
    (State.PROVING, Step.EXCEPTION): State.IDLE,
    (State.ASSOCIATED, Step.GET): State.GETTING,
    (State.GETTING, Step.GET_DONE): State.ASSOCIATED,
    (State.GETTING, Step.GET_BLOCK): State.GET_BLOCK_SENT,
    (State.GETTING, Step.EXCEPTION): State.ASSOCIATED,
    (State.GET_BLOCK_SENT, Step.GET_NEXT): State.GETTING,
    (State.ASSOCIATED, Step.SET): State.SETTING,
    (State.ASSOCIATED, Step.SET_FIRST_BLOCK): State.SET_BLOCK_SENT,
    (State.SET_BLOCK_SENT, Step.SET_BLOCK_TAKEN): State.SET_BLOCK_TAKEN,
    (State.SET_BLOCK_SENT, Step.SET_DONE): State.ASSOCIATED,
    (State.SET_BLOCK_SENT, Step.EXCEPTION): State.ASSOCIATED,
    (State.SET_BLOCK_TAKEN, Step.SET_BLOCK): State.SET_BLOCK_SENT,
    (State.SET_BLOCK_TAKEN, Step.SET_LAST_BLOCK): State.SETTING,
    (State.SETTING, Step.SET_DONE): State.ASSOCIATED,
    (State.SETTING, Step.EXCEPTION): State.ASSOCIATED,
    (State.ASSOCIATED, Step.ACTION): State.ACTING,
    (State.ASSOCIATED, Step.ACTION_FIRST_BLOCK): State.ACTION_BLOCK_SENT,
    (State.ACTION_BLOCK_SENT, Step.ACTION_BLOCK_TAKEN): State.ACTION_BLOCK_TAKEN,
    (State.ACTION_BLOCK_SENT, Step.ACTION_DONE): State.ASSOCIATED,
    (State.ACTION_BLOCK_SENT, Step.EXCEPTION): State.ASSOCIATED,
    (State.ACTION_BLOCK_TAKEN, Step.ACTION_BLOCK): State.ACTION_BLOCK_SENT,
    (State.ACTION_BLOCK_TAKEN, Step.ACTION_LAST_BLOCK): State.ACTING,
    (State.ACTING, Step.ACTION_DONE): State.ASSOCIATED,
    (State.ACTING, Step.ACTION_RETURN): State.ACTION_RETURN_SENT,
    (State.ACTING, Step.EXCEPTION): State.ASSOCIATED,
    (State.ACTION_RETURN_SENT, Step.ACTION_NEXT): State.ACTING,
    (State.ASSOCIATED, Step.ACCESS): State.ACCESSING,
    (State.ACCESSING, Step.ACCESS_DONE): State.ASSOCIATED,
    (State.ACCESSING, Step.EXCEPTION): State.ASSOCIATED,
    (State.ASSOCIATED, Step.RELEASE_REQUEST): State.RELEASING,
    (State.RELEASING, Step.RELEASE_RESPONSE): State.IDLE,
    (State.RELEASING, Step.EXCEPTION): State.IDLE,  # meters in the field answer RLRQ like this
}

# A client that gave up may ask anew; the server learns of it by the new request.
_BEFORE = (State.ASSOCIATING, State.CHALLENGED, State.PROVING, State.RELEASING)
TRANSITIONS |= {
    (state, Step.ABANDONED): State.IDLE if state in _BEFORE else State.ASSOCIATED
    for state in State
    if state not in (State.IDLE, State.ASSOCIATED)
}
TRANSITIONS |= {(state, Step.DISCONNECTED): State.IDLE for state in State}


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    arrows = (f"    {a.name} --> {b.name}: {step.value}" for (a, step), b in TRANSITIONS.items())
    return "\n".join(("stateDiagram-v2", "    [*] --> IDLE", *arrows)) + "\n"
