"""New keys for a meter behind a gateway concentrator: by a head-end and a field of their own, over
a real broker, with the concentrator's session cut at any frame of the change."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devices.meter.identity import MANAGEMENT_CLIENT, Identity
from headend.store.envelope import VARIABLE, Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.dlms.keys import Keys
from tests.demo.commands import running
from tools.cli import app

pytestmark = [pytest.mark.live, pytest.mark.requires("mosquitto")]
STORY, SEED, METER = "an-order-goes-through-the-gateway", 12, 90000001
ENVELOPE = b"\xab" * 64
FRAME = b"tunnel-frame"
FRAMES = 14  # that go down in a change without a cut, at least


@contextmanager
def cut_once(broker: str, at: int) -> Iterator[str]:
    """A way to the broker that breaks once, as the so many-th frame for a meter passes; 0 never."""
    host, _, port = broker.rpartition(":")
    loop = asyncio.new_event_loop()
    ready, done, places, seen = threading.Event(), asyncio.Event(), list[str](), [0]

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))

        async def onward(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, down: bool
        ) -> None:
            while octets := await source.read(65536):
                before = seen[0]
                if down:
                    seen[0] += octets.count(FRAME)
                    if before < at <= seen[0]:
                        break
                sink.write(octets)
            for each in (writer, far_writer):
                each.close()

        try:
            await asyncio.gather(
                onward(far_reader, writer, down=True),
                onward(reader, far_writer, down=False),
                return_exceptions=True,
            )
        finally:
            for each in (writer, far_writer):
                each.close()

    async def serve() -> None:
        async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
            places.append(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
            ready.set()
            await done.wait()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        await asyncio.sleep(0)  # transports that close drop their sockets in the loop's next turn

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        yield places[0]
        assert seen[0] >= at, "the cut came to pass"
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(30)
        loop.close()


def ami(*arguments: str) -> Any:
    ran = CliRunner().invoke(app, [*arguments, "--database", "ami.db", "--json"])
    assert ran.exit_code == 0, (ran.output, ran.stderr, ran.exception)
    return json.loads(ran.stdout)


async def known() -> tuple[Keys, bool]:
    """The vault's current keys, and whether a change is under way."""
    store = SqlStore("sqlite:///ami.db", live=False)
    try:
        found = await KeyVault(store, Envelope([ENVELOPE])).keys(str(METER), MANAGEMENT_CLIENT)
    finally:
        await store.close()
    assert found is not None
    return found.current.keys, found.pending is not None


@pytest.mark.parametrize(
    "cut_at",
    [8, *(pytest.param(at, marks=pytest.mark.prove) for at in range(FRAMES) if at != 8)],
)
def test_new_keys_through_a_gateway_that_loses_its_broker(
    cut_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, ENVELOPE.hex())
    identity = Identity(SEED, METER)
    old, master = identity.keys(MANAGEMENT_CLIENT), identity.master_key(MANAGEMENT_CLIENT)
    key = ":".join(part.hex() for part in (old.encryption, old.authentication, master))
    with running(
        tmp_path, "serve", "--port=0", "--database=ami.db", f"--registry={STORY}"
    ) as serve:
        broker = serve.first_word()["mqtt"]
        added = CliRunner().invoke(
            app,
            ["meter", "add", str(METER), "--address", "gateway", "--concentrator", "C-001",
             "--model", "sim-3p", "--key", f"1:{key}", "--database", "ami.db"],
        )  # fmt: skip
        assert added.exit_code == 0, added.output
        with (
            cut_once(broker, cut_at) as way,
            running(tmp_path, "field", STORY, f"--mqtt={way}") as field,
        ):
            field.first_word()
            (order,) = ami("meter", "rekey", str(METER))
            assert order["state"] == "done", order
            new, under_way = asyncio.run(known())
            assert not under_way and new.encryption != old.encryption
            read = ami("order", "read", "--meter", str(METER), "active-energy-import")
            assert read["readings"][0]["value"] is not None, "by the new keys"
    left = b"".join(path.read_bytes() for path in tmp_path.glob("*"))
    for secret in (old.encryption, new.encryption, new.authentication, master):
        assert secret not in left, "no key in the open, nor in what the concentrator carried"
