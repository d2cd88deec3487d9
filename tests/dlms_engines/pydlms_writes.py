"""Run by pydlms-client's own interpreter, in its own environment and process; never imported.

pydlms-client 0.1.0 reads from its command line but writes only from Python.  This program is all
that is said to it beyond the command line: take a meter's address and keys as JSON, write a limit,
disconnect and connect, and print what was read before and after.  It holds nothing of this project,
and nothing of this project holds pydlms-client, which is GPL-3.0-only.
"""

import json
import sys

from pydlms.client import DlmsClient
from pydlms.cosem.data import DlmsData
from pydlms.exceptions import ServiceError
from pydlms.security.context import SecurityContext
from pydlms.security.hls import Mechanism

LIMITER, CONTROL = "0.0.17.0.0.255", "0.0.96.3.10.255"


def main() -> None:
    meter = json.loads(sys.argv[1])
    security = SecurityContext(
        bytes.fromhex(meter["encryption_key"]),
        bytes.fromhex(meter["authentication_key"]),
        client_system_title=bytes.fromhex(meter["client_system_title"]),
    )
    shown = {}
    with DlmsClient.tcp(
        meter["host"],
        meter["port"],
        client_sap=meter["client"],
        server_logical=meter["server"],
        mechanism=Mechanism.HLS_GMAC,
        security=security,
        discover_invocation_counter=True,
    ) as client:

        def supply():
            return [client.get(CONTROL, 70, index).value for index in (2, 3, 4)]

        shown["limit_before"] = client.get(LIMITER, 71, 4).value
        client.set(LIMITER, 71, 4, DlmsData.uint32(meter["write"]))
        shown["limit_after"] = [client.get(LIMITER, 71, index).value for index in (3, 4)]
        try:
            client.set(LIMITER, 71, 4, DlmsData.uint16(meter["write"]))
        except ServiceError as error:
            shown["wrong_type"] = str(error)
        shown["supply"] = [supply()]
        for method in (1, 2):
            client.action(CONTROL, 70, method, DlmsData.int8(0))
            shown["supply"].append(supply())
        many = [(LIMITER, 71, index) for index in (3, 4, 6)]
        shown["list"] = [getattr(item, "value", item) for item in client.get_many(many)]
        long = client.get("0.0.40.0.0.255", 15, 2)
        shown["objects"] = len(long.value)
    print(json.dumps(shown))


main()
