"""A request about orders, whatever carried it: one typed value between XML and the head-end.

Reads the generic and the typed style, EndDeviceControls and MeterConfig.  Every element that would
change whom or what the order addresses and that we do not act upon is refused.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from protocols.cim import end_device_controls, horizon, load_control, meter_config, xml
from protocols.cim import namespaces as ns
from protocols.cim.amount import Amount
from protocols.cim.carriers import agreed, of_attributes, of_options, of_rcd_info
from protocols.cim.control_types import CODE_OF, STANDARD, ControlKind, Vocabulary
from protocols.cim.end_device_controls import (
    POWER_LIMIT,
    POWER_LIMIT_UNIT,
    EndDeviceControl,
    MeterRef,
    Timing,
)
from protocols.cim.envelope import Header, Kind, Message, Property
from protocols.cim.errors import Identifier, ReplyError, RequestRefused
from protocols.cim.load_control import LoadAsked

METERS_MAX: Final = 10_000  # of one message
ID_LENGTH_MAX: Final = 255  # of MessageID, CorrelationID, Source and meter names

# Request/Option: the permission to act on a day that is no working day.
OPTION_NON_WORKING_DAY: Final = "diaNoLaborable"
PERMITTED: Final = "permitido"
# Request/Option: a connection is done once a hand at the meter has brought the supply back.
OPTION_UNTIL_PRESSED: Final = "esperaPulsador"
REQUIRED: Final = "requerido"


class Verb(enum.StrEnum):
    """What is asked: to begin controls, to change them, or to give them up."""

    CREATE = "create"
    CHANGE = "change"
    CANCEL = "cancel"
    CLOSE = "close"
    DELETE = "delete"


# MeterConfig registers meters as well, which is no order: only `change` carries a limit.
_VERBS: Final = {
    ns.CONTROLS: frozenset(Verb),
    ns.METER_CONFIG: frozenset({Verb.CHANGE}),
}
_WITH_CONTROLS: Final = frozenset({Verb.CREATE, Verb.CHANGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One thing asked of one or more meters.

    `type` is the control type's canonical code.  `amount` is there for SET_LIMIT and only there.
    `start` and `end` bound the limit in time; both in UTC, within `horizon`.
    """

    kind: ControlKind
    type: str
    meters: tuple[MeterRef, ...]
    amount: Amount | None = None
    start: datetime | None = None
    end: datetime | None = None
    emergency: bool = False
    mrid: str | None = None
    issuer_id: str | None = None
    issuer_tracking_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """A request as the head-end takes it.

    `typed` is the noun of a strongly typed message, None for a generic one; the answer keeps the
    style.  `start_time` and `end_time` (UTC, within `horizon`) are the window in which the request
    may be carried out.  `targets` name what is cancelled, closed, deleted or changed; without any
    it is the request that had the same `correlation_id`.  `meters` narrow a giving up to these;
    empty, it is for all.
    """

    verb: Verb
    noun: str
    typed: str | None
    source: str | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    timestamp: datetime | None = None
    nonce: str | None = None
    context: str | None = None
    async_reply: bool = False
    reply_address: str | None = None
    ack_required: bool | None = None
    user: str | None = None
    organization: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    options: tuple[Property, ...] = ()
    targets: tuple[Identifier, ...] = ()
    controls: tuple[Control, ...] = ()
    meters: tuple[MeterRef, ...] = ()

    def option(self, name: str) -> str | None:
        """The value of the first Request/Option of that name, without regard to case."""
        return next(iter(_options(self.options, name)), None)

    @property
    def non_working_day_permitted(self) -> bool:
        """Whether the client permits acting on a day that is no working day.  Of several options
        each must say so."""
        said = _options(self.options, OPTION_NON_WORKING_DAY)
        return bool(said) and all(text.strip().lower() == PERMITTED for text in said)

    @property
    def until_pressed(self) -> bool:
        """Whether an armed supply is not yet what the client wants."""
        said = _options(self.options, OPTION_UNTIL_PRESSED)
        return bool(said) and all(text.strip().lower() == REQUIRED for text in said)


def read(message: Message, vocabulary: Vocabulary = STANDARD, *, now: datetime) -> ControlRequest:
    """The request that a message of kind REQUEST carries.  The message has passed the schema.

    Raises `RequestRefused` with every error found among its controls.
    """
    if message.kind is not Kind.REQUEST or message.header is None:
        raise RequestRefused(_error("2.9", f"MENSAJE_NO_ES_PEDIDO: {message.root_name()}"))
    header = message.header
    verb = _verb(message, header)
    for name, text in (
        ("MessageID", header.message_id),
        ("CorrelationID", header.correlation_id),
        ("Source", header.source),
    ):
        if text is not None and len(text) > ID_LENGTH_MAX:
            raise RequestRefused(_error("1.8", f"CAMPO_DEMASIADO_LARGO: {name}", xpath=name))
    request = message.request
    options = () if request is None else request.options
    payload_ids = () if message.payload is None else message.payload.ids
    start, end = _window(
        None if request is None else request.start_time,
        None if request is None else request.end_time,
        now,
        ("StartTime", "EndTime"),
    )
    return ControlRequest(
        verb=verb,
        noun=header.noun,
        typed=message.typed,
        source=header.source,
        message_id=header.message_id,
        correlation_id=header.correlation_id,
        timestamp=header.timestamp,
        nonce=None if header.replay_detection is None else header.replay_detection.nonce,
        context=header.context,
        async_reply=bool(header.async_reply),
        reply_address=header.reply_address,
        ack_required=header.ack_required,
        user=None if header.user is None else header.user.user_id,
        organization=None if header.user is None else header.user.organization,
        start_time=start,
        end_time=end,
        options=options,
        targets=(() if request is None else request.ids) + payload_ids,
        controls=_controls(message, options, vocabulary, now) if verb in _WITH_CONTROLS else (),
        meters=() if verb in _WITH_CONTROLS else _narrowed(message),
    )


def _verb(message: Message, header: Header) -> Verb:
    """The verb, after checking noun and verb against each other and the message's name."""
    noun = header.noun
    if noun not in _VERBS or (message.typed is not None and message.typed != noun):
        raise RequestRefused(
            _error("2.5", f"SUSTANTIVO_NO_ADMITIDO: {xml.clean(noun, 60)!r}", xpath="Noun")
        )
    named = f"{header.verb.capitalize()}{noun}"
    if header.verb not in _VERBS[noun] or (
        message.typed is not None and message.root_name() != named
    ):
        raise RequestRefused(
            _error("2.9", f"VERBO_NO_ADMITIDO: {header.verb!r} para {noun}", xpath="Verb")
        )
    return Verb(header.verb)


def _controls(
    message: Message, options: tuple[Property, ...], vocabulary: Vocabulary, now: datetime
) -> tuple[Control, ...]:
    content = _content(message)
    if not content:
        raise RequestRefused(_error("1.7", "CONTENIDO_FALTA: falta Payload", xpath="Payload"))
    assert message.header is not None
    noun = message.header.noun
    general = of_options(options)
    controls: list[Control] = []
    errors: list[ReplyError] = []
    if noun == ns.CONTROLS:
        for element in content:
            for item in end_device_controls.read(element):
                try:
                    controls.append(_control(item, general, vocabulary, now))
                except RequestRefused as refused:
                    errors += refused.errors
    else:
        for element in content:
            for limit in meter_config.read(element):
                try:
                    controls.append(_limit_control(limit, general))
                except RequestRefused as refused:
                    errors += refused.errors
    if not errors:
        errors = _whole_request_errors(controls, general)
    if errors:
        raise RequestRefused(*errors)
    return tuple(controls)


def _content(message: Message) -> tuple[xml.Element, ...]:
    """The payload's elements, all of the noun that the header names."""
    payload = message.payload
    if payload is None:
        return ()
    if payload.unread:
        raise RequestRefused(
            _error("1.8", f"CONTENIDO_NO_ADMITIDO: {', '.join(payload.unread)}", xpath="Payload")
        )
    assert message.header is not None
    noun = message.header.noun
    for element in payload.content:
        if element.tag != f"{{{ns.profile(noun)}}}{noun}":
            raise RequestRefused(
                _error("2.5", f"CONTENIDO_DISTINTO: {xml.local(element)} en {noun}", xpath=noun)
            )
    return payload.content


def _narrowed(message: Message) -> tuple[MeterRef, ...]:
    """The meters for which orders are given up; none for all that the request names otherwise.

    A control that names no meter would have to be found by its mRID, type or amount, which are not
    kept as names: it is refused, not taken for all.
    """
    items = [item for element in _content(message) for item in end_device_controls.read(element)]
    for item in items:
        if item.unread:
            raise RequestRefused(
                _error("1.8", f"CONTENIDO_NO_ADMITIDO: {', '.join(item.unread)}", item.unread[0])
            )
    meters = tuple(dict.fromkeys(ref for item in items for ref in _meters(item.meters())))
    if len(meters) > METERS_MAX:
        raise RequestRefused(
            _error("3.1", f"DEMASIADOS_MEDIDORES: se admiten {METERS_MAX} por mensaje")
        )
    return meters


def _whole_request_errors(controls: list[Control], general: Amount | None) -> list[ReplyError]:
    if not controls:
        return [_error("5.8", "CONTROL_FALTA: el mensaje no trae ningún control")]
    if sum(len(control.meters) for control in controls) > METERS_MAX:
        return [_error("3.1", f"DEMASIADOS_MEDIDORES: se admiten {METERS_MAX} por mensaje")]
    if general is not None and not any(c.amount for c in controls):
        return [_error("1.8", "MONTO_INESPERADO: Option powerLimit sin control que fije un límite")]
    return []


def _control(
    item: EndDeviceControl, general: Amount | None, vocabulary: Vocabulary, now: datetime
) -> Control:
    known = vocabulary.control(item.type)
    if not item.type:
        raise RequestRefused(
            _error("5.8", "TIPO_FALTA: falta EndDeviceControlType", xpath="EndDeviceControlType")
        )
    shown = xml.clean(item.type, 60)
    if known is None:
        raise RequestRefused(
            _error("1.8", f"TIPO_DESCONOCIDO: {shown!r}", xpath="EndDeviceControlType")
        )
    if known.why:
        raise RequestRefused(_error("5.2", known.why, xpath="EndDeviceControlType"))
    if item.load is not None and not known.load:
        raise RequestRefused(
            _error("1.8", f"CARGA_INESPERADA: {shown} no controla carga", xpath=load_control.PAN)
        )
    kind = load_control.switching(known, item.load) if known.load else known.kind
    if kind is None:
        raise RequestRefused(
            _error("1.8", f"TIPO_NO_ADMITIDO: {shown} ({known.name})", xpath="EndDeviceControlType")
        )
    if item.unread:
        raise RequestRefused(
            _error("1.8", f"CONTENIDO_NO_ADMITIDO: {', '.join(item.unread)}", xpath=item.unread[0])
        )
    asked: Amount | None = None
    if kind is ControlKind.SET_LIMIT:
        asked = agreed(of_attributes(item.attributes), general)
    elif item.attribute(POWER_LIMIT) is not None or item.attribute(POWER_LIMIT_UNIT) is not None:
        raise RequestRefused(
            _error("1.8", f"MONTO_INESPERADO: {shown} no lleva monto", xpath=POWER_LIMIT)
        )
    start, end = _load_timing(item, now) if known.load else _timing(item.timing, now)
    return Control(
        kind=kind,
        type=known.code,
        meters=_meters(item.meters()),
        amount=asked,
        start=start,
        end=end,
        emergency=known.emergency,
        mrid=item.mrid,
        issuer_id=item.issuer_id,
        issuer_tracking_id=item.issuer_tracking_id,
        reason=item.reason,
    )


def _limit_control(limit: meter_config.LimitConfig, general: Amount | None) -> Control:
    kind = ControlKind.REMOVE_LIMIT if limit.check is False else ControlKind.SET_LIMIT
    asked: Amount | None = None
    if kind is ControlKind.SET_LIMIT:
        asked = agreed(of_rcd_info(limit.power_limit), general)
    elif limit.power_limit is not None:
        raise RequestRefused(
            _error(
                "1.8",
                "MONTO_EN_CONFLICTO: needsPowerLimitCheck=false junto con powerLimit",
                xpath=POWER_LIMIT,
            )
        )
    meters = tuple(ref for device in limit.meters for ref in device.meters())
    return Control(
        kind=kind,
        type=CODE_OF[kind],
        meters=_meters(tuple(dict.fromkeys(meters))),
        amount=asked,
        mrid=limit.mrid,
    )


def _meters(meters: tuple[MeterRef, ...]) -> tuple[MeterRef, ...]:
    if not meters:
        raise RequestRefused(
            _error("5.8", "MEDIDOR_FALTA: el control no nombra ningún medidor", xpath="EndDevices")
        )
    for meter in meters:
        if len(meter.value) > ID_LENGTH_MAX:
            raise RequestRefused(
                _error("1.8", "CAMPO_DEMASIADO_LARGO: nombre del medidor", xpath="Names")
            )
    return meters


def _load_timing(item: EndDeviceControl, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Of the control or of its PanDemandResponse; of both, if they agree.  A duration without a
    start counts from now: a load is switched at once, and nobody plans by the minute."""
    found = [
        _timing(_from(timing, now), now)
        for timing in (item.timing, _of_pan(item.load))
        if timing is not None
    ]
    if len(set(found)) > 1:
        details = f"PLAZO_EN_CONFLICTO: primaryDeviceTiming y {load_control.PAN} no coinciden"
        raise RequestRefused(_error("1.8", details, xpath=load_control.PAN))
    return found[0] if found else (None, None)


def _of_pan(load: LoadAsked | None) -> Timing | None:
    if load is None or (load.start, load.duration_min, load.indefinite) == (None, None, None):
        return None
    start = xml.date_time(load.start)
    return Timing(start, None, load.duration_min, load.indefinite)


def _from(timing: Timing, now: datetime) -> Timing:
    bare = timing.start is None and timing.end is None and timing.duration_min is not None
    return replace(timing, start=now) if bare else timing


def _timing(timing: Timing | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    if timing is None:
        return None, None
    start, end = _window(timing.start, timing.end, now, ("interval", "interval"))
    if timing.duration_min is None:
        if timing.indefinite and end is not None:
            raise RequestRefused(
                _error("1.8", "PLAZO_EN_CONFLICTO: durationIndefinite con fin", xpath="interval")
            )
        return start, end
    try:
        duration = timedelta(minutes=float(Decimal(timing.duration_min)))
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise RequestRefused(
            _error("1.8", "DURACION_INVALIDA: se espera un número de minutos", xpath="duration")
        ) from error
    if timing.indefinite or duration <= timedelta(0) or start is None:
        raise RequestRefused(
            _error(
                "1.8",
                "DURACION_INVALIDA: la duración necesita un inicio y ser mayor que cero",
                xpath="duration",
            )
        )
    try:
        until = horizon.within(start + duration, now, "duration")
    except OverflowError as error:
        raise RequestRefused(
            _error("1.8", "DURACION_INVALIDA: demasiado larga", xpath="duration")
        ) from error
    if end is not None and end != until:
        raise RequestRefused(
            _error("1.8", "PLAZO_EN_CONFLICTO: fin y duración no coinciden", xpath="duration")
        )
    return start, until


def _window(
    start: datetime | None, end: datetime | None, now: datetime, xpaths: tuple[str, str]
) -> tuple[datetime | None, datetime | None]:
    """Both ends within the horizon and in order, or an error: an hour of doubt is too much for a
    supply."""
    start, end = (
        horizon.within(value, now, xpath) for value, xpath in zip((start, end), xpaths, strict=True)
    )
    if start is not None and end is not None and end <= start:
        raise RequestRefused(
            _error("1.8", "PLAZO_INVALIDO: el fin no es posterior al inicio", xpath=xpaths[0])
        )
    return start, end


def _options(options: tuple[Property, ...], name: str) -> tuple[str, ...]:
    wanted = name.lower()
    return tuple(option.value or "" for option in options if option.name.lower() == wanted)


def _error(code: str, details: str, xpath: str | None = None) -> ReplyError:
    return ReplyError(code, details, xpath=xpath)
