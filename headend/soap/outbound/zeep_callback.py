"""The live way to another's SOAP door, a ReplyAddress among them: zeep over HTTP, in threads.

zeep brings our static WSDLs, their soapActions and the transport; the messages are made and their
answers read by `callback`, or by the bus's proxy.  Redirects are not followed, proxies and
credentials of the environment not used, and an answer is read up to a size.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import zeep
from requests import RequestException, Session
from zeep.transports import Transport

from headend.soap.outbound.callback import ANSWER_MAX_BYTES, CallbackFailed, NothingAnswered
from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.envelope import Kind
from protocols.cim.nouns import EVENTS, READINGS, REQUEST_VERBS

POSTS_AT_ONCE: Final = 8

# The WSDL and operation behind each body element.
OPERATIONS: Final = {
    f"{ns.CONTROLS}ResponseMessage": (f"Reply{ns.CONTROLS}", f"Reply{ns.CONTROLS}"),
    f"{ns.METER_CONFIG}ResponseMessage": (f"Reply{ns.METER_CONFIG}", f"Reply{ns.METER_CONFIG}"),
    **{f"{noun}ResponseMessage": (f"Reply{noun}", f"Reply{noun}") for noun in (READINGS, EVENTS)},
    **{f"Created{noun}": (f"Receive{noun}", f"Created{noun}") for noun in (READINGS, EVENTS)},
    **{
        f"{verb.capitalize()}{ns.CONTROLS}": (
            f"Execute{ns.CONTROLS}",
            f"{verb.capitalize()}{ns.CONTROLS}",
        )
        for verb in REQUEST_VERBS
    },
    f"Change{ns.METER_CONFIG}": (f"Execute{ns.METER_CONFIG}", f"Change{ns.METER_CONFIG}"),
    str(Kind.REQUEST): ("Generic", "Request"),
    str(Kind.RESPONSE): ("Generic", "Response"),
    str(Kind.EVENT): ("Generic", "PublishEvent"),
}


@dataclass(frozen=True, slots=True)
class ClientTls:
    """Our certificate towards consumers, and the authority that signs theirs."""

    certificate: Path
    key: Path
    server_authority: Path


class _BoundedTransport(Transport):
    """zeep's transport without redirects, and with an end to what it reads."""

    answer_max_bytes = ANSWER_MAX_BYTES

    def exchange(self, address: str, octets: bytes, headers: dict[str, str]) -> bytes:
        """The octets that came back, whatever the status: SOAP faults come with 500."""
        with self.session.post(
            address,
            data=octets,
            headers=headers,
            timeout=self.operation_timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.is_redirect:
                raise CallbackFailed(f"HTTP {response.status_code}: redirects are not followed")
            answer = bytearray()
            for chunk in response.iter_content(16 * 1024):
                answer += chunk
                if len(answer) > self.answer_max_bytes:
                    raise CallbackFailed(
                        f"the answer is longer than {self.answer_max_bytes} octets"
                    )
            if not answer:
                failed = NothingAnswered if response.ok else CallbackFailed
                raise failed(f"HTTP {response.status_code} with an empty answer")
            return bytes(answer)


class ZeepCallback:
    """`callback.Callback` for the live system.  Close it when done.

    The soapAction of an element that no WSDL of ours has is left empty: a receiver that goes by
    the body's element does not look at it.
    """

    def __init__(
        self,
        timeout_s: float,
        tls: ClientTls | None = None,
        *,
        answer_max_bytes: int = ANSWER_MAX_BYTES,
    ) -> None:
        self._timeout_s = timeout_s
        self._session = Session()
        self._session.trust_env = False
        if tls is not None:
            self._session.cert = (str(tls.certificate), str(tls.key))
            self._session.verify = str(tls.server_authority)
        self._transport = _BoundedTransport(
            session=self._session, timeout=timeout_s, operation_timeout=timeout_s
        )
        self._transport.answer_max_bytes = answer_max_bytes
        self._threads = ThreadPoolExecutor(POSTS_AT_ONCE, thread_name_prefix="soap-callback")
        with as_file(files("protocols.cim")) as package:
            clients: dict[str, Any] = {
                wsdl: zeep.Client(str(package / "wsdl" / f"{wsdl}.wsdl"), transport=self._transport)
                for wsdl in sorted({wsdl for wsdl, _ in OPERATIONS.values()})
            }
        self._actions = {
            element: str(clients[wsdl].service._binding.get(operation).soapaction)
            for element, (wsdl, operation) in OPERATIONS.items()
        }

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{self._actions.get(operation, "")}"',
        }
        loop = asyncio.get_running_loop()
        try:
            # requests bounds each read, not their sum: a consumer that drips is left behind here.
            async with asyncio.timeout(2 * self._timeout_s):
                return await loop.run_in_executor(
                    self._threads, self._transport.exchange, address, octets, headers
                )
        except TimeoutError as error:
            raise CallbackFailed("no complete answer in time") from error
        except (RequestException, OSError, ValueError) as error:
            raise CallbackFailed(f"{type(error).__name__}: {xml.clean(str(error), 200)}") from error

    def close(self) -> None:
        """Close kept connections; posts under way are left to their timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()
