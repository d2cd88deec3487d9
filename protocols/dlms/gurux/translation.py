"""An APDU as gurux-dlms's own translator writes it in XML: the dialect that its tools read."""

from __future__ import annotations

import importlib

from protocols.dlms.gurux.library import load
from protocols.errors import ProtocolError


def to_xml(apdu: bytes) -> str:
    """The XML.  Raises ProtocolError for what the translator does not read, EngineMissing."""
    load()  # also hushes its printing
    translator = importlib.import_module("gurux_dlms.GXDLMSTranslator")
    vars(translator)["print"] = lambda *args, **options: None
    try:
        return str(translator.GXDLMSTranslator().pduToXml(bytearray(apdu))).rstrip()
    except Exception as error:
        cause = f"gurux-dlms does not translate it: {type(error).__name__}: {error}"
        raise ProtocolError(0, cause) from error
