"""The live way to a ReplyAddress: zeep over HTTP, in threads of its own.

zeep brings our static callback WSDLs, their soapActions and the transport; the messages are made
and their answers read by `callback`.  Redirects are not followed, proxies and credentials of the
environment not used, and an answer is read up to `ANSWER_MAX_BYTES`.
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

from headend.soap.callback import ANSWER_MAX_BYTES, CallbackFailed
from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.envelope import Kind

POSTS_AT_ONCE: Final = 8

# The WSDL and operation behind each body element.
OPERATIONS: Final = {
    f"{ns.CONTROLS}ResponseMessage": (f"Reply{ns.CONTROLS}", f"Reply{ns.CONTROLS}"),
    f"{ns.METER_CONFIG}ResponseMessage": (f"Reply{ns.METER_CONFIG}", f"Reply{ns.METER_CONFIG}"),
    f"Created{ns.EVENTS}": (f"Receive{ns.EVENTS}", f"Created{ns.EVENTS}"),
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
                if len(answer) > ANSWER_MAX_BYTES:
                    raise CallbackFailed(f"the answer is longer than {ANSWER_MAX_BYTES} octets")
            if not answer:
                raise CallbackFailed(f"HTTP {response.status_code} with an empty answer")
            return bytes(answer)


class ZeepCallback:
    """`callback.Callback` for the live system.  Close it when done."""

    def __init__(self, timeout_s: float, tls: ClientTls | None = None) -> None:
        self._timeout_s = timeout_s
        self._session = Session()
        self._session.trust_env = False
        if tls is not None:
            self._session.cert = (str(tls.certificate), str(tls.key))
            self._session.verify = str(tls.server_authority)
        self._transport = _BoundedTransport(
            session=self._session, timeout=timeout_s, operation_timeout=timeout_s
        )
        self._threads = ThreadPoolExecutor(POSTS_AT_ONCE, thread_name_prefix="soap-callback")
        with as_file(files("protocols.cim")) as package:
            self._actions = {
                element: self._action(package / "wsdl" / f"{wsdl}.wsdl", operation)
                for element, (wsdl, operation) in OPERATIONS.items()
            }

    def _action(self, wsdl: Path, operation: str) -> str:
        client: Any = zeep.Client(str(wsdl), transport=self._transport)
        return str(client.service._binding.get(operation).soapaction)

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{self._actions[operation]}"',
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
