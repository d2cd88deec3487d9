"""Posting to a SOAP door over HTTP: the octets of the answer, or why there is none."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT_S = 60.0


def post(
    address: str, body: bytes, tls: ssl.SSLContext | None = None, timeout_s: float = TIMEOUT_S
) -> bytes:
    """The answer's octets; a SOAP fault is one.  It waits: not for the loop's thread.  Raises
    `ConnectionError`."""
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
    request = urllib.request.Request(address, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s, context=tls) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:  # a SOAP fault comes as 500
        return bytes(error.read())
    except urllib.error.URLError as error:
        why = getattr(error.reason, "strerror", None) or error.reason
        raise ConnectionError(f"nobody answers at {address}: {why}") from error
    except (OSError, http.client.HTTPException) as error:  # it broke off, or is too late
        raise ConnectionError(
            f"no answer from {address}: {str(error) or type(error).__name__}"
        ) from error


def is_address(text: str) -> bool:
    """Whether a text is an address that may be posted to."""
    try:
        parts = urllib.parse.urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and text.isascii()
        return usable and not any(each.isspace() for each in text) and parts.port != 0
    except ValueError:
        return False
