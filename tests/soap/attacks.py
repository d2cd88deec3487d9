"""Messages that attack whoever reads XML, and what the door makes of each.

From OWASP's XML Security Cheat Sheet (entity expansion, external entities, quadratic blow-up, DTD
retrieval, coercive parsing, schema poisoning), McIntosh and Austel's XML signature element
wrapping, and what was found by looking for our own readers' weak places.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable
from typing import Final

from tests.cim import orders_as_xml as a

MB: Final = 1024 * 1024
ORDER: Final = a.soap(a.typed())
INNER: Final = ORDER.split(b"?>", 1)[1]
TAKEN, FAILED, FAULT = "OK", "FAILED", "FAULT"

BILLION: Final = "<!DOCTYPE l [<!ENTITY l0 'lol'>" + "".join(
    f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10)
) + "]>"  # fmt: skip
QUADRATIC: Final = f"<!DOCTYPE q [<!ENTITY q '{'x' * 50_000}'>]>"
FILE: Final = "<!DOCTYPE f [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
REMOTE: Final = "<!DOCTYPE r SYSTEM 'http://127.0.0.1:9/x.dtd'>"
PARAMETER: Final = "<!DOCTYPE p [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/p'> %p;]>"


def behind(doctype: str, text: str = "") -> bytes:
    return doctype.encode() + INNER.replace(b"COMERCIAL", text.encode() or b"COMERCIAL")


def within(content: str) -> bytes:
    """In the payload, beside what is expected there."""
    return a.soap(a.typed(payload=f"<Payload>{content}</Payload>"))


def many(what: str, octets: int, before: str = "", after: str = "") -> str:
    return before + what * ((octets - len(before) - len(after)) // len(what)) + after


def compressed(octets: bytes) -> bytes:
    return packed(gzip.compress(octets))


def packed(octets: bytes) -> bytes:
    """As the content of a generic message's payload; these octets are gzip's."""
    text = base64.b64encode(octets).decode()
    return a.soap(a.generic(payload=f"<m:Payload><m:Compressed>{text}</m:Compressed></m:Payload>"))


def declared(name: str, encoding: str | None = None) -> bytes:
    """The order with an XML declaration of this encoding, written in `encoding` or in it."""
    text = f'<?xml version="1.0" encoding="{name}"?>' + INNER.decode()
    return text.encode(encoding or name)


def twice(part: str) -> bytes:
    return ORDER.replace(part.encode(), part.encode() * 2, 1)


SMALL: Final[dict[str, tuple[bytes, str, str]]] = {
    # name: (octets, result, key)
    "entity expansion: billion laughs": (behind(BILLION, "&l9;"), FAULT, "DTD_NO_ADMITIDA"),
    "entity expansion: quadratic": (behind(QUADRATIC, "&q;" * 1000), FAULT, "DTD_NO_ADMITIDA"),
    "external entity: a file": (behind(FILE, "&f;"), FAULT, "DTD_NO_ADMITIDA"),
    "external entity: a parameter": (behind(PARAMETER), FAULT, "DTD_NO_ADMITIDA"),
    "external DTD": (behind(REMOTE), FAULT, "DTD_NO_ADMITIDA"),
    "an empty DTD": (behind("<!DOCTYPE x>"), FAULT, "DTD_NO_ADMITIDA"),
    "a DTD in UTF-16": (behind(BILLION, "&l9;").decode().encode("utf-16"), FAULT,
                        "DTD_NO_ADMITIDA"),
    "a DTD in UTF-32": (behind(BILLION, "&l9;").decode().encode("utf-32"), FAULT,
                        "XML_MAL_FORMADO"),
    "a DTD in UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-' + INNER,
                       FAULT, "CODIFICACION_NO_ADMITIDA"),
    "an entity nobody declared": (ORDER.replace(b"COMERCIAL", b"&x;"), FAULT, "XML_MAL_FORMADO"),
    "character references": (ORDER.replace(b"COMERCIAL", b"&#67;OMERCIAL"), TAKEN, ""),
    "CDATA": (ORDER.replace(b"COMERCIAL", b"<![CDATA[COMERCIAL]]>"), TAKEN, ""),
    "a comment in a name": (ORDER.replace(b"COMERCIAL", b"COM<!---->ERCIAL"), TAKEN, ""),
    "a processing instruction": (ORDER.replace(b"<Header>", b"<?php exit?><Header>"), TAKEN, ""),
    "a style sheet": (b'<?xml-stylesheet href="http://127.0.0.1:9/x"?>' + INNER, TAKEN, ""),
    "NUL": (ORDER.replace(b"COMERCIAL", b"COM\0ERCIAL"), FAULT, "XML_MAL_FORMADO"),
    "NUL as a reference": (ORDER.replace(b"COMERCIAL", b"COM&#0;"), FAULT, "XML_MAL_FORMADO"),
    "no UTF-8": (ORDER.replace(b"COMERCIAL", b"COM\xff\xfe"), FAULT, "XML_MAL_FORMADO"),
    "a surrogate in UTF-8": (ORDER.replace(b"COMERCIAL", b"\xed\xa0\x80"), FAULT,
                             "XML_MAL_FORMADO"),
    "overlong UTF-8": (ORDER.replace(b"COMERCIAL", b"\xc0\xbc"), FAULT, "XML_MAL_FORMADO"),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + ORDER, TAKEN, ""),
    "UTF-16 with a mark": (declared("UTF-16"), TAKEN, ""),
    "UTF-16 without a mark": (declared("UTF-16", "utf-16-le"), TAKEN, ""),
    "ISO 8859-1": (declared("ISO-8859-1"), TAKEN, ""),
    "UTF-32": (declared("UTF-32"), FAULT, "XML_MAL_FORMADO"),
    "UTF-32 without a mark": (declared("UTF-32", "utf-32-le"), FAULT, "XML_MAL_FORMADO"),
    "EBCDIC": (declared("IBM037", "cp037"), FAULT, "XML_MAL_FORMADO"),
    "UTF-7": (declared("UTF-7", "ascii"), FAULT, "CODIFICACION_NO_ADMITIDA"),
    "an encoding nobody has": (declared("x-none", "ascii"), FAULT, "CODIFICACION_NO_ADMITIDA"),
    "UTF-16 declared, UTF-8 written": (declared("UTF-16", "utf-8"), FAULT,
                                       "CODIFICACION_NO_ADMITIDA"),
    "XML 1.1": (ORDER.replace(b'version="1.0"', b'version="1.1"'), TAKEN, ""),
    "two bodies": (ORDER.replace(b"</s:Body>", b"</s:Body><s:Body/>"), FAULT, "SOBRE_INVALIDO"),
    "a body before the body": (ORDER.replace(b"<s:Body>", b"<s:Body/><s:Body>"), FAULT,
                               "SOBRE_INVALIDO"),
    "two headers": (ORDER.replace(b"<s:Body>", b"<s:Header/><s:Header/><s:Body>"), FAULT,
                    "SOBRE_INVALIDO"),
    "two messages": (a.soap(a.typed() + a.typed()), FAULT, "CUERPO_INVALIDO"),
    "a message in the SOAP header": (a.soap(a.typed(), "<s:Header>" + a.typed().decode()
                                            + "</s:Header>"), TAKEN, ""),
    "an envelope in the envelope": (a.soap(INNER), FAULT, "MENSAJE_DESCONOCIDO"),
    "two CIM headers": (a.soap(a.typed().replace(b"</Header>", b"</Header><Header/>")), FAILED,
                        "ESQUEMA"),
    "two payloads": (a.soap(a.typed().replace(b"</Payload>", b"</Payload><Payload/>")), FAILED,
                     "ESQUEMA"),
    "Verb twice": (twice("<m:Verb>create</m:Verb>"), FAILED, "ESQUEMA"),
    "Source twice": (twice("<m:Source>COMERCIAL</m:Source>"), FAILED, "ESQUEMA"),
    "MessageID twice": (twice(f"<m:MessageID>{a.MESSAGE_ID}</m:MessageID>"), FAILED, "ESQUEMA"),
    "another noun inside": (a.soap(a.typed(payload="<Payload><k:MeterConfig xmlns:k="
                                           f'"{a.METER_CONFIG}"/></Payload>')), FAILED, "ESQUEMA"),
    "two of one xml:id": (a.soap(a.typed().replace(b"<Header>", b'<Header xml:id="a">')
                                 .replace(b"<Payload>", b'<Payload xml:id="a">')), FAULT,
                          "XML_MAL_FORMADO"),
    "an xml:id": (a.soap(a.typed().replace(b"<Header>", b'<Header xml:id="a">')), FAILED,
                  "ESQUEMA"),
    "xsi:schemaLocation": (a.soap(a.typed().replace(
        b"<CreateEndDeviceControls", b'<CreateEndDeviceControls xmlns:i="http://www.w3.org/2001/'
        b'XMLSchema-instance" i:schemaLocation="urn:x http://127.0.0.1:9/x.xsd"', 1)), TAKEN, ""),
    "xsi:type": (a.soap(a.typed().replace(
        b"<Header>", b'<Header xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
        b' xmlns:x="http://www.w3.org/2001/XMLSchema" i:type="x:anyType">')), FAILED, "ESQUEMA"),
    "xsi:nil": (a.soap(a.typed().replace(
        b"<Header>", b'<Header xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">')),
        FAILED, "ESQUEMA"),
    "XInclude": (within('<i:include xmlns:i="http://www.w3.org/2001/XInclude"'
                        ' href="file:///etc/passwd" parse="text"/>'), FAILED, "ESQUEMA"),
    "an attribute twice": (ORDER.replace(b"<Header>", b'<Header a="" a="">'), FAULT,
                           "XML_MAL_FORMADO"),
    "a prefix nobody declared": (within("<none:a/>"), FAULT, "XML_MAL_FORMADO"),
    "depth beyond the bound": (within("<a>" * 60 + "</a>" * 60), FAULT, "XML_FUERA_DE_LIMITES"),
    "a long name": (within(f"<{'x' * 300}/>"), FAULT, "XML_FUERA_DE_LIMITES"),
    "a long attribute's name": (within(f"<a {'x' * 300}=''/>"), FAULT, "XML_FUERA_DE_LIMITES"),
    "33 attributes": (within("<a " + " ".join(f'a{n}=""' for n in range(33)) + "/>"), FAULT,
                      "XML_FUERA_DE_LIMITES"),
    "gzip, one after another": (compressed(gzip.compress(b"<a/>")), FAILED, "XML_MAL_FORMADO"),
    "gzip with a DTD inside": (compressed(BILLION.encode() + b"<l>&l9;</l>"), FAILED,
                               "DTD_NO_ADMITIDA"),
    "gzip of no noun": (compressed(b"<a/>"), FAILED, "SUSTANTIVO_NO_ADMITIDO"),
    "no base64": (a.soap(a.generic(payload="<m:Payload><m:Compressed>*</m:Compressed>"
                                   "</m:Payload>")), FAILED, "COMPRESION_INVALIDA"),
}  # fmt: skip

C: Final = "c:EndDeviceControls"
LARGE: Final[dict[str, tuple[Callable[[], bytes], str, str]]] = {
    # name: (what makes the octets, result, key); each of up to 8 MB, or what becomes more
    "two million elements": (
        lambda: within(many("<a/>", 7 * MB)), FAULT, "XML_FUERA_DE_LIMITES",
    ),
    "600,000 attributes": (
        lambda: within("<a " + " ".join(f'a{n}=""' for n in range(600_000)) + "/>"), FAULT,
        "XML_FUERA_DE_LIMITES",
    ),
    "190,000 attributes": (
        lambda: within("<a " + " ".join(f'a{n}=""' for n in range(190_000)) + "/>"), FAULT,
        "XML_FUERA_DE_LIMITES",
    ),
    "190,000 namespaces": (
        lambda: within("<a " + " ".join(f'xmlns:a{n}="u"' for n in range(190_000)) + "/>"), FAILED,
        "ESQUEMA",
    ),
    "100,000 namespaces, each looked up": (
        lambda: within("<a " + " ".join(f'xmlns:a{n}="u"' for n in range(100_000)) + ">"
                       + many("<a1:b/>", MB) + "</a>"), FAILED, "ESQUEMA",
    ),
    "depth of a million": (
        lambda: within("<a>" * 100_000 + "</a>" * 100_000), FAULT, "XML_MAL_FORMADO",
    ),
    "one text": (lambda: within(many("x", 7 * MB, "<a>", "</a>")), FAULT, "XML_FUERA_DE_LIMITES"),
    "one text behind an element": (
        lambda: within(many("x", 7 * MB, "<a/>")), FAULT, "XML_FUERA_DE_LIMITES",
    ),
    "one attribute": (
        lambda: within(many("x", 7 * MB, "<a b='", "'/>")), FAULT, "XML_FUERA_DE_LIMITES",
    ),
    "one name": (lambda: within(many("x", 7 * MB, "<", "/>")), FAULT, "XML_MAL_FORMADO"),
    "comments": (lambda: within(many("<!---->", 7 * MB)), FAULT, "XML_FUERA_DE_LIMITES"),
    "processing instructions": (
        lambda: within(many("<?a?>", 7 * MB)), FAULT, "XML_FUERA_DE_LIMITES",
    ),
    "CDATA sections": (
        lambda: within(many("<![CDATA[]]>", 7 * MB, "<a>", "</a>")), FAULT, "XML_FUERA_DE_LIMITES",
    ),
    "blocks in the SOAP header": (
        lambda: a.soap(a.typed(), many('<x s:y="0"/>', MB, "<s:Header>", "</s:Header>")), TAKEN,
        "",
    ),
    "190,000 controls, each wrong": (
        lambda: a.soap(a.typed("<c:EndDeviceControl/>" * 190_000)), FAILED, "ESQUEMA",
    ),
    "190,000 strange siblings": (
        lambda: a.soap(a.typed(payload=f"<Payload><{C}>" + "<c:x/>" * 190_000
                               + f"</{C}></Payload>")), FAILED, "ESQUEMA",
    ),
    "95,000 names, empty": (
        lambda: a.soap(a.typed(a.control(
            addressed="<c:EndDevices>" + "<c:Names/>" * 95_000 + "</c:EndDevices>"))), FAILED,
        "ESQUEMA",
    ),
    "gzip: a quarter of a gigabyte": (
        lambda: packed(_bomb()), FAILED, "MENSAJE_DEMASIADO_GRANDE",
    ),
    "gzip: two million elements": (
        lambda: compressed(b"<a>" + b"<a/>" * (2 * MB - 100) + b"</a>"), FAILED,
        "XML_FUERA_DE_LIMITES",
    ),
    "gzip in gzip": (lambda: compressed(_bomb()), FAILED, "XML_MAL_FORMADO"),
}  # fmt: skip


def _bomb() -> bytes:
    """A quarter of a gigabyte, in gzip."""
    out = zlib.compressobj(1, wbits=16 + zlib.MAX_WBITS)
    zeros = bytes(4 * MB)
    return b"".join([out.compress(b"<a>"), *(out.compress(zeros) for _ in range(64)), out.flush()])
