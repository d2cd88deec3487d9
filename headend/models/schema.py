"""What a meter model says.  Every key is known and checked; durations are in seconds."""

from __future__ import annotations

import enum
from functools import reduce
from operator import or_
from typing import Annotated, TypeVar

import msgspec

from protocols.dlms.codes import AuthenticationMechanism, Conformance, Security
from protocols.dlms.general_block import WINDOW_MAX as BLOCKS_MAX
from protocols.dlms.hls import CHALLENGE_SIZES, HLS, NAMES_TITLES
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.settings import PDU_SIZE_MIN, SUPPORTED_AUTHENTICATION
from protocols.dlms.suite import CURVES, SecuritySuite
from protocols.hdlc.settings import INFO_MAX, WINDOW_MAX

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Address16 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Baud = Annotated[int, msgspec.Meta(ge=300, le=921_600)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,63}\Z")]


class Engine(enum.StrEnum):
    """Which DLMS implementation speaks."""

    OURS = "ours"
    GURUX = "gurux"


class Framing(enum.StrEnum):
    """What carries APDUs over a line."""

    WRAPPER = "wrapper"
    HDLC = "hdlc"
    MODE_E = "mode-e"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class BufferAccess(enum.StrEnum):
    """How a part of a profile's buffer is had."""

    RANGE = "range"  # by the time of its rows
    ENTRY = "entry"  # by their places
    WHOLE = "whole"  # not at all: all of it comes


class Framings(_Table, frozen=True):
    """For each kind of line the framings to try, in this order."""

    serial: tuple[Framing, ...] = (Framing.MODE_E, Framing.HDLC)
    tcp: tuple[Framing, ...] = (Framing.WRAPPER, Framing.HDLC)
    udp: tuple[Framing, ...] = (Framing.WRAPPER,)

    def __post_init__(self) -> None:
        for kind in (self.serial, self.tcp, self.udp):
            if not kind or len(set(kind)) != len(kind):
                raise ValueError("each kind of line takes one framing or several different ones")
        if self.udp != (Framing.WRAPPER,):
            raise ValueError("datagrams carry the wrapper and nothing else")


class Association(_Table, frozen=True):
    """One way in: as which client, how proved, how protected."""

    client: Address16
    server: Address16 = 1  # logical device
    mechanism: str = "none"
    security: str = "none"
    suite: SecuritySuite = SecuritySuite.AES_GCM_128
    signed: bool = False  # each message is signed as well, suites 1 and 2
    challenge_octets: int | None = None  # 16, and with high-ecdsa 32, where nothing is said
    counter: str = ""  # logical name under which the public client reads it; "" where it cannot
    general_ciphering: bool = False
    dedicated_key: bool = False

    def __post_init__(self) -> None:
        mechanism = self.authentication
        if mechanism not in SUPPORTED_AUTHENTICATION:
            raise ValueError(f"mechanism {self.mechanism!r} is not supported")
        if self.dedicated_key and not self.protection & Security.ENCRYPTED:
            raise ValueError("a dedicated key travels only encrypted")
        if self.signs and self.suite not in CURVES:
            raise ValueError("signing needs suite 1 or 2")
        if mechanism in HLS:
            least, most = CHALLENGE_SIZES[mechanism]
            if not least <= self.challenge_size <= most:
                raise ValueError(f"challenge_octets: {self.mechanism} takes {least} to {most}")
        if self.counter:
            LogicalName(self.counter)

    @property
    def authentication(self) -> AuthenticationMechanism:
        """How the client proves itself."""
        return _member(AuthenticationMechanism, self.mechanism, "mechanism")

    @property
    def protection(self) -> Security:
        """How messages are protected."""
        return _member(Security, self.security, "security")

    @property
    def challenge_size(self) -> int:
        """Octets of our challenge; none without high level security."""
        if self.authentication not in HLS:
            return 0
        return self.challenge_octets or max(16, CHALLENGE_SIZES[self.authentication][0])

    @property
    def ciphers(self) -> bool:
        """Whether keys and invocation counters are used."""
        gmac = self.authentication is AuthenticationMechanism.HIGH_GMAC
        return gmac or self.protection is not Security.NONE

    @property
    def titled(self) -> bool:
        """Whether the system titles must be exchanged."""
        return self.ciphers or self.authentication in NAMES_TITLES

    @property
    def signs(self) -> bool:
        """Whether a key pair is used."""
        return self.signed or self.authentication is AuthenticationMechanism.HIGH_ECDSA

    @property
    def takes_password(self) -> bool:
        """Whether a password, or the secret of a hash, is used."""
        return self.authentication in _BY_PASSWORD


_BY_PASSWORD = frozenset(
    {
        AuthenticationMechanism.LOW,
        AuthenticationMechanism.HIGH_MD5,
        AuthenticationMechanism.HIGH_SHA1,
        AuthenticationMechanism.HIGH_SHA256,
    }
)


class Hdlc(_Table, frozen=True):
    """Parameters of the HDLC link (IEC 62056-46)."""

    physical: Annotated[int, msgspec.Meta(ge=0, le=0x3FFF)] | None = None
    address_octets: int = 0  # 1, 2 or 4; 0 takes the shortest that holds the address
    information_octets: Annotated[int, msgspec.Meta(ge=1, le=INFO_MAX)] = 128
    window: Annotated[int, msgspec.Meta(ge=1, le=WINDOW_MAX)] = 1
    response_timeout_s: Seconds = 5.0  # meters pause up to 4 s between frames
    retries: Annotated[int, msgspec.Meta(ge=0, le=10)] = 3
    inter_octet_timeout_s: Seconds = 1.0


class ModeE(_Table, frozen=True):
    """The sign-on of IEC 62056-21."""

    device_address: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z ]{0,32}\Z")] = ""
    baud_max: Baud = 19200
    retries: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    fallback_baud: Baud | None = 9600  # HDLC at once for a meter that does not identify itself


class Quirks(_Table, frozen=True):
    """Where a model leaves the standard, or needs patience."""

    release: bool = True  # False: a RLRQ confuses it, the link is closed without
    counter_first: bool = False  # read the counter before each association that ciphers
    protected_release: bool = True  # the RLRQ of a ciphered association carries an initiate request
    multiple_references: bool = True  # False: it promises lists and answers them wrongly
    missing_in_lists: bool = True  # False: a list that names an object it has not breaks it
    pause_s: Seconds = 0.0  # rest between an answer and the next request
    buffers: BufferAccess = BufferAccess.RANGE  # the best that its profiles know


class ObjectOfInterest(_Table, frozen=True):
    """An object that people and tasks call by a word."""

    class_id: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = msgspec.field(name="class")
    name: str  # logical name
    attribute: Annotated[int, msgspec.Meta(ge=-128, le=127)] = 2
    about: str = ""

    def __post_init__(self) -> None:
        LogicalName(self.name)

    @property
    def logical_name(self) -> LogicalName:
        """Its name as octets."""
        return LogicalName(self.name)

    @property
    def descriptor(self) -> AttributeDescriptor:
        """What to ask for its value."""
        return AttributeDescriptor(self.class_id, self.logical_name, self.attribute)


class PushLayout(_Table, frozen=True):
    """What one push setup delivers, element by element: words of the model, or "" for what is of no
    use.  The first element of the body is the setup's own logical name."""

    setup: str
    objects: tuple[str, ...]

    def __post_init__(self) -> None:
        LogicalName(self.setup)


class StatusBits(_Table, frozen=True):
    """A status or alarm register of class 1, and which event each of its bits stands for: names of
    `headend.domain.event_table`, by the bit's number, 0 for the lowest."""

    name: str  # logical name
    bits: dict[str, Word]

    def __post_init__(self) -> None:
        LogicalName(self.name)
        for number in self.bits:
            if not (number.isascii() and number.isdecimal() and int(number) < 32):
                raise ValueError(f"{number!r} is no bit of a word of 32")

    def event(self, bit: int) -> str:
        """The event of a bit, also of one that the model does not explain."""
        return self.bits.get(str(bit)) or f"{self.name}-bit-{bit}"


class Model(_Table, frozen=True):
    """One kind of meter.

    `reads_as` and `acts_as` name the associations for reading and for what changes something;
    `works_as` that of a technician's job, as a client that nobody else is, with its own keys.
    """

    about: str
    reads_as: Word
    acts_as: Word
    association: dict[str, Association]
    works_as: Word | None = None  # None: the model keeps no client for jobs
    name: str = ""  # the file's
    engine: Engine = Engine.OURS
    framings: Framings = Framings()
    pdu_octets: Annotated[int, msgspec.Meta(ge=PDU_SIZE_MIN, le=0xFFFF)] = 0xFFFF
    block_window: Annotated[int, msgspec.Meta(ge=1, le=BLOCKS_MAX)] = 1  # general blocks at once
    response_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30.0
    conformance: tuple[str, ...] = (
        "get",
        "set",
        "action",
        "selective-access",
        "multiple-references",
        "block-transfer-with-get",
        "block-transfer-with-set",
        "block-transfer-with-action",
        "event-notification",
    )
    hdlc: Hdlc = Hdlc()
    mode_e: ModeE = msgspec.field(default_factory=ModeE, name="mode-e")
    quirks: Quirks = Quirks()
    objects: dict[str, ObjectOfInterest] = {}
    push_client: Address16 | None = None  # whose keys protect pushes
    push_security: str = "authenticated"  # the least protection of a push
    push: dict[str, PushLayout] = {}
    status: dict[str, StatusBits] = {}

    def __post_init__(self) -> None:
        for role in (self.reads_as, self.acts_as, PUBLIC):
            if role not in self.association:
                known = ", ".join(sorted(self.association)) or "none"
                raise ValueError(f"there is no association {role!r}; known: {known}")
        if self.works_as is not None:
            self._check_jobs(self.works_as)
        public = self.association[PUBLIC]
        if public.ciphers or public.authentication is not AuthenticationMechanism.NONE:
            raise ValueError("the public association neither proves nor ciphers anything")
        _ = self.wanted, self.push_protection
        for layout in self.push.values():
            if unknown := {*layout.objects} - {*self.objects, ""}:
                raise ValueError(f"push: there is no object {min(unknown)!r}")

    def _check_jobs(self, role: str) -> None:
        """A job's client must be nobody else's, or two senders would share a key."""
        if role not in self.association:
            raise ValueError(f"works_as: there is no association {role!r}")
        job = self.association[role]
        same = sorted(
            name
            for name, other in self.association.items()
            if name != role and (other.client, other.server) == (job.client, job.server)
        )
        if same:
            raise ValueError(f"works_as: {role} is the same client as {', '.join(same)}")
        if not job.ciphers:
            raise ValueError(f"works_as: {role} must cipher, as jobs carry keys and no passwords")

    @property
    def push_protection(self) -> Security:
        """The least protection that a push must have."""
        return _member(Security, self.push_security, "security")

    def layout_of(self, setup: LogicalName) -> PushLayout | None:
        """What a push setup delivers, where the model says so."""
        found = (each for each in self.push.values() if LogicalName(each.setup) == setup)
        return next(found, None)

    @property
    def wanted(self) -> Conformance:
        """The services to propose."""
        wanted = (_member(Conformance, name, "conformance") for name in self.conformance)
        bits = reduce(or_, wanted, Conformance(0))
        return bits if self.quirks.multiple_references else bits & ~Conformance.MULTIPLE_REFERENCES


PUBLIC = "public"

E = TypeVar("E", AuthenticationMechanism, Security, Conformance)


def _member(of: type[E], text: str, what: str) -> E:
    """A code by the standard's name in small letters with dashes."""
    if text.upper().replace("-", "_") in of.__members__ and text == text.lower():
        return of[text.upper().replace("-", "_")]
    known = ", ".join(name.lower().replace("_", "-") for name in of.__members__)
    raise ValueError(f"{text!r} is no {what}; known: {known}")
