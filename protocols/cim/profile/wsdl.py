"""The WSDL of an adapter: one question in both styles of IEC 61968-100, `Get` with the generic
messages and `GetSIAD` with the adapter's own.

SOAP 1.1, document/literal, bare.  The envelope is Message.xsd; its payload is of the profile's XSD,
which the WSDL imports beside it, so that a client knows both.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.profile import messages, xsd
from protocols.cim.profile.model import Profile
from protocols.cim.xml import Element

WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
SOAP: Final = "http://schemas.xmlsoap.org/wsdl/soap/"
HTTP: Final = "http://schemas.xmlsoap.org/soap/http"
GENERIC: Final = "Get"
ADDRESS: Final = "/soap/cim/"  # and the adapter's name: where its door is


def namespace(profile: Profile) -> str:
    """The WSDL's own namespace."""
    return profile.namespace.removesuffix("#") + ":adapter"


def soap_action(profile: Profile, operation: str = GENERIC) -> str:
    """What a client sends as SOAPAction."""
    return f"{namespace(profile)}/{operation}"


def operations(profile: Profile) -> dict[str, dict[str, str]]:
    """The elements of each operation, by the part they play in it."""
    name = profile.name
    return {
        GENERIC: {
            "input": "msg:RequestMessage",
            "output": "msg:ResponseMessage",
            "fault": "msg:FaultMessage",
        },
        messages.query(profile): {
            "input": f"typed:{messages.query(profile)}",
            "output": f"typed:{name}ResponseMessage",
            "fault": f"typed:{name}FaultMessage",
        },
    }


@cache
def wsdl(profile: Profile) -> bytes:
    """The text of the description.  Its address is a placeholder, for whoever serves it to replace;
    its schemas are beside it, by the names of their files."""
    target = namespace(profile)
    root = etree.Element(
        f"{{{WSDL}}}definitions",
        nsmap={
            "wsdl": WSDL,
            "soap": SOAP,
            "xs": xsd.XS,
            "msg": ns.MESSAGE,
            "m": profile.namespace,
            "typed": messages.namespace(profile),
            "tns": target,
        },
        name=f"{profile.name}Adapter",
        targetNamespace=target,
    )
    _add(root, "documentation").text = profile.title
    _types(root, profile)
    for parts in operations(profile).values():
        for element in parts.values():
            message = _add(root, "message", name=_local(element))
            _add(message, "part", name="message", element=element)
    _port(root, profile)
    _binding(root, profile)
    service = _add(root, "service", name=f"{profile.name}Adapter")
    port = _add(service, "port", name=f"{profile.name}_Port", binding=f"tns:{profile.name}_Binding")
    _soap(port, "address", location=f"http://127.0.0.1{ADDRESS}{profile.name}")
    etree.indent(root)
    return xml.serialize(root) + b"\n"


def _types(root: Element, profile: Profile) -> None:
    schema = etree.SubElement(
        _add(root, "types"), f"{{{xsd.XS}}}schema", targetNamespace=namespace(profile)
    )
    for uri, location in (
        (ns.MESSAGE, "Message.xsd"),
        (profile.namespace, xsd.file_name(profile)),
        (messages.namespace(profile), messages.file_name(profile)),
    ):
        etree.SubElement(schema, f"{{{xsd.XS}}}import", namespace=uri, schemaLocation=location)


def _port(root: Element, profile: Profile) -> None:
    port = _add(root, "portType", name=f"{profile.name}_Adapter")
    for name, parts in operations(profile).items():
        operation = _add(port, "operation", name=name)
        for role, element in parts.items():
            part = _add(operation, role, message=f"tns:{_local(element)}")
            if role == "fault":
                part.set("name", _local(element))


def _binding(root: Element, profile: Profile) -> None:
    binding = _add(
        root, "binding", name=f"{profile.name}_Binding", type=f"tns:{profile.name}_Adapter"
    )
    _soap(binding, "binding", style="document", transport=HTTP)
    for name, parts in operations(profile).items():
        operation = _add(binding, "operation", name=name)
        _soap(operation, "operation", soapAction=soap_action(profile, name), style="document")
        for role in ("input", "output"):
            _soap(_add(operation, role), "body", use="literal")
        told = _local(parts["fault"])
        _soap(_add(operation, "fault", name=told), "fault", name=told, use="literal")


def _local(element: str) -> str:
    return element.partition(":")[2]


def _add(parent: Element, tag: str, /, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{WSDL}}}{tag}", **attributes)


def _soap(parent: Element, tag: str, /, **attributes: str) -> None:
    etree.SubElement(parent, f"{{{SOAP}}}{tag}", **attributes)
