"""Meters of pydlms-client 0.1.0; run by its own interpreter, never imported.

Each session of the matrix gets a meter that nobody has touched, with the objects of `pydlms
simulate`; the command line makes one meter a process and takes no key pair.  What meters there
shall be comes as JSON, their ports go as JSON; they serve until the input ends.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from pydlms.security.context import SecurityContext
from pydlms.security.hls import Mechanism
from pydlms.simulator import ClientProfile, example_meter, serve

CURVE = ec.SECP256R1()
MECHANISMS = {
    "none": Mechanism.NONE,
    "low": Mechanism.LLS,
    "gmac": Mechanism.HLS_GMAC,
    "ecdsa": Mechanism.HLS_ECDSA,
}


def meter(asked: dict[str, Any]) -> Any:
    auth, keys = asked["auth"], {}
    if auth in ("gmac", "ecdsa"):
        keys = {
            name: bytes.fromhex(asked[name]) for name in ("encryption_key", "authentication_key")
        }
    made = example_meter(system_title=bytes.fromhex(asked["system_title"]), **keys)
    profile = ClientProfile(MECHANISMS[auth], ciphered=bool(keys))
    if auth == "low":
        profile.secret = asked["password"].encode()
    if auth == "ecdsa":
        client = ec.derive_private_key(int(asked["client_signing_key"], 16), CURVE)
        profile.client_public_key = client.public_key()
        made.security = SecurityContext(
            *keys.values(), client_system_title=made.system_title, suite=1
        )
        made.signing_key = ec.derive_private_key(int(asked["meter_signing_key"], 16), CURVE)
    made.clients[asked["client"]] = profile
    return made


def main() -> None:
    servers = [
        serve(meter(asked), "127.0.0.1", 0, asked["framing"] == "hdlc")
        for asked in json.loads(sys.stdin.readline())
    ]
    print(json.dumps([server.server_address[1] for server in servers]), flush=True)
    sys.stdin.read()
    for server in servers:
        server.shutdown()


main()
