"""Why the registry does not do something, in the codes of IEC 61968-9 Annex B.

The registry's own code is what the key is looked up by; its English sentence stays behind it for
who looks into the matter.
"""

from __future__ import annotations

from typing import Final

from headend.domain.meter import Stage
from headend.registry.lives import NotTaken
from protocols.cim import xml
from protocols.cim.errors import Identifier, ReplyError, RequestRefused

# By the code of `NotTaken`: IEC 61968-9's, the stable key, and what it says.
REASONS: Final[dict[str, tuple[str, str, str]]] = {
    "no-such-meter": ("2.4", "MEDIDOR_DESCONOCIDO", "el registro no lo conoce"),
    "no-such-place": ("2.12", "PUNTO_DESCONOCIDO", "el registro no lo conoce"),
    "no-such-concentrator": ("2.29", "CONCENTRADOR_DESCONOCIDO", "el registro no lo conoce"),
    "meter-known": ("2.4", "MEDIDOR_YA_REGISTRADO", "con otros datos; use change"),
    "title-taken": ("2.4", "TITULO_REPETIDO", "otro medidor tiene ese título de sistema"),
    "place-taken": ("2.13", "PUNTO_OCUPADO", "hay un medidor en el punto de suministro"),
    "place-not-known": ("2.13", "MEDIDOR_SIN_PUNTO", "no se sabe dónde está el medidor"),
    "point-retired": ("2.12", "PUNTO_RETIRADO", "el punto ya no es de suministro"),
    "misplaced": ("2.29", "LUGAR_NO_ADMITIDO", "el punto no puede estar ahí"),
    "wrong-time": ("1.8", "FECHA_NO_ADMITIDA", "el medidor llegó ahí después"),
    "below-readings": ("5.2", "LECTURA_MENOR", "es menor que una anterior"),
    **{
        f"meter-{stage}": ("5.2", "ETAPA_NO_ADMITE", f"el medidor está {told}")
        for stage, told in {
            Stage.IN_STOCK: "en bodega",
            Stage.INSTALLED: "instalado",
            Stage.COMMISSIONED: "puesto en marcha",
            Stage.LINKED: "vinculado",
            Stage.IN_SERVICE: "en servicio",
            Stage.BLOCKED: "bloqueado",
            Stage.REMOVED: "retirado",
        }.items()
    },
}
_OTHER: Final = ("5.2", "PASO_NO_ADMITIDO", "el registro no lo hace")


def refused(
    code: str, details: str, at: Identifier | None = None, *, xpath: str | None = None
) -> RequestRefused:
    """An object is not taken; `details` is Spanish behind its key."""
    return RequestRefused(ReplyError(code, xml.clean(details, 300), id=at, xpath=xpath))


def told(why: NotTaken, at: Identifier) -> RequestRefused:
    """The registry's refusal about an object."""
    code, key, text = REASONS.get(why.code, _OTHER)
    return refused(code, f"{key}: {text} ({why})", at)
