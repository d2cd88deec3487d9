"""Run by pydlms-client's own interpreter, in its own environment and process; never imported.

pydlms-client 0.1.0 reads from its command line under suite 0 alone.  This program has it read one
register in every kind of security it knows: cases come as JSON lines, answers go as JSON lines.  It
holds nothing of this project, and nothing of this project holds pydlms-client (GPL-3.0-only).
"""

import json
import sys

from cryptography.hazmat.primitives.asymmetric import ec
from pydlms.client import DlmsClient
from pydlms.security.context import SecurityContext
from pydlms.security.general import KeyInfo
from pydlms.security.hls import Mechanism

CURVES = {1: ec.SECP256R1(), 2: ec.SECP384R1()}


def read(case: dict) -> int:
    octets = {name: bytes.fromhex(text) for name, text in case["octets"].items()}
    pairs = {
        name: ec.derive_private_key(int(number, 16), CURVES[case["suite"]])
        for name, number in case["scalars"].items()
    }
    security = SecurityContext(
        octets["encryption"],
        octets["authentication"],
        client_system_title=octets["client_title"],
        server_system_title=octets["server_title"],
        invocation_counter=case["counter"],
        suite=case["suite"],
        master_key=octets["master"],
        signing_key=pairs.get("client_signs"),
        key_agreement_key=pairs.get("client_agrees"),
        peer_signing_key=pairs["server_signs"].public_key() if pairs else None,
        peer_key_agreement_key=pairs["server_agrees"].public_key() if pairs else None,
        general_aad=case["aad"],
    )
    kind = case["kind"]
    with DlmsClient.tcp(
        "127.0.0.1",
        port=case["port"],
        client_sap=1,
        mechanism=Mechanism(case["mechanism"]),
        password=octets["secret"],
        security=security,
        protection=case["protection"],
        key_info=KeyInfo(kind[0], scheme=kind[1]) if kind else None,
        use_dedicated_key=case["dedicated"],
        signing_key=pairs.get("client_signs"),
        server_public_key=pairs["server_signs"].public_key() if pairs else None,
    ) as client:
        values = [client.get("1.0.1.8.0.255", 3, 2).value for _ in range(2)]
        assert values[0] == values[1]
        return values[0]


for line in sys.stdin:
    try:
        print(json.dumps({"value": read(json.loads(line))}), flush=True)
    except Exception as error:  # told to the test, which judges it
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
