"""What can be wrong with a get, each with its code (IEC 61968-9 Annex B) and its stable key.

Programs compare code and key; what follows the key is for people.
"""

from __future__ import annotations

import enum

from protocols.cim import xml
from protocols.cim.codes import Level
from protocols.cim.errors import Identifier, ReplyError, RequestRefused

TEXT_MAX = 120
"""Characters of a value from outside that an answer repeats."""


class Refusal(enum.Enum):
    """Code and text; `{0}` and `{1}` are what it is about.  The name is the key."""

    VERBO_NO_ADMITIDO = "2.9", "el adaptador solo responde a get, no a {0!r}"
    CLASE_DESCONOCIDA = "2.5", "el perfil {1} no tiene la clase {0!r}"
    ATRIBUTO_DESCONOCIDO = "1.8", "la clase {1} no tiene el atributo {0!r}"
    VALOR_FALTA = "1.6", "la opción {0!r} no tiene valor"
    VALOR_INVALIDO = "1.8", "el valor de {0!r} no sirve: {1}"
    ASOCIACION_DESCONOCIDA = "2.29", "la clase {1} no tiene la asociación {0!r}"
    ASOCIACION_FALTA = "1.6", "falta la opción que nombra la asociación"
    ASOCIACION_DOBLE = "1.8", "una solicitud nombra una sola asociación, no también {0!r}"
    CLAVE_DESCONOCIDA = "2.15", "no hay instancia de {1} con la clave {0!r}"
    MEDIDOR_DESCONOCIDO = "2.4", "no hay medidor con la clave {0!r}"
    PUNTO_DESCONOCIDO = "2.12", "no hay punto de suministro con la clave {0!r}"
    ESPECIAL_NO_ADMITIDO = "1.8", "la asociación {1} no admite el atributo especial {0!r}"
    PLAZO_FALTA = "1.6", "falta {0}: la historia se pide con StartTime y EndTime"
    PLAZO_INVALIDO = "1.8", "{0}"
    PLAZO_NO_ADMITIDO = "1.8", "esta solicitud no admite StartTime ni EndTime: {0} no es histórica"
    PLAZO_DEMASIADO_LARGO = "3.1", "el plazo abarca {0}; se admiten {1} por solicitud"
    DEMASIADAS_OPCIONES = "3.1", "la solicitud tiene {0} opciones; se admiten {1}"
    DEMASIADOS_DATOS = "3.1", "el sistema de origen no entrega tanto en una solicitud"
    CONTENIDO_NO_ADMITIDO = "1.8", "un adaptador no lee {0!r}: la solicitud lleva Option e ID"
    PAGINA_INVALIDA = "2.15", "la página {0!r} no es de esta solicitud"
    FUENTE_CAIDA = "5.3", "el sistema de origen de {0} no responde"
    FUENTE_LENTA = "4.1", "el sistema de origen de {0} no respondió en {1} s"
    DATO_ILEGIBLE = "5.7", "{0} se omite: lo que hay en el sistema de origen no es del perfil"

    @property
    def code(self) -> str:
        return str(self.value[0])

    def error(
        self,
        *about: object,
        level: Level = Level.FATAL,
        id: Identifier | None = None,
        xpath: str | None = None,
    ) -> ReplyError:
        """The Reply/Error."""
        shown = [xml.clean(it, TEXT_MAX) if isinstance(it, str) else it for it in about]
        details = f"{self.name}: {self.value[1].format(*shown)}"
        return ReplyError(self.code, details, level, id=id, xpath=xpath)

    def refused(self, *about: object, xpath: str | None = None) -> RequestRefused:
        """To be raised."""
        return RequestRefused(self.error(*about, xpath=xpath))
