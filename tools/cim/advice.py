"""What to do about an error of a reply or of a message, by its key, else by its code."""

from __future__ import annotations

from typing import Final

from protocols.cim.errors import ReplyError

BY_KEY: Final = {
    "CLASE_DESCONOCIDA": "The classes of each adapter: docs/adapters, or its XSD (ami cim wsdl)",
    "ATRIBUTO_DESCONOCIDO": "The class's attributes are on the adapter's page in docs/adapters",
    "ASOCIACION_DESCONOCIDA": "The class's associations are on the adapter's page in docs/adapters",
    "ASOCIACION_FALTA": "Name it and a key in a Request/Option: --association Feeders --of VEN",
    "CLAVE_DESCONOCIDA": "Ask for all instances first; each system has keys of its own",
    "MEDIDOR_DESCONOCIDO": "Each system names meters in its own way: ask the Repository's Name",
    "PLAZO_FALTA": "A history needs both ends: --from and --to",
    "PLAZO_NO_ADMITIDO": "Leave the times out: this is no history",
    "PLAZO_DEMASIADO_LARGO": "Ask in parts of 31 days",
    "CONTENIDO_NO_ADMITIDO": "GetMeterReadings and other nouns' questions go to a head-end's door",
    "PAGINA_INVALIDA": "Begin again without Request/ID: a page is of the question it came with",
    "FUENTE_CAIDA": "The system behind the adapter is away: ask again later",
    "FUENTE_LENTA": "Ask for less: a filter, one key, a shorter window",
    "SIN_DESTINO": "The router has no route for this noun: a [[route]] in the bus's settings",
    "SIN_PERMISO": "A [[permit]] for this Source, noun and verb in the settings",
    "ORIGEN_NO_AUTORIZADO": "Header/Source must be the certificate's name, or a [[speaker]]'s",
    "EDICION_NO_ADMITIDA": "Use the namespaces of 2013: http://iec.ch/TC57/2011/schema/message",
    "MENSAJE_DESCONOCIDO": "The element in the body must be one of ours: ami cim wsdl lists them",
    "VERBO_DESCONOCIDO": "Header/Verb is one of the standard's: create, change, cancel, get, …",
    "SUSTANTIVO_NO_ADMITIDO": "The nouns and their verbs: docs/cim.md",
    "XML_MAL_FORMADO": "It is no well-formed XML at that place",
    "DTD_NO_ADMITIDA": "Leave the DOCTYPE out",
    "CAMPO_FALTA": "Write the element that is missing, in the schema's place and order",
    "ESQUEMA": "Compare with an example: ami cim examples; the order of elements is the schema's",
}

BY_CODE: Final = {
    "0.1": "More follows: ask for the page that Reply/ID names",
    "1.5": "Header needs Verb and Noun, and who wants it known again a MessageID",
    "2.5": "The nouns and their verbs: docs/cim.md",
    "2.6": "What a reading type is: ami cim codes CODE --kind reading",
    "2.9": "The verbs of each noun: docs/cim.md",
    "2.10": "Which there are: ami cim codes --kind reading",
    "2.15": "A MessageID is of one content: use a new one",
    "3.2": "Too much waits already: send it again later",
    "4.1": "Whether it was done is not known: ask for it before it is sent again",
    "7.4": "Show a certificate that the authority signed: --tls FOLDER",
    "7.7": "The address has to be in the list of the settings (reply_addresses)",
}


def advice(error: ReplyError) -> str:
    """A sentence that says what to do; empty where nothing has to be done."""
    if error.code in ("0.0", "0.2", "0.3"):
        return ""
    return BY_KEY.get(error.key) or BY_CODE.get(error.code) or "See docs/cim.md and docs/soap.md"
