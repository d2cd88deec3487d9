"""What a get asks for, of the three kinds (see `protocols.cim.get`), held against the profile.

Whatever is named must be in the profile, and each value be one of its type: what is not understood
is refused, never passed over, because an answer to less than was asked looks like one to all of it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

from headend.integration.cim.layer import Condition, Selection, Via, Window
from headend.integration.cim.limits import Limits
from headend.integration.cim.refusals import Refusal
from protocols.cim import xml
from protocols.cim.envelope import Header, Message, Property, Request
from protocols.cim.errors import RequestRefused
from protocols.cim.get import ASSOCIATION, PAGE
from protocols.cim.profile import lexical
from protocols.cim.profile.lexical import NotAValue
from protocols.cim.profile.model import Association, CimClass, Profile, UnknownName


@dataclass(frozen=True, slots=True)
class Question:
    """A selection, and where in its answer to begin: "" at the beginning."""

    selection: Selection
    cursor: str = ""

    @property
    def mark(self) -> str:
        """The same for the same selection: a page belongs to the question that it was given for."""
        via = self.selection.via
        said = [
            self.selection.target.name,
            *(f"{it.attribute.name}={lexical.write(it.value)}" for it in self.selection.conditions),
        ]
        if via is not None:
            said += [via.source.name, via.association.name, *via.ids]
            if via.window is not None:
                said += [lexical.write(via.window.start), lexical.write(via.window.end)]
        return hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def question(profile: Profile, message: Message, limits: Limits) -> Question:
    """What a request asks of an adapter.  The message has passed the envelope's schema.

    Raises `RequestRefused` with its code.
    """
    header, request = message.header, message.request or Request()
    assert header is not None  # the schema requires it
    if header.verb != "get":
        raise Refusal.VERBO_NO_ADMITIDO.refused(header.verb, xpath="Verb")
    noun = header.noun.strip()
    try:
        cls = profile[noun]
    except UnknownName:
        raise Refusal.CLASE_DESCONOCIDA.refused(noun, profile.name, xpath="Noun") from None
    content = (*request.content, *(message.payload.content if message.payload else ()))
    if content:
        raise Refusal.CONTENIDO_NO_ADMITIDO.refused(xml.local(content[0]), xpath="Request")
    if len(request.options) > limits.options:
        raise Refusal.DEMASIADAS_OPCIONES.refused(len(request.options), limits.options)
    if (marker := _marker(header)) is not None:
        selection = _associated(profile, cls, marker, request, limits)
    else:
        if request.start_time is not None or request.end_time is not None:
            raise Refusal.PLAZO_NO_ADMITIDO.refused(cls.name)
        selection = Selection(
            cls, tuple(_condition(profile, cls, option, limits) for option in request.options)
        )
    return Question(selection, _cursor(request))


def _marker(header: Header) -> Property | None:
    """The property that makes it an association request, however its accent and case are."""
    for item in header.properties:
        plain = unicodedata.normalize("NFKD", item.name.strip().lower())
        if "".join(it for it in plain if not unicodedata.combining(it)) == ASSOCIATION:
            return item
    return None


def _cursor(request: Request) -> str:
    pages = [it for it in request.ids if it.object_type == PAGE]
    others = [it for it in request.ids if it.object_type != PAGE]
    if others or len(pages) > 1:
        raise Refusal.PAGINA_INVALIDA.refused((others or pages)[-1].value)
    return pages[0].value if pages else ""


def _too_long(name: str, limits: Limits) -> RequestRefused:
    said = f"se admiten {limits.value} caracteres"
    return Refusal.VALOR_INVALIDO.refused(name, said, xpath="value")


def _condition(profile: Profile, cls: CimClass, option: Property, limits: Limits) -> Condition:
    name = option.name.strip()
    attribute = profile.attributes(cls).get(name)
    if attribute is None:
        raise Refusal.ATRIBUTO_DESCONOCIDO.refused(name, cls.name, xpath="name")
    if option.value is None:
        raise Refusal.VALOR_FALTA.refused(name, xpath="Option")
    if len(option.value) > limits.value:
        raise _too_long(name, limits)
    try:
        return Condition(attribute, lexical.read(attribute.type, option.value))
    except NotAValue as error:
        raise Refusal.VALOR_INVALIDO.refused(name, str(error), xpath="value") from error


def _associated(
    profile: Profile, cls: CimClass, marker: Property, request: Request, limits: Limits
) -> Selection:
    association, ids = _asked(profile, cls, request, limits)
    target = profile[association.target]
    conditions = _special(profile, association, (marker.value or "").strip(), limits)
    window = _window(association, request, limits)
    return Selection(target, conditions, Via(cls, association, ids, window))


def _asked(
    profile: Profile, cls: CimClass, request: Request, limits: Limits
) -> tuple[Association, tuple[str, ...]]:
    if not request.options:
        raise Refusal.ASOCIACION_FALTA.refused(xpath="Option")
    name = request.options[0].name.strip()
    association = profile.associations(cls).get(name)
    if association is None or len(profile.key(cls)) > 1:
        raise Refusal.ASOCIACION_DESCONOCIDA.refused(name, cls.name, xpath="name")
    ids: dict[str, None] = {}
    for option in request.options:
        if option.name.strip() != name:
            raise Refusal.ASOCIACION_DOBLE.refused(option.name, xpath="name")
        if not option.value:
            raise Refusal.VALOR_FALTA.refused(name, xpath="Option")
        if len(option.value) > limits.value:
            raise _too_long(name, limits)
        ids[option.value] = None
    return association, tuple(ids)


def _special(
    profile: Profile, association: Association, text: str, limits: Limits
) -> tuple[Condition, ...]:
    target = profile[association.target]
    conditions: list[Condition] = []
    for part in filter(None, map(str.strip, text.split(";"))):
        name, equals, value = map(str.strip, part.partition("="))
        if not equals and len(association.special) == 1:
            name, value = association.special[0], name
        if name not in association.special:
            raise Refusal.ESPECIAL_NO_ADMITIDO.refused(name, association.name, xpath="Value")
        conditions.append(_condition(profile, target, Property(name, value), limits))
    return tuple(conditions)


def _window(association: Association, request: Request, limits: Limits) -> Window | None:
    start, end = request.start_time, request.end_time
    if not association.history:
        if start is not None or end is not None:
            raise Refusal.PLAZO_NO_ADMITIDO.refused(association.name)
        return None
    for name, value in (("StartTime", start), ("EndTime", end)):
        if value is None:
            raise Refusal.PLAZO_FALTA.refused(name, xpath=name)
        if value.tzinfo is None:
            said = f"{name} no tiene zona: termine en Z o +hh:mm"
            raise Refusal.PLAZO_INVALIDO.refused(said, xpath=name)
        try:
            xml.date_time_text(value)
        except OverflowError as error:
            said = f"{name} está fuera del calendario"
            raise Refusal.PLAZO_INVALIDO.refused(said, xpath=name) from error
    assert start is not None and end is not None
    if end <= start:
        raise Refusal.PLAZO_INVALIDO.refused(
            "EndTime no está después de StartTime", xpath="EndTime"
        )
    if end - start > limits.window:
        raise Refusal.PLAZO_DEMASIADO_LARGO.refused(
            f"{(end - start).total_seconds() / 86_400:.1f} días", f"{limits.window.days} días"
        )
    return Window(start, end)
