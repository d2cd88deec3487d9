"""Bring firmware to a meter, class 18 (Blue Book 4.4.6): initiate, blocks, verify, activate.

The state is the meter's: after a cut, `resume` asks which blocks are missing and sends only those.
A meter that works on something answers TEMPORARY_FAILURE; the procedure then pauses, looks at
image_transfer_status, and asks again where the meter has not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from protocols.concentrator.messages import Status
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.image import (
    IMAGE_TRANSFER,
    IMAGE_TRANSFER_CLASS,
    ImageStatus,
    ImageToActivate,
    missing_blocks,
    read_status,
)
from protocols.dlms.procedures.steps import (
    Ended,
    Outcome,
    Pause,
    Request,
    Unanswered,
    UnexpectedAnswer,
    act,
    get,
    get_each,
    present,
    procedure,
    put,
    refusal_of,
    refused_outcome,
    standard_name,
)
from protocols.dlms.services import (
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    MethodDescriptor,
)
from protocols.dlms.values import (
    Boolean,
    DoubleLongUnsigned,
    Integer,
    OctetString,
    Structure,
    Value,
)

INITIATE, BLOCK, VERIFY, ACTIVATE = 1, 2, 3, 4  # methods
ROUNDS = 3  # times that missing blocks are sent again before the transfer is given up
_TAKEN = frozenset({ActionResult.SUCCESS, ActionResult.TEMPORARY_FAILURE})
_Work = Generator[Request | Pause, Any, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a meter may work on one thing: `tries` looks, `pause_s` apart."""

    pause_s: float = 5.0
    tries: int = 60


@dataclass(frozen=True, slots=True)
class ImageTransferred:
    """How far an image has come.  `blocks_sent` are those of this run, without repetitions."""

    status: ImageStatus
    blocks: int
    blocks_sent: int
    activation_known: bool = True  # False: the meter fell silent while it activated


def _untold(done: int, total: int) -> None:
    pass


@procedure
def transfer_image(
    image: bytes,
    identifier: bytes,
    *,
    activate: bool = True,
    resume: bool = False,
    patience: Patience = Patience(),
    progress: Callable[[int, int], None] = _untold,
    name: LogicalName = IMAGE_TRANSFER,
) -> Generator[Request | Pause, Any, ImageTransferred]:
    """All steps, from enabling to activation, as far as the meter lets us.

    `resume` says that the meter holds a part of this very image: the class has no way to ask.
    Raises ValueError for an empty image.
    """
    if not image:
        raise ValueError("an image has one octet at least")
    transfer = Transfer(name, patience)
    size, status = yield from transfer.open()
    blocks = -(-len(image) // size)
    missing: tuple[int, ...] = tuple(range(blocks))
    if resume and status is ImageStatus.INITIATED:
        missing = yield from transfer.missing(blocks)
    elif not (resume and status in _TRANSFERRED):
        described = Structure((OctetString(identifier), DoubleLongUnsigned(len(image))))
        yield from transfer.invoke(INITIATE, described)
    else:
        missing = ()
    sent = len(missing)
    for _ in range(ROUNDS):
        for done, number in enumerate(missing, start=blocks - len(missing) + 1):
            yield from transfer.invoke(BLOCK, block_of(image, size, number))
            progress(done, blocks)
        if not missing:
            break
        missing = yield from transfer.missing(blocks)
    if missing:
        raise Ended(
            Outcome(
                Status.NOT_APPLIED,
                detail=f"{len(missing)} of {blocks} blocks do not arrive, first {missing[0]}",
            )
        )
    status = yield from transfer.settle(VERIFY, ImageStatus.VERIFICATION_SUCCESSFUL)
    yield from transfer.check(image, identifier)
    if not activate:
        return ImageTransferred(status, blocks, sent)
    try:
        status = yield from transfer.settle(ACTIVATE, ImageStatus.ACTIVATION_SUCCESSFUL)
    except Unanswered:  # it may be starting anew, with what it was given
        return ImageTransferred(ImageStatus.ACTIVATION_INITIATED, blocks, sent, False)
    return ImageTransferred(status, blocks, sent)


@procedure
def read_image_status(
    name: LogicalName = IMAGE_TRANSFER,
) -> Generator[Request, Any, tuple[ImageStatus, tuple[ImageToActivate, ...]]]:
    """Where a transfer stands, and what the meter holds to activate."""
    (status,) = yield from get(AttributeDescriptor(IMAGE_TRANSFER_CLASS, name, 6))
    (held,) = yield from get_each(AttributeDescriptor(IMAGE_TRANSFER_CLASS, name, 7))
    images = () if isinstance(held, DataAccessResult) else images_of(held)
    return read_status(status), images


@procedure
def verify_image(
    *, patience: Patience = Patience(), name: LogicalName = IMAGE_TRANSFER
) -> Generator[Request | Pause, Any, ImageStatus]:
    """Have the meter verify what it holds, and wait until it has."""
    transfer = Transfer(name, patience)
    status: ImageStatus = yield from transfer.settle(VERIFY, ImageStatus.VERIFICATION_SUCCESSFUL)
    return status


@procedure
def activate_image(
    *, patience: Patience = Patience(), name: LogicalName = IMAGE_TRANSFER
) -> Generator[Request | Pause, Any, ImageStatus]:
    """Have the meter start what it has verified; one that falls silent is starting anew."""
    transfer = Transfer(name, patience)
    try:
        status: ImageStatus = yield from transfer.settle(
            ACTIVATE, ImageStatus.ACTIVATION_SUCCESSFUL
        )
    except UnexpectedAnswer:
        raise
    except Unanswered:
        return ImageStatus.ACTIVATION_INITIATED
    return status


_TRANSFERRED = frozenset({ImageStatus.VERIFICATION_INITIATED, ImageStatus.VERIFICATION_SUCCESSFUL})


def block_of(image: bytes, size: int, number: int) -> Structure:
    """One block as the parameter of image_block_transfer."""
    part = OctetString(image[number * size : (number + 1) * size])
    return Structure((DoubleLongUnsigned(number), part))


def images_of(value: Value) -> tuple[ImageToActivate, ...]:
    """image_to_activate_info.  Raises `shape.Misshapen`."""
    held = shape.elements(value, "image_to_activate_info")
    return tuple(map(ImageToActivate.from_value, held))


@dataclass(frozen=True, slots=True)
class Transfer:
    """One image transfer object and how patiently it is asked."""

    name: LogicalName
    patience: Patience

    def attribute(self, index: int) -> AttributeDescriptor:
        return AttributeDescriptor(IMAGE_TRANSFER_CLASS, self.name, index)

    def open(self) -> _Work:
        """Block size and status, with the transfer enabled."""
        size, enabled, status = yield from get(*map(self.attribute, (2, 5, 6)))
        if not shape.truth(enabled, "image_transfer_enabled"):
            yield from put(self.attribute(5), Boolean(True))
        octets = shape.integer(size, "image_block_size")
        if octets < 1:
            raise shape.Misshapen(f"image_block_size {octets}")
        return octets, read_status(status)

    def status(self) -> _Work:
        (status,) = yield from get(self.attribute(6))
        return read_status(status)

    def missing(self, blocks: int) -> _Work:
        (transferred,) = yield from get(self.attribute(3))
        return missing_blocks(transferred, blocks)

    def invoke(self, method: int, parameters: Value) -> _Work:
        """A method that is done when it answers; TEMPORARY_FAILURE is asked again."""
        for attempt in range(self.patience.tries):
            if attempt:
                yield Pause(self.patience.pause_s)
            code = yield from self.act(method, parameters)
            if code is ActionResult.SUCCESS:
                return
            if code is not ActionResult.TEMPORARY_FAILURE:
                break
        raise Ended(refused_method(method, code))

    def act(self, method: int, parameters: Value) -> _Work:
        """A method's code."""
        described = MethodDescriptor(IMAGE_TRANSFER_CLASS, self.name, method)
        code = yield from act(described, parameters)
        if isinstance(code, Outcome):
            raise Ended(code)
        return code

    def settle(self, method: int, reached: ImageStatus) -> _Work:
        """Verify or activate: ask until the meter takes it, look until it is done or has failed."""
        busy, failed = _ON_THE_WAY[reached]
        code: ActionResult | None = None  # how the method ended when it was asked last
        for attempt in range(self.patience.tries):
            if attempt:
                yield Pause(self.patience.pause_s)
            status = yield from self.looked(restarts=method == ACTIVATE and code in _TAKEN)
            ended = status is reached or status is failed and code is not None
            if not ended and status is not busy and code is not ActionResult.SUCCESS:
                code = yield from self.act(method, Integer(0))
                status = yield from self.looked(restarts=method == ACTIVATE and code in _TAKEN)
            if status is reached:
                return reached
            if status is failed and code is not None:
                raise Ended(Outcome(Status.NOT_APPLIED, detail=f"image: {standard_name(status)}"))
            if code is not None and code not in _TAKEN:
                raise Ended(refused_method(method, code))
        raise Ended(Outcome(Status.UNKNOWN, detail=f"image: still {standard_name(status)}"))

    def looked(self, *, restarts: bool) -> _Work:
        """The status.  A meter that `restarts` has forgotten our association when it comes back,
        and says so by an exception-response: no word on the image, so it counts as silence."""
        if not restarts:
            return (yield from self.status())
        answer = yield GetRequest.of(self.attribute(6))
        if isinstance(answer, ExceptionResponse):
            raise Unanswered("the meter has started anew, without our association")
        refused = refused_outcome("get", answer)
        if refused is not None:
            raise Ended(refused)
        return read_status(present(self.attribute(6), answer.results[0]))

    def check(self, image: bytes, identifier: bytes) -> _Work:
        """What the meter would activate must be what was sent, where it tells."""
        (held,) = yield from get_each(self.attribute(7))
        images = () if isinstance(held, DataAccessResult) else images_of(held)
        if images and not any(
            found.size == len(image) or found.identification == identifier for found in images
        ):
            raise Ended(Outcome(Status.NOT_APPLIED, detail="the meter holds another image"))


# state to reach -> the state on the way there, and the one of failure
_ON_THE_WAY = {
    ImageStatus.VERIFICATION_SUCCESSFUL: (
        ImageStatus.VERIFICATION_INITIATED,
        ImageStatus.VERIFICATION_FAILED,
    ),
    ImageStatus.ACTIVATION_SUCCESSFUL: (
        ImageStatus.ACTIVATION_INITIATED,
        ImageStatus.ACTIVATION_FAILED,
    ),
}


def refused_method(method: int, code: ActionResult) -> Outcome:
    """How a procedure ends whose method the meter refused."""
    return Outcome(
        Status.REFUSED,
        refusal=refusal_of("action", code),
        detail=f"method {method} of the image transfer",
    )
