"""The XSD of an adapter's strongly typed messages: GetSIAD, SIADResponseMessage, SIADFaultMessage.

As those of a noun of IEC 61968-9, with the profile in the noun's place: a client that is made from
it gets the instances as objects of their classes, where the generic message has anything.  Header,
Request, Reply and Payload are in the adapter's namespace, their children in schema/message.
"""

from __future__ import annotations

from functools import cache

from protocols.cim import namespaces as ns
from protocols.cim.profile import xsd as payload_xsd
from protocols.cim.profile.model import Profile


def query(profile: Profile) -> str:
    """The element that asks, which is the name of the operation too: GetSIAD."""
    return f"Get{profile.name}"


def namespace(profile: Profile) -> str:
    """The namespace of the messages."""
    return ns.typed(query(profile))


def file_name(profile: Profile) -> str:
    """What the file is called, as the WSDL refers to it."""
    return f"{query(profile)}Message.xsd"


@cache
def xsd(profile: Profile) -> bytes:
    """The text of the schema.  It refers to the envelope's and the profile's beside it."""
    name, asks, payload = profile.name, query(profile), payload_xsd.file_name(profile)
    header = '<xs:element name="Header" type="m:HeaderType"/>'
    reply = '<xs:element name="Reply" type="m:ReplyType"/>'
    content = f'<xs:element name="Payload" type="t:{name}PayloadType" minOccurs="0"/>'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"',
        f'           xmlns:m="{ns.MESSAGE}"',
        f'           xmlns:n="{profile.namespace}"',
        f'           xmlns:t="{namespace(profile)}"',
        f'           targetNamespace="{namespace(profile)}"',
        '           elementFormDefault="qualified" attributeFormDefault="unqualified">',
        f'  <xs:import namespace="{ns.MESSAGE}" schemaLocation="Message.xsd"/>',
        f'  <xs:import namespace="{profile.namespace}" schemaLocation="{payload}"/>',
        *_type(
            f"{name}PayloadType",
            f'<xs:element ref="n:{name}" minOccurs="0"/>',
            '<xs:element name="Compressed" type="xs:string" minOccurs="0"/>',
            '<xs:element name="Format" type="xs:string" minOccurs="0"/>',
        ),
        *_type(
            f"{asks}RequestMessageType",
            header,
            '<xs:element name="Request" type="m:RequestType" minOccurs="0"/>',
        ),
        *_type(f"{name}ResponseMessageType", header, reply, content),
        *_type(f"{name}FaultMessageType", reply),
        f'  <xs:element name="{asks}" type="t:{asks}RequestMessageType"/>',
        *(
            f'  <xs:element name="{name}{kind}" type="t:{name}{kind}Type"/>'
            for kind in ("ResponseMessage", "FaultMessage")
        ),
        "</xs:schema>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _type(name: str, *inside: str) -> list[str]:
    return [
        f'  <xs:complexType name="{name}">',
        "    <xs:sequence>",
        *(f"      {line}" for line in inside),
        "    </xs:sequence>",
        "  </xs:complexType>",
    ]
