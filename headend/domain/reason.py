"""Why an order ended as it did: one table for people, for the commercial system and for retries.

`cim` is the Reply.Error code of IEC 61968-9 Annex B (facts/cim.md, "Our mapping").  `key` opens the
Spanish `details` of a reply and never changes, so that a legacy system may match on it.  `retry`
says whether another attempt by the head-end can help; `crew` whether the reply recommends field
work (seed 004: "se pueda programar el trabajo de campo").
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ReasonCode(enum.StrEnum):
    """The machine's name of a reason; stored, replied and asserted by scenarios."""

    # before anything is sent
    UNKNOWN_METER = "unknown-meter"
    NOT_COMMISSIONED = "not-commissioned"
    NOT_LINKED = "not-linked"
    METER_BLOCKED = "meter-blocked"
    METER_REMOVED = "meter-removed"
    KEYS_OF_CONCENTRATOR = "keys-of-concentrator"
    LIMIT_OUT_OF_RANGE = "limit-out-of-range"
    IMAGE_UNKNOWN = "image-unknown"
    IMAGE_OF_OTHER_MODEL = "image-of-other-model"
    OUTSIDE_WORKING_DAYS = "outside-working-days"
    MODE_CONNECTS_AT_ONCE = "mode-connects-at-once"
    METER_NOT_EQUIPPED = "meter-not-equipped"
    NOT_PRESSED = "not-pressed"
    CONCENTRATOR_CLOCK_DOUBTFUL = "concentrator-clock-doubtful"
    OVERLOADED = "overloaded"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    APPROVAL_REFUSED = "approval-refused"
    NOT_APPROVED = "not-approved"
    EXPIRED = "expired"
    # in the head-end itself
    INTERNAL_ERROR = "internal-error"
    INTERNAL_ERROR_UNKNOWN = "internal-error-effect-not-known"
    # between head-end and concentrator
    CONCENTRATOR_UNREACHABLE = "concentrator-unreachable"
    CONCENTRATOR_UNREACHABLE_UNKNOWN = "concentrator-unreachable-cause-unknown"
    MODEM_FAULT = "modem-fault"
    SIM_FAULT = "sim-fault"
    APN_REFUSED = "apn-refused"
    CONCENTRATOR_RESTARTED = "concentrator-restarted"
    CONCENTRATOR_BUSY = "concentrator-busy"
    # between head-end and a meter that it reaches by itself
    LINE_UNAVAILABLE = "line-unavailable"
    LINE_LOST = "line-lost"
    METER_NOT_CONNECTED = "meter-not-connected"
    METER_NOT_UNDERSTOOD = "meter-not-understood"
    KEY_NOT_KNOWN = "key-not-known"
    METER_BUSY = "meter-busy"
    # between concentrator and meter
    NOT_IN_TABLE = "not-in-concentrator-table"
    METER_UNREACHABLE = "meter-unreachable"
    METER_DOES_NOT_ANSWER = "meter-does-not-answer"
    PACKET_LOSS = "packet-loss"
    NO_ANSWER_UNKNOWN = "no-answer-cause-unknown"
    # at the meter
    WRONG_KEY_OR_COUNTER = "wrong-key-or-counter"
    LIMIT_NOT_REPRESENTABLE = "limit-not-representable"
    EMERGENCY_ACTIVE = "emergency-profile-active"
    NOT_APPLIED = "not-applied"
    EFFECT_NOT_SEEN = "effect-not-seen"
    EFFECT_NOT_KNOWN = "effect-not-known"
    IMAGE_DAMAGED = "image-damaged"
    IMAGE_REJECTED = "image-rejected"
    IMAGE_FOREIGN = "image-foreign"
    FIRMWARE_UNCHANGED = "firmware-unchanged"
    REFUSED_ASSOCIATION = "refused-association"
    REFUSED_HARDWARE_FAULT = "refused-hardware-fault"
    REFUSED_TEMPORARY_FAILURE = "refused-temporary-failure"
    REFUSED_READ_WRITE_DENIED = "refused-read-write-denied"
    REFUSED_OBJECT_UNDEFINED = "refused-object-undefined"
    REFUSED_CLASS_INCONSISTENT = "refused-object-class-inconsistent"
    REFUSED_OBJECT_UNAVAILABLE = "refused-object-unavailable"
    REFUSED_TYPE_UNMATCHED = "refused-type-unmatched"
    REFUSED_SCOPE_VIOLATED = "refused-scope-of-access-violated"
    REFUSED_BLOCK_UNAVAILABLE = "refused-data-block-unavailable"
    REFUSED_LONG_GET_ABORTED = "refused-long-get-aborted"
    REFUSED_NO_LONG_GET = "refused-no-long-get-in-progress"
    REFUSED_LONG_SET_ABORTED = "refused-long-set-aborted"
    REFUSED_NO_LONG_SET = "refused-no-long-set-in-progress"
    REFUSED_BLOCK_NUMBER = "refused-data-block-number-invalid"
    REFUSED_OTHER = "refused-other-reason"


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of the table; see the module."""

    code: ReasonCode
    cim: str
    text: str
    key: str
    spanish: str
    retry: bool
    crew: bool

    @property
    def details(self) -> str:
        """The Spanish sentence behind its stable key, as it stands in Reply/Error/details."""
        return f"{self.key}: {self.spanish}."


_C = ReasonCode
_NEITHER, _RETRY, _CREW, _BOTH = (
    (False, False),
    (True, False),
    (False, True),
    (True, True),
)

# fmt: off
_TABLE = (
    (_C.UNKNOWN_METER, "2.4", "no such meter",
     "MEDIDOR_DESCONOCIDO", "el medidor no está registrado", _NEITHER),
    (_C.NOT_COMMISSIONED, "5.2", "the meter is not commissioned",
     "MEDIDOR_NO_COMISIONADO", "el medidor no está comisionado", _NEITHER),
    (_C.NOT_LINKED, "5.2", "the meter is not linked to a concentrator",
     "MEDIDOR_NO_VINCULADO", "el medidor no está vinculado a un concentrador", _NEITHER),
    (_C.METER_BLOCKED, "5.2", "the meter is blocked for orders",
     "MEDIDOR_BLOQUEADO", "el medidor está bloqueado para órdenes", _NEITHER),
    (_C.METER_REMOVED, "5.2", "the meter was taken away from its service point",
     "MEDIDOR_RETIRADO", "el medidor fue retirado de su punto de suministro", _NEITHER),
    (_C.KEYS_OF_CONCENTRATOR, "5.2",
     "keys that the meter shares with its concentrator cannot be changed: one is lacking here",
     "CLAVES_DEL_CONCENTRADOR",
     "falta aquí una clave para cambiar las que el medidor comparte con su concentrador", _NEITHER),
    (_C.LIMIT_OUT_OF_RANGE, "5.8", "the limit is outside the meter's contract",
     "LIMITE_FUERA_DE_RANGO", "el límite excede la potencia contratada", _NEITHER),
    (_C.IMAGE_UNKNOWN, "5.2", "no such image is on the shelf",
     "IMAGEN_DESCONOCIDA", "la imagen de firmware no está registrada", _NEITHER),
    (_C.IMAGE_OF_OTHER_MODEL, "5.2", "the image was made for another model of meter",
     "IMAGEN_DE_OTRO_MODELO", "la imagen de firmware es de otro modelo de medidor", _NEITHER),
    (_C.OUTSIDE_WORKING_DAYS, "5.2", "not a working day, and the order carries no permission",
     "DIA_NO_LABORABLE", "no es día laborable y la orden no trae permiso", _NEITHER),
    (_C.MODE_CONNECTS_AT_ONCE, "5.2",
     "the meter's control mode leaves nothing to a hand: it would connect at once, or never",
     "MODO_NO_PERMITE_ARMAR",
     "el modo de control del medidor no espera al pulsador del cliente", _NEITHER),
    (_C.METER_NOT_EQUIPPED, "5.2",
     "the meter has no load relay, or counts no billing periods: nothing was sent to it",
     "MEDIDOR_SIN_EQUIPO",
     "el medidor no tiene relé de carga o no cuenta períodos de facturación; nada se le envió",
     _NEITHER),
    (_C.NOT_PRESSED, "4.1",
     "the supply is armed, and nobody pressed the meter's button before the order's time ran out",
     "PULSADOR_NO_ACCIONADO",
     "el suministro quedó armado y nadie accionó el pulsador dentro del plazo", _NEITHER),
    (_C.CONCENTRATOR_CLOCK_DOUBTFUL, "5.2",
     "the concentrator's clock is not known to be right, so no meter is set by it",
     "RELOJ_DEL_CONCENTRADOR_DUDOSO",
     "no consta que el reloj del concentrador esté en hora", _RETRY),
    (_C.OVERLOADED, "3.2", "too many orders are waiting",
     "COLA_LLENA", "hay demasiadas órdenes en espera", _NEITHER),
    (_C.CANCELLED, "6.5", "cancelled by the commercial system",
     "ORDEN_CANCELADA", "la orden fue cancelada por el sistema comercial", _NEITHER),
    (_C.SUPERSEDED, "6.1", "superseded by a later order for the same meter",
     "ORDEN_REEMPLAZADA", "una orden posterior para el mismo medidor la reemplaza", _NEITHER),
    (_C.APPROVAL_REFUSED, "6.1",
     "a second person refused to approve so many disconnections, or limits as good as one",
     "DESCONEXION_RECHAZADA",
     "una segunda persona rechazó aprobar tantas desconexiones o límites que equivalen a una",
     _NEITHER),
    (_C.NOT_APPROVED, "6.2",
     "no second person approved so many disconnections, or limits as good as one, in time",
     "DESCONEXION_SIN_APROBACION",
     "ninguna segunda persona aprobó a tiempo tantas desconexiones o límites equivalentes",
     _NEITHER),
    (_C.EXPIRED, "4.1", "the order's time ran out before it could be carried out",
     "ORDEN_VENCIDA", "venció el plazo de la orden antes de poder ejecutarla", _NEITHER),
    (_C.INTERNAL_ERROR, "5.2",
     "an error of the head-end itself; nothing was sent to the meter, the order may come again",
     "ORDEN_INTERRUMPIDA",
     "error del propio sistema; no se envió nada al medidor y la orden puede repetirse", _NEITHER),
    (_C.INTERNAL_ERROR_UNKNOWN, "5.3",
     "an error of the head-end itself after a command was sent; its effect is not known",
     "ORDEN_INTERRUMPIDA_EFECTO_DESCONOCIDO",
     "error del propio sistema tras enviar un comando; no se conoce su efecto", _CREW),
    (_C.CONCENTRATOR_UNREACHABLE, "5.3", "concentrator unreachable",
     "CONCENTRADOR_INALCANZABLE", "el concentrador perdió la conexión", _BOTH),
    (_C.CONCENTRATOR_UNREACHABLE_UNKNOWN, "5.3", "concentrator unreachable, cause unknown",
     "CONCENTRADOR_INALCANZABLE_CAUSA_DESCONOCIDA",
     "el concentrador no responde; causa desconocida", _BOTH),
    (_C.MODEM_FAULT, "5.3", "the concentrator's modem is faulty",
     "FALLA_MODEM", "falla del módem del concentrador", _BOTH),
    (_C.SIM_FAULT, "5.3", "the concentrator's SIM is faulty",
     "FALLA_SIM", "falla de la SIM del concentrador", _BOTH),
    (_C.APN_REFUSED, "5.3", "the network refused the concentrator's APN",
     "APN_RECHAZADO", "la red rechazó el APN del concentrador", _RETRY),
    (_C.CONCENTRATOR_RESTARTED, "5.3", "the concentrator restarted while it worked on the order",
     "CONCENTRADOR_REINICIADO", "el concentrador se reinició durante la orden", _RETRY),
    (_C.CONCENTRATOR_BUSY, "5.1", "the concentrator stayed busy",
     "CONCENTRADOR_OCUPADO", "el concentrador siguió ocupado", _RETRY),
    (_C.LINE_UNAVAILABLE, "5.3", "the connection to the meter cannot be opened",
     "CONEXION_NO_DISPONIBLE", "no se pudo abrir la conexión con el medidor", _BOTH),
    (_C.LINE_LOST, "5.3", "the connection to the meter broke",
     "CONEXION_PERDIDA", "se perdió la conexión con el medidor", _BOTH),
    (_C.METER_NOT_CONNECTED, "5.3", "the meter calls by itself, and has no connection at present",
     "MEDIDOR_NO_CONECTADO", "el medidor se conecta por sí mismo y ahora no lo está", _BOTH),
    (_C.METER_NOT_UNDERSTOOD, "5.3", "the meter answers with something that is no DLMS",
     "MEDIDOR_NO_ENTENDIDO", "el medidor responde algo que no es DLMS", _CREW),
    (_C.KEY_NOT_KNOWN, "5.2", "no key or password of the meter is known here",
     "CLAVE_NO_REGISTRADA", "no hay clave registrada para el medidor", _NEITHER),
    (_C.METER_BUSY, "5.1", "another conversation with the meter is under way",
     "MEDIDOR_OCUPADO", "hay otra conversación en curso con el medidor", _RETRY),
    (_C.NOT_IN_TABLE, "5.3", "the meter is not in the concentrator's table",
     "MEDIDOR_FUERA_DE_TABLA", "el medidor no está en la tabla interna del concentrador", _NEITHER),
    (_C.METER_UNREACHABLE, "5.3", "the meter is unreachable for its concentrator",
     "MEDIDOR_INALCANZABLE", "el concentrador no alcanza al medidor", _BOTH),
    (_C.METER_DOES_NOT_ANSWER, "5.3",
     "the meter's module is reached, but the meter does not answer",
     "MEDIDOR_NO_RESPONDE", "el módulo del medidor responde, pero el medidor no", _BOTH),
    (_C.PACKET_LOSS, "5.3", "too many frames were lost on the way to the meter",
     "PERDIDA_DE_PAQUETES", "se perdieron demasiados paquetes hacia el medidor", _RETRY),
    (_C.NO_ANSWER_UNKNOWN, "5.3", "no answer from the meter, cause unknown",
     "SIN_RESPUESTA_CAUSA_DESCONOCIDA",
     "no hubo respuesta del medidor; causa desconocida", _BOTH),
    (_C.WRONG_KEY_OR_COUNTER, "5.3", "the meter rejected the key or the invocation counter",
     "CLAVE_O_CONTADOR_RECHAZADO",
     "el medidor rechazó la clave o el contador de invocación", _NEITHER),
    (_C.LIMIT_NOT_REPRESENTABLE, "5.8", "the meter's register cannot hold this amount exactly",
     "LIMITE_NO_REPRESENTABLE", "el registro del medidor no admite ese monto exacto", _NEITHER),
    (_C.EMERGENCY_ACTIVE, "5.3",
     "the limit is written, but an emergency profile is active in the meter",
     "PERFIL_DE_EMERGENCIA_ACTIVO",
     "el límite quedó escrito, pero rige un perfil de emergencia", _NEITHER),
    (_C.NOT_APPLIED, "5.3", "a command was sent, but the meter does not show its effect",
     "SIN_EFECTO", "se envió el comando, pero el medidor no muestra su efecto", _BOTH),
    (_C.EFFECT_NOT_SEEN, "5.3",
     "nothing is known to have been sent, and the meter shows no effect of it",
     "EFECTO_NO_VISTO", "no consta ningún envío y el medidor no muestra su efecto", _RETRY),
    (_C.EFFECT_NOT_KNOWN, "5.3", "the command was sent, or may have been; its effect is not known",
     "EFECTO_DESCONOCIDO", "el comando fue enviado, o pudo serlo; no se conoce su efecto", _CREW),
    (_C.IMAGE_DAMAGED, "5.3", "the image is damaged: its digest is wrong; nothing was sent",
     "IMAGEN_DAÑADA", "la imagen de firmware está dañada y no se envió", _NEITHER),
    (_C.IMAGE_REJECTED, "5.3", "the meter's own verification of the image failed",
     "IMAGEN_RECHAZADA", "el medidor verificó la imagen de firmware y la rechazó", _NEITHER),
    (_C.IMAGE_FOREIGN, "5.3",
     "what the meter would activate is not what was sent; it was not activated",
     "IMAGEN_AJENA", "el medidor activaría otra imagen; no se activó", _NEITHER),
    (_C.FIRMWARE_UNCHANGED, "5.3",
     "the image was activated, and the meter came back with another version",
     "FIRMWARE_SIN_CAMBIO", "tras activar la imagen, el medidor volvió con otra versión", _CREW),
    (_C.REFUSED_ASSOCIATION, "5.3", "the meter refused the association",
     "MEDIDOR_RECHAZA", "el medidor rechazó la asociación", _NEITHER),
)
_REFUSALS = (
    (_C.REFUSED_HARDWARE_FAULT, 1, "hardware-fault", "falla de hardware", _CREW),
    (_C.REFUSED_TEMPORARY_FAILURE, 2, "temporary-failure", "falla temporal", _RETRY),
    (_C.REFUSED_READ_WRITE_DENIED, 3, "read-write-denied", "acceso denegado", _NEITHER),
    (_C.REFUSED_OBJECT_UNDEFINED, 4, "object-undefined", "objeto no definido", _NEITHER),
    (_C.REFUSED_CLASS_INCONSISTENT, 9, "object-class-inconsistent", "clase errónea", _NEITHER),
    (_C.REFUSED_OBJECT_UNAVAILABLE, 11, "object-unavailable", "objeto no disponible", _NEITHER),
    (_C.REFUSED_TYPE_UNMATCHED, 12, "type-unmatched", "tipo no coincide", _NEITHER),
    (_C.REFUSED_SCOPE_VIOLATED, 13, "scope-of-access-violated", "fuera de alcance", _NEITHER),
    (_C.REFUSED_BLOCK_UNAVAILABLE, 14, "data-block-unavailable", "bloque no disponible", _RETRY),
    (_C.REFUSED_LONG_GET_ABORTED, 15, "long-get-aborted", "lectura larga interrumpida", _RETRY),
    (_C.REFUSED_NO_LONG_GET, 16, "no-long-get-in-progress", "sin lectura larga", _RETRY),
    (_C.REFUSED_LONG_SET_ABORTED, 17, "long-set-aborted", "escritura interrumpida", _RETRY),
    (_C.REFUSED_NO_LONG_SET, 18, "no-long-set-in-progress", "sin escritura larga", _RETRY),
    (_C.REFUSED_BLOCK_NUMBER, 19, "data-block-number-invalid", "bloque inválido", _RETRY),
    (_C.REFUSED_OTHER, 250, "other-reason", "otro motivo", _NEITHER),
)
# fmt: on

REASONS: dict[ReasonCode, Reason] = {
    code: Reason(code, cim, text, key, spanish, *advice)
    for code, cim, text, key, spanish, advice in (
        *_TABLE,
        *(
            (
                code,
                "5.3",
                f"the meter refused: {name} ({number})",
                "MEDIDOR_RECHAZA",
                f"el medidor rechazó la orden: {spanish} ({number})",
                advice,
            )
            for code, number, name, spanish, advice in _REFUSALS
        ),
    )
}

AWAY = frozenset(
    {
        _C.CONCENTRATOR_UNREACHABLE,
        _C.CONCENTRATOR_UNREACHABLE_UNKNOWN,
        _C.MODEM_FAULT,
        _C.SIM_FAULT,
        _C.APN_REFUSED,
        _C.CONCENTRATOR_RESTARTED,
        _C.LINE_UNAVAILABLE,
        _C.LINE_LOST,
        _C.METER_NOT_CONNECTED,
        _C.METER_UNREACHABLE,
        _C.METER_DOES_NOT_ANSWER,
        _C.PACKET_LOSS,
        _C.NO_ANSWER_UNKNOWN,
    }
)
"""Somebody is not there.  Half of all outages last 15 minutes, few a day (facts/service-levels.md):
waiting helps, where repeating what a meter has answered seldom does."""

# DataAccessResult and ActionResult share these numbers (IEC 62056-5-3, abstract syntax).
REASON_OF_DLMS: dict[int, ReasonCode] = {number: code for code, number, *_ in _REFUSALS}
