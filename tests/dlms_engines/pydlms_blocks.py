"""Run by pydlms-client's own interpreter, in its own environment and process; never imported.

A meter of pydlms-client 0.1.0 that agrees on general block transfer and ACCESS, with blocks lost on
purpose; the command line has no option for either.  Takes what to do as JSON, prints the port and
serves until its input ends.  It holds nothing of this project, and nothing of this project holds
pydlms-client, which is GPL-3.0-only.
"""

import json
import sys

from pydlms.cosem.data import DlmsData
from pydlms.security.hls import Mechanism
from pydlms.simulator import ClientProfile, example_meter, serve


def main() -> None:
    asked = json.loads(sys.argv[1])
    keys = {}
    if asked["ciphered"]:
        keys = {
            "encryption_key": bytes.fromhex(asked["encryption_key"]),
            "authentication_key": bytes.fromhex(asked["authentication_key"]),
        }
    meter = example_meter(max_pdu=asked["pdu_size"], **keys)
    meter.conformance |= type(meter.conformance)(asked["conformance"])
    meter.gbt_window = asked["window"]
    meter.drop_gbt_blocks = set(asked["lost_up"])
    meter.drop_gbt_requests = set(asked["lost_down"])
    meter.clients[1] = ClientProfile(
        Mechanism.HLS_GMAC if keys else Mechanism.NONE, ciphered=bool(keys)
    )
    meter.add_object(
        1,
        "0.0.96.1.99.255",
        {2: DlmsData.array([DlmsData.uint32(number) for number in range(200)])},
    )
    server = serve(meter)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    sys.stdin.read()
    server.shutdown()


main()
