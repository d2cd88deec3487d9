"""Every vector that others made goes through the command, with the keys that it brings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.dlms.shared import ABSENT, Vector, vectors
from tests.dlms.test_shared_vectors import REFUSED
from tools.cli import app

FRAMING = {"push-hdlc": "hdlc", "hdlc-frame": "hdlc", "push-mbus": "mbus"}
KEYS = {
    "encryption_key": "--key",
    "authentication_key": "--auth-key",
    "system_title": "--system-title",
}
NO_APDU = {  # kinds whose octets are no APDU: a challenge, a shared secret
    "gmac": "is no APDU known here",
    "ecdh-p256": "is no APDU known here",
}
IN_BLOCKS = ("3-", "4-", "5-", "6-", "25-")  # pushes in general block transfer


def all_vectors() -> pytest.MarkDecorator:
    kinds = (
        "push-hdlc", "push-mbus", "push-raw", "ciphered-apdu", "ciphered-acse", "gmac",
        "ecdh-p256", "apdu", "axdr", "hdlc-frame",
    )  # fmt: skip
    found = vectors(*kinds) or [
        pytest.param(None, marks=pytest.mark.skip(reason=ABSENT), id="absent")
    ]
    return pytest.mark.parametrize("vector", found, ids=lambda vector: vector and vector.name)


def decoded(vector: Vector) -> tuple[int, dict[str, Any]]:
    arguments = ["dlms", "decode", vector.octets.hex(), "--json"]
    for name, option in KEYS.items():
        if name in vector.keys:
            arguments += [option, vector.keys[name]]
    if vector.kind in FRAMING:
        arguments += ["--framing", FRAMING[vector.kind]]
    if vector.kind == "axdr":
        arguments += ["--as", "data"]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    for name in ("encryption_key", "authentication_key"):
        if name in vector.keys and vector.kind != "hdlc-frame":
            assert vector.keys[name].lower() not in ran.output.lower()
    return ran.exit_code, json.loads(ran.stdout)


@all_vectors()
def test_every_valid_vector_is_written_again_as_it_came(vector: Vector) -> None:
    code, told = decoded(vector)
    if vector.kind in NO_APDU:
        assert code == 1 and NO_APDU[vector.kind] in told["error"]["cause"]
        return
    if vector.name in REFUSED:
        offset, cause = REFUSED[vector.name]
        assert code == 1 and cause in told["error"]["cause"]
        # An APDU in several frames has its offset in words; the other is that of its first frame.
        placed = told["error"]["offset"] == offset or f"octet {offset} of" in told["error"]["cause"]
        assert placed, told["error"]
        return
    assert "error" not in told and code == 0
    assert told["reencoded"] == vector.octets.hex()
    if vector.kind == "push-hdlc" and vector.name.startswith(IN_BLOCKS):
        (joined,) = told["joined"]
        assert len(joined["from"]) == len(told["frames"]) > 1
        assert ("opened" in joined) is bool(vector.keys)


@all_vectors()
def test_what_a_vector_expects_is_what_is_told(vector: Vector) -> None:
    _, told = decoded(vector)
    expected = vector.expected
    plain = expected.get("plaintext") or expected.get("initiate_plaintext")
    if plain is not None:
        assert [opened["octets"] for opened in told["opened"]] == [plain]
        assert told["opened"][0]["tag"] == (
            "none" if vector.octets[2] & 0x30 == 0x20 else "verified"
        )
    if "frames" in expected:
        assert len(told["frames"]) == len(expected["frames"])
        for frame, printed in zip(told["frames"], expected["frames"], strict=True):
            destination, source = frame["destination"], frame["source"]
            for name, address in (("dest", destination), ("src", source)):
                said = "upper={upper}, lower={lower}, size={size}".format(**address)
                assert f"{name}=HdlcAddress({said})" in printed
            assert f"control={int(frame['control'], 16)}," in printed
            assert (frame["fcs"], frame["hcs"]) in (("good", "good"), ("good", None))
    if "value" in expected and vector.name not in REFUSED:
        assert plainly(told["value"]) == expected["value"]
    if "records" in expected and "error" not in told:
        said = set(flat(told))
        for record in expected["records"]:
            value = record["value"]
            if isinstance(value, int):
                # Some records are scaled by the unit that stands beside the number.
                assert any(value * scale in said for scale in (1, 0.1, 0.01)), record
            elif isinstance(value, str) and value.isalnum():
                assert any(value in text for text in said if isinstance(text, str)), record


def plainly(value: dict[str, Any]) -> object:
    """A value as the vectors' own reader printed it."""
    held = value["value"]
    return [plainly(element) for element in held] if isinstance(held, list) else held


def flat(told: object) -> Any:
    """Every number and text, octets also as the text that they may be."""
    if isinstance(told, dict):
        if told.get("type") == "octet-string":
            yield bytes.fromhex(told["value"]).decode("latin-1")
        for held in told.values():
            yield from flat(held)
    elif isinstance(told, list):
        for held in told:
            yield from flat(held)
    else:
        yield told
