"""A meter's firmware, in steps between which whoever drives them may remember something.

The seven steps of the image transfer (Blue Book, class 18: block size, initiate, blocks, check of
completeness, verify, check of the information, activate) as procedures of their own: a session may
end after any of them, and the next one looks where the meter stands.  The transfer's state is the
meter's; which image it is of is not told by the class, so the driver has to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from protocols.concentrator.meter_firmware import MeterImage
from protocols.dlms.codes import ActionResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.image import IMAGE_TRANSFER, ImageStatus, read_status
from protocols.dlms.procedures.image_transfer import (
    ACTIVATE,
    BLOCK,
    INITIATE,
    VERIFY,
    Patience,
    Transfer,
    block_of,
    images_of,
    refused_method,
)
from protocols.dlms.procedures.steps import (
    Ended,
    Pause,
    Request,
    Unanswered,
    UnexpectedAnswer,
    get,
    get_alone,
    procedure,
    put,
)
from protocols.dlms.services import AttributeDescriptor, GetResult
from protocols.dlms.values import (
    Boolean,
    DoubleLongUnsigned,
    Integer,
    OctetString,
    Structure,
    VisibleString,
)

_Steps = Generator[Request | Pause, Any, Any]
NO_PATIENCE = Patience(pause_s=2.0, tries=3)
"""Of a meter that is busy for a moment.  One that works for longer is looked at in a later
session."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a meter stands: which firmware runs, and how far a transfer has come."""

    version: str
    block_octets: int
    enabled: bool
    status: ImageStatus


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending blocks: how many left and were taken, and which are missing now, as the
    meter tells."""

    sent: int
    missing: tuple[int, ...]


@procedure
def look(version_object: LogicalName) -> Generator[Request, Any, Standing]:
    """Where the meter stands.  Nothing is changed."""
    (told,) = yield from get_alone(AttributeDescriptor(1, version_object, 2))
    transfer = Transfer(IMAGE_TRANSFER, NO_PATIENCE)
    size, enabled, status = yield from get(*map(transfer.attribute, (2, 5, 6)))
    octets = shape.integer(size, "image_block_size")
    if octets < 1:
        raise shape.Misshapen(f"image_block_size {octets}")
    return Standing(
        version_text(told),
        octets,
        shape.truth(enabled, "image_transfer_enabled"),
        read_status(status),
    )


def version_text(told: GetResult) -> str:
    """A version as the meter tells it; empty where it tells none."""
    if isinstance(told, OctetString):
        return bytes(told).rstrip(b"\0").decode("ascii", "backslashreplace")
    return str(told) if isinstance(told, VisibleString) else ""


@procedure
def initiate(image: MeterImage, *, enabled: bool) -> Generator[Request | Pause, Any, bool]:
    """Step 2: from now on the meter awaits this image, and has forgotten any other."""
    transfer = Transfer(IMAGE_TRANSFER, NO_PATIENCE)
    if not enabled:
        yield from put(transfer.attribute(5), Boolean(True))
    described = Structure((OctetString(image.identifier), DoubleLongUnsigned(image.octets)))
    yield from transfer.invoke(INITIATE, described)
    return True


@procedure
def missing(blocks: int) -> Generator[Request | Pause, Any, tuple[int, ...]]:
    """Step 4: the numbers of the blocks that the meter has not."""
    found: tuple[int, ...] = yield from Transfer(IMAGE_TRANSFER, NO_PATIENCE).missing(blocks)
    return found


@procedure
def send(
    octets: bytes,
    block_octets: int,
    numbers: tuple[int, ...],
    *,
    sent: Callable[[int], None],
    go_on: Callable[[], bool],
) -> Generator[Request | Pause, Any, Sent]:
    """Steps 3 and 4: these blocks, as many as `go_on` allows; then what is missing is asked.

    `sent` hears of each block that the meter took, also where the session ends before its time.
    """
    transfer = Transfer(IMAGE_TRANSFER, NO_PATIENCE)
    count = 0
    for number in numbers:
        if not go_on():
            break
        yield from transfer.invoke(BLOCK, block_of(octets, block_octets, number))
        count += 1
        sent(number)
    found = yield from transfer.missing(-(-len(octets) // block_octets))
    return Sent(count, found)


@procedure
def begin_verification() -> Generator[Request | Pause, Any, ImageStatus]:
    """Step 5: the status right after the meter was asked to verify."""
    status: ImageStatus = yield from _begin(VERIFY)
    return status


@procedure
def begin_activation() -> Generator[Request | Pause, Any, ImageStatus]:
    """Step 7: the status right after the meter was asked to start the image.  One that falls
    silent is starting anew, or was not reached: the next session finds out which."""
    try:
        status: ImageStatus = yield from _begin(ACTIVATE)
        return status
    except UnexpectedAnswer:
        raise
    except Unanswered:
        return ImageStatus.ACTIVATION_INITIATED


def _begin(method: int) -> _Steps:
    """A method that works on: TEMPORARY_FAILURE says that it has begun, and so may OTHER_REASON
    that it has failed, which the status tells."""
    transfer = Transfer(IMAGE_TRANSFER, NO_PATIENCE)
    code = yield from transfer.act(method, Integer(0))
    status = yield from transfer.looked(restarts=method == ACTIVATE)
    failed = (ImageStatus.VERIFICATION_FAILED, ImageStatus.ACTIVATION_FAILED)
    taken = (ActionResult.SUCCESS, ActionResult.TEMPORARY_FAILURE)
    if code not in taken and status not in failed:
        raise Ended(refused_method(method, code))
    return status


@procedure
def differing(image: MeterImage) -> Generator[Request | Pause, Any, str]:
    """Step 6: how what the meter would activate differs from the image; empty where it does not.

    A meter that tells nothing of what it would activate is not believed.
    """
    (held,) = yield from get(Transfer(IMAGE_TRANSFER, NO_PATIENCE).attribute(7))
    images = images_of(held)
    if not images:
        return "the meter tells of no image to activate"
    told = []
    for found in images:
        wrong = [
            text
            for text, differs in (
                (f"{found.size} octets", found.size != image.octets),
                (
                    f"identification {found.identification!r}",
                    found.identification != image.identifier,
                ),
                ("signature", bool(image.signature) and found.signature != image.signature),
            )
            if differs
        ]
        if not wrong:
            return ""
        told.append(", ".join(wrong))
    return "the meter would activate another image: " + "; ".join(told)
