"""What cannot work, and why: what a peer does not support, and the faults of its version.

Everything else must work.  What is listed here is run all the same and must fail as it says, so
that a peer that learns or mends something is noticed.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from tests.matrix.asked import RELEASE, SERVICES
from tests.matrix.run import COSEM_CLIENT, GURUX, WORKS, Cell, Client
from tests.matrix.servers import (
    AUTHS,
    OURS_HDLC,
    OURS_MODE_E,
    PYDLMS_HDLC,
    PYDLMS_WRAPPER,
    SERVERS,
    Server,
)


class Kind(enum.Enum):
    """Why a cell fails."""

    UNSUPPORTED = "not supported"
    FAULT = "a fault"


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Cells that fail in one way.  `says` is a regular expression for what is told then."""

    kind: Kind
    why: str
    says: str
    clients: tuple[Client, ...]
    servers: tuple[Server, ...] = SERVERS
    auths: tuple[str, ...] = tuple(AUTHS)
    services: tuple[str, ...] = tuple(SERVICES)

    def covers(self, cell: Cell) -> bool:
        return (
            cell.client in self.clients
            and cell.server in self.servers
            and cell.auth in self.auths
            and cell.service in self.services
        )

    def failed_so(self, found: str) -> bool:
        """Whether a cell failed as this tells."""
        return found != WORKS and re.search(self.says, found) is not None


COSEM = (COSEM_CLIENT,)

KNOWN = (
    Known(
        Kind.UNSUPPORTED,
        "The gurux-dlms engine is used for security suite 0 alone; it is refused before anything is"
        " sent.",
        "security suite 0 and service-specific ciphering only",
        (GURUX,),
        auths=("ecdsa",),
    ),
    Known(
        Kind.UNSUPPORTED,
        "dlms-cosem 21.3.2 has no sign-on of IEC 62056-21.",
        "no sign-on",
        COSEM,
        servers=(OURS_MODE_E,),
    ),
    Known(
        Kind.UNSUPPORTED,
        "Of high level security dlms-cosem 21.3.2 knows GMAC alone.",
        "AUTHENTICATION_FAILED|SERVICE_NOT_ALLOWED",
        COSEM,
        auths=("ecdsa",),
    ),
    Known(
        Kind.FAULT,
        "dlms-cosem 21.3.2 takes a meter's first invocation counter only if it is above 0; the one"
        " of a key that is new is 0.",
        "invocation counter is not larger",
        COSEM,
        servers=(PYDLMS_WRAPPER, PYDLMS_HDLC),
        auths=("gmac",),
    ),
    Known(
        Kind.UNSUPPORTED,
        "dlms-cosem 21.3.2 has an entry descriptor that it cannot encode.",
        "NotImplementedError",
        COSEM,
        services=("entries",),
    ),
    Known(
        Kind.FAULT,
        "dlms-cosem 21.3.2 looks for a header check sequence in a UA without information field, as"
        " DISC is answered, and waits for another for ever. The association was released before.",
        "waits for ever",
        COSEM,
        servers=(OURS_HDLC, PYDLMS_HDLC),
        services=(RELEASE,),
    ),
)

NOTES = """
dlms-cosem 21.3.2 takes no UA without an information field, so our meter tells its parameters to a
bare SNRM as well.

dlms-cosem 21.3.2 proposes general block transfer and ACCESS and understands neither, so our meter
answers a request that came whole in the blocks of its service, where both are agreed on.

dlms-cosem 21.3.2 has HDLC for serial ports alone; here its port is a socket. Where a frame's FCS
ends in 7E, one frame of 256, it takes the flag after it for an opening one and waits for the next
for ever; here its port hands it whole frames.

The meter of pydlms-client 0.1.0 connects by no method, so ACTION is a disconnection alone there; at
ours it is a disconnection and a connection.

gurux-dlms verifies neither tag nor counter, so its engine runs behind our own check
([decision 2](decisions/0002-two-dlms-engines.md)); what it sends and reads is its own.
""".strip().split("\n\n")


def known_of(cell: Cell) -> Known | None:
    """Why a cell is known to fail; None for one that must work."""
    return next((known for known in KNOWN if known.covers(cell)), None)
