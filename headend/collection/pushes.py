"""What meters say unasked: opened, flagged, kept as it came, and its values taken as readings.

A push of a meter that is known is kept whatever is wrong with it; `quality` tells what that is:
"duplicate", "late", "plain", or why it could not be opened.  One of a stranger is only told of in
the log, so that nobody can fill the database from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import structlog

from headend.access import lines
from headend.domain.meter import Meter
from headend.domain.reading import Push, Reading
from headend.events.taking import EventIntake
from headend.models import BadModel, Model, Shelf
from headend.ports import Clock, KeysUnreadable, Store, Transaction, Vault
from protocols.concentrator.messages import MeterPushed, ObjectWanted
from protocols.dlms import tolerant
from protocols.dlms.apdu import decode, encode
from protocols.dlms.ciphered import GeneralCiphered
from protocols.dlms.codes import Security
from protocols.dlms.events import Refused
from protocols.dlms.flaws import Flaw
from protocols.dlms.general import GeneralCiphering, GeneralSigning
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import DataNotification
from protocols.dlms.objects import clock as clock_object
from protocols.dlms.objects import shape
from protocols.dlms.procedures.wanted import as_read, placed, words_of
from protocols.dlms.push import Sender, open_push
from protocols.dlms.services import GetResponse
from protocols.dlms.values import OctetString, Structure, Value, VisibleString
from protocols.errors import ProtocolError

NAMES_TRIED_MAX = 8
"""Elements of a plain push that may be its sender's name."""
YEARS = (2000, 2099)
"""What a date of a push may be of; the first two octets of other values are no such number."""
_OF_DATES = (
    Flaw.DEVIATION_IGNORED
    | Flaw.DEVIATION_SIGN
    | Flaw.DEVIATION_DOUBTFUL
    | Flaw.HUNDREDTHS_TOO_MANY
    | Flaw.NO_SUCH_DATE
)

_log = structlog.get_logger("collection")


@dataclass(frozen=True, slots=True)
class _Opened:
    meter: Meter | None
    title: str
    notification: DataNotification | None
    quality: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PushIntake:
    """Takes pushes in.  `vault` is None where no keys are kept: then only plain ones are opened.

    `zone` is where the meters hang: it tells which of two readings of a date is meant.
    """

    store: Store
    clock: Clock
    shelf: Shelf
    vault: Vault | None
    late_after_s: float
    zone: tzinfo
    events: EventIntake = EventIntake()

    async def take(self, apdu: bytes, came_from: str, caller: str | None = None) -> Meter | None:
        """Keep one push.  `caller` is the meter whose connection it came over, where that is known.
        The meter that it is of, or None for a stranger's."""
        now = self.clock.now()
        opened = await self._open(apdu, caller)
        if opened.meter is None:
            _log.warning(
                "a push of nobody known",
                came_from=came_from,
                title=opened.title,
                octets=len(apdu),
                why=", ".join(opened.quality),
            )
            return None
        digest = hashlib.sha256(apdu).hexdigest()
        sent_at, odd = None, Flaw.NONE
        if opened.notification is not None:
            sent_at, odd = _sent_at(opened.notification, zone=self.zone, now=now)
        quality = [*opened.quality, *words_of(odd)]
        if sent_at is not None and now - sent_at > timedelta(seconds=self.late_after_s):
            quality.append("late")
        meter, notification = opened.meter, opened.notification

        def work(tx: Transaction) -> None:
            again = tx.push_was_here(digest)
            flags = (*quality, "duplicate") if again else tuple(quality)
            number = tx.add_push(
                Push(
                    came_from=came_from,
                    received_at=now,
                    wire=apdu,
                    digest=digest,
                    meter=meter.name,
                    title=opened.title,
                    sent_at=sent_at,
                    plain=None if notification is None else encode(notification),
                    told="" if notification is None else repr(notification.body),
                    quality=flags,
                )
            )
            if again:
                return  # as a concentrator sends one again that it has no receipt for
            if notification is None:
                told, subject = ", ".join(quality), f"meter {meter.name}"
                tx.add_audit(lines.seen(now, "push.refused", subject, told, source=came_from))
            else:
                readings = self._readings(meter, notification, sent_at or now, now, number, flags)
                tx.add_readings(readings)
                if readings:
                    status = self.shelf.get(meter.model).status
                    self.events.pushed(tx, readings, status, now)

        await self.store.run(work)
        return meter

    async def forwarded(self, concentrator: str, word: MeterPushed) -> bool:
        """Take in what a concentrator heard of a meter; True: it need not be sent again."""
        linked = await self._named(word.meter)
        if linked is None or linked.concentrator != concentrator:
            _log.warning("a push of a meter not its own", concentrator=concentrator)
        else:
            await self.take(word.octets, f"{concentrator} {word.meter}", word.meter)
        return True

    # --- whose, and what -------------------------------------------------------------------------

    async def _open(self, octets: bytes, caller: str | None) -> _Opened:
        try:
            apdu = decode(octets)
        except ProtocolError as error:
            return _Opened(await self._named(caller), "", None, (f"malformed: {error}",))
        title = _title_of(apdu)
        if title:
            meter = await self.store.run(lambda tx: tx.meter_titled(title.hex().upper()))
            meter = meter or await self._named(caller)
        else:
            meter = await self._named(caller) or await self._sender_of_plain(apdu)
        if meter is None:
            return _Opened(None, title.hex().upper(), None, ("unknown-meter",))
        try:
            model = self.shelf.get(meter.model)
            return await self._open_of(octets, title, meter, model)
        except (BadModel, KeysUnreadable) as error:
            return _Opened(meter, title.hex().upper(), None, (str(error),))

    async def _open_of(self, octets: bytes, title: bytes, meter: Meter, model: Model) -> _Opened:
        client = model.push_client
        known = None
        if title and self.vault is not None and client is not None:
            known = await self.vault.keys(meter.name, client)
        counters = None
        if known is not None and self.vault is not None:
            counters = self.vault.counters(known.current)
        own, lowest = (None, 0) if counters is None else await counters.load()
        sender = Sender(
            keys=None if known is None else known.current.keys,
            required=model.push_protection,
            lowest=lowest,
        )
        seen = lowest
        try:
            pushed = open_push(octets, lambda _: sender)
            seen = pushed.lowest
        except Refused as refused:
            return _Opened(meter, title.hex().upper(), None, (refused.violation.value,))
        except ProtocolError as error:
            return _Opened(meter, title.hex().upper(), None, (f"malformed: {error}",))
        finally:
            if counters is not None:
                await counters.settle(own or 0, seen)
        plain = () if pushed.security & Security.AUTHENTICATED else ("plain",)
        return _Opened(meter, title.hex().upper(), pushed.notification, plain)

    async def _named(self, name: str | None) -> Meter | None:
        return None if name is None else await self.store.run(lambda tx: tx.meter(name))

    async def _sender_of_plain(self, apdu: object) -> Meter | None:
        """Of a push in the clear: the meter whose name is among its values."""
        if not isinstance(apdu, DataNotification):
            return None
        names = list(_names_in(apdu.body))[:NAMES_TRIED_MAX]

        def work(tx: Transaction) -> Meter | None:
            found = (tx.meter_called(name) for name in names)
            return next((meter for meter in found if meter is not None), None)

        return await self.store.run(work)

    def _readings(
        self,
        meter: Meter,
        notification: DataNotification,
        at: datetime,
        now: datetime,
        number: int,
        quality: tuple[str, ...],
    ) -> list[Reading]:
        body = notification.body
        if not isinstance(body, Structure) or not body or not isinstance(body[0], OctetString):
            return []
        if len(body[0]) != 6:
            return []
        model = self.shelf.get(meter.model)
        layout = model.layout_of(LogicalName(bytes(body[0])))
        if layout is None:
            return []
        found = []
        for word, value in zip(layout.objects, body, strict=False):
            if word == "":
                continue
            known = model.objects[word]
            wanted = ObjectWanted(known.class_id, str(known.logical_name), known.attribute)
            read = placed(as_read(wanted, GetResponse.of(value)), near=at, zone=self.zone)
            unscaled = ("unscaled",) if known.class_id in (3, 4) else ()  # its scaler is not pushed
            found.append(
                Reading(
                    meter=meter.name,
                    name=read.name,
                    attribute=read.attribute,
                    at=at,
                    received_at=now,
                    source=f"push {number}",
                    word=word,
                    value=read.value,
                    unit=read.unit,
                    raw=read.raw,
                    quality=(*quality, *read.quality, *unscaled),
                )
            )
        return found


def _title_of(apdu: object) -> bytes:
    match apdu:
        case GeneralCiphered():
            return apdu.system_title
        case GeneralCiphering() | GeneralSigning():
            return apdu.header.originator
    return b""


def _sent_at(
    notification: DataNotification, *, zone: tzinfo, now: datetime
) -> tuple[datetime | None, Flaw]:
    """The push's own time, of its header or of a clock among its values, and what is wrong with how
    it is written: meters spoil dates here as they do in profiles."""
    candidates: list[bytes] = [notification.date_time] if notification.date_time else []
    if isinstance(notification.body, Structure):
        candidates += [v for v in notification.body if isinstance(v, OctetString) and len(v) >= 12]
    flaws = Flaw.NONE
    for octets in candidates:
        if not (written := _date_time(octets)):
            continue
        told = tolerant.moment(written, zone=zone, near=now)
        if told.value is None:
            flaws |= told.flaws & _OF_DATES
        elif told.value.tzinfo is not None:
            odd = (flaws | told.flaws) & _OF_DATES & ~_undoubted(told.value, zone, now)
            return told.value.astimezone(UTC), odd
    return None, flaws


def _date_time(octets: bytes) -> bytes:
    """The octets of a date-time, also of one that no calendar has; none where a name is meant, or
    anything else that is as long."""
    try:
        octets = clock_object.read_time(OctetString(octets))[0].octets
    except shape.Misshapen:
        octets = octets[: clock_object.DATE_TIME_SIZE]
    return octets if YEARS[0] <= int.from_bytes(octets[:2], "big") <= YEARS[1] else b""


def _undoubted(at: datetime, zone: tzinfo, now: datetime) -> Flaw:
    """No doubt about a deviation that is the zone's own, or none where local time would lie farther
    back: the push is late."""
    offset = at.astimezone(zone).utcoffset() or timedelta()
    said = at.utcoffset()
    if said == offset:
        return Flaw.DEVIATION_DOUBTFUL
    less = timedelta() <= now - at < abs(offset) - timedelta(seconds=tolerant.NEAR_S)
    return Flaw.DEVIATION_DOUBTFUL if not said and less else Flaw.NONE


def _names_in(value: Value) -> Iterator[str]:
    """Texts of a body that may be a logical device name: printable, three letters first."""
    match value:
        case Structure():
            for element in value:
                yield from _names_in(element)
        case OctetString():
            text = bytes(value).rstrip(b"\x00").decode("latin-1")
            if text.isascii() and text.isprintable() and 4 <= len(text) <= 64:
                yield text
        case VisibleString():
            yield str.__str__(value)
