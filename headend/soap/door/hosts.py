"""Spyne's applications, one for each target namespace, around an operation that is awaited.

Spyne registers an application for the life of the process, so they are made once, whatever the
number of servers; who answers travels with each call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any

from headend.soap.door.raw_soap import RawSoap11, SoapFault
from headend.soap.door.shim import AnyXml, Application, MethodContext, ServerBase, Service, rpc
from protocols.cim import namespaces as ns
from protocols.cim.envelope import Kind
from protocols.cim.nouns import NOUNS, QUERIES
from protocols.cim.xml import Element

Operation = Callable[[Element], Awaitable[Element]]


class Host(ServerBase):
    """Spyne's cycle: envelope, dispatch, the awaited operation, the answer or the fault."""

    transport = "http://schemas.xmlsoap.org/soap/http"

    async def call(self, root: Element, operation: Operation) -> tuple[bytes, bool]:
        """The answer's octets, and whether they are a fault.

        `operation` takes the body's element and returns the answer's; it may raise `SoapFault`.
        """
        first = MethodContext(self, MethodContext.SERVER)
        first.in_document = root
        first.udc = operation
        ctx = self.generate_contexts(first)[0]
        if ctx.in_error is None:
            self.get_in_object(ctx)
            self.get_out_object(ctx)  # begins the operation; nothing of it ran yet
        if ctx.out_error is None:
            try:
                ctx.out_object = [await ctx.out_object[0]]
            except SoapFault as fault:
                ctx.out_error = fault
        self.get_out_string(ctx)
        return b"".join(ctx.out_string), ctx.out_error is not None


def host_of(namespace: str) -> Host:
    """The host of a body element's namespace.  A foreign element gets the generic one, which
    answers it with a fault."""
    hosts = _hosts()
    return hosts.get(namespace, hosts[ns.MESSAGE])


@cache
def _hosts() -> dict[str, Host]:
    return {
        ns.MESSAGE: _host(ns.MESSAGE, map(str, (Kind.REQUEST, Kind.RESPONSE, Kind.EVENT))),
        **{
            ns.typed(noun.name): _host(
                ns.typed(noun.name), (f"{verb.capitalize()}{noun.name}" for verb in noun.requests)
            )
            for noun in NOUNS.values()
        },
        **{ns.typed(query): _host(ns.typed(query), (query,)) for query in QUERIES},
    }


def _host(namespace: str, names: Iterable[str]) -> Host:
    """A Spyne application whose operations are these elements of one namespace."""
    service = type("Door", (Service,), {name: _operation(name) for name in names})
    return Host(
        Application([service], tns=namespace, in_protocol=RawSoap11(), out_protocol=RawSoap11())
    )


def _operation(name: str) -> Any:
    def answer(ctx: Any, body: Element) -> Any:
        return ctx.udc(body)

    answer.__name__ = name
    return rpc(AnyXml, _returns=AnyXml, _body_style="bare")(answer)
