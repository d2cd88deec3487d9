"""WSDLs of the nouns: bare, document/literal, SOAP 1.1, one part for each message.

One service for each noun and stereotype, as IEC 61968-100:2013 names them.  Each operation answers
with the noun's ResponseMessage and fails with its FaultMessage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import quoteattr

from protocols.cim import namespaces as ns
from protocols.cim.nouns import NOUNS, Noun

_SOAP_HTTP: Final = "http://schemas.xmlsoap.org/soap/http"
_SERVED: Final = "http://127.0.0.1/soap/"
_CALLED_BACK: Final = "http://127.0.0.1/callback"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, the message element that asks it, and its soapAction."""

    name: str
    element: str
    action: str


@dataclass(frozen=True, slots=True)
class Service:
    """One WSDL.  `messages` is the noun whose typed namespace its elements are in, None for the
    generic ones; `answer` begins the names of its answers."""

    name: str
    about: str
    messages: str | None
    answer: str
    operations: tuple[Operation, ...]
    address: str

    @property
    def target(self) -> str:
        return ns.ROOT + ("abstract" if self.messages is None else self.name)

    @property
    def elements(self) -> str:
        return ns.MESSAGE if self.messages is None else ns.typed(self.messages)

    @property
    def schema(self) -> str:
        return f"{self.messages or ''}Message.xsd"


def services() -> dict[str, Service]:
    """Every service, by its file's name."""
    found = [_GENERIC, *(service for noun in NOUNS.values() for service in _of(noun))]
    return {f"{service.name}.wsdl": service for service in found}


_GENERIC: Final = Service(
    "Generic",
    "The generic interface: any noun inside RequestMessage, ResponseMessage or EventMessage.",
    None,
    "",
    tuple(
        Operation(name, element, f"{ns.ROOT}abstract/{name}")
        for name, element in (
            ("Request", "RequestMessage"),
            ("Response", "ResponseMessage"),
            ("PublishEvent", "EventMessage"),
        )
    ),
    f"{_SERVED}generic",
)


def _of(noun: Noun) -> list[Service]:
    name = noun.name
    told = _operations(name, noun.events)
    late = Operation(f"Reply{name}", f"{name}ResponseMessage", f"{ns.ROOT}{name}/Reply{name}")
    found = [
        Service(f"Execute{name}", f"Requests for {name}.", name, name,
                _operations(name, noun.requests), _SERVED + name),
        Service(f"Reply{name}", f"Callback: the late answer to a request for {name}.", name, name,
                (late,), _CALLED_BACK),
        Service(f"Receive{name}", f"Events of {name}, to whom they are told.", name, name,
                told, _CALLED_BACK),
        Service(f"Send{name}", f"Events of {name}, from who tells them.", name, name,
                told, _SERVED + name),
    ]  # fmt: skip
    if noun.query is not None:
        query = noun.query
        asked = Operation(query, query, f"{ns.ROOT}{query}/{query}")
        found.append(
            Service(query, f"Questions for {name}.", query, name, (asked,), _SERVED + name)
        )
    return found


def _operations(noun: str, verbs: tuple[str, ...]) -> tuple[Operation, ...]:
    names = [f"{verb.capitalize()}{noun}" for verb in verbs]
    return tuple(Operation(name, name, f"{ns.ROOT}{noun}/{name}") for name in names)


def text(service: Service) -> str:
    """The WSDL of a service.  Its schema is told relative to the folder of WSDLs."""
    fault = f"{service.answer}FaultMessage"
    answer = f"{service.answer}ResponseMessage"
    imported = f'namespace="{service.elements}" schemaLocation="../xsd/{service.schema}"'
    elements = dict.fromkeys([*(each.element for each in service.operations), answer, fault])
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<!--",
        f"    {service.about}",
        "    SOAP 1.1, document/literal bare (IEC 61968-100:2013).",
        "-->",
        '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"',
        '                  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"',
        '                  xmlns:xs="http://www.w3.org/2001/XMLSchema"',
        f'                  xmlns:msg="{service.elements}"',
        f'                  xmlns:tns="{service.target}"',
        f'                  name="{service.name}" targetNamespace="{service.target}">',
        "  <wsdl:types>",
        f'    <xs:schema targetNamespace="{service.target}" elementFormDefault="qualified">',
        f"      <xs:import {imported}/>",
        "    </xs:schema>",
        "  </wsdl:types>",
        "",
    ]
    for element in elements:
        lines += [
            f'  <wsdl:message name="{element}">',
            f'    <wsdl:part name="message" element="msg:{element}"/>',
            "  </wsdl:message>",
        ]
    lines += ["", f'  <wsdl:portType name="{service.name}_Port">']
    for each in service.operations:
        lines += [
            f'    <wsdl:operation name="{each.name}">',
            f'      <wsdl:input message="tns:{each.element}"/>',
            f'      <wsdl:output message="tns:{answer}"/>',
            f'      <wsdl:fault name="{fault}" message="tns:{fault}"/>',
            "    </wsdl:operation>",
        ]
    lines += ["  </wsdl:portType>", "", *_binding(service, fault)]
    lines += [
        "",
        f'  <wsdl:service name="{service.name}">',
        f'    <wsdl:port name="{service.name}_Port" binding="tns:{service.name}_Binding">',
        f"      <soap:address location={quoteattr(service.address)}/>",
        "    </wsdl:port>",
        "  </wsdl:service>",
        "</wsdl:definitions>",
    ]
    return "\n".join(lines) + "\n"


def _binding(service: Service, fault: str) -> list[str]:
    lines = [
        f'  <wsdl:binding name="{service.name}_Binding" type="tns:{service.name}_Port">',
        f'    <soap:binding style="document" transport="{_SOAP_HTTP}"/>',
    ]
    for each in service.operations:
        lines += [
            f'    <wsdl:operation name="{each.name}">',
            f'      <soap:operation soapAction="{each.action}" style="document"/>',
            "      <wsdl:input>",
            '        <soap:body use="literal"/>',
            "      </wsdl:input>",
            "      <wsdl:output>",
            '        <soap:body use="literal"/>',
            "      </wsdl:output>",
            f'      <wsdl:fault name="{fault}">',
            f'        <soap:fault name="{fault}" use="literal"/>',
            "      </wsdl:fault>",
            "    </wsdl:operation>",
        ]
    return [*lines, "  </wsdl:binding>"]
