"""The words for an authentication: the ones listed, and those of the field."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from tools.authentication import Auth, auth_of
from tools.cli import app

WORDS = {
    "none": "none", "None": "none", "lowest": "none", "0": "none",
    "low": "low", "LLS": "low", "1": "low",
    "high": "gmac", "hls": "gmac", "HLS-GMAC": "gmac", "HighGMac": "gmac", "hls5": "gmac",
    "hls_5": "gmac", "5": "gmac",
    "HighMd5": "md5", "hls3": "md5", "HLS-SHA1": "sha1", "hls4": "sha1",
    "sha-256": "sha256", "HighSha256": "sha256", "hls6": "sha256",
    "HighEcdsa": "ecdsa", "hls7": "ecdsa", "7": "ecdsa",
}  # fmt: skip


@pytest.mark.parametrize(("word", "auth"), WORDS.items(), ids=WORDS)
def test_what_a_word_means(word: str, auth: str) -> None:
    assert auth_of(word) is Auth(auth)


@pytest.mark.parametrize("word", ["", "2", "hls2", "kerberos", "high-low-9"])
def test_what_none_is(word: str) -> None:
    with pytest.raises(typer.BadParameter, match="is none of none, low, gmac"):
        auth_of(word)


@pytest.mark.parametrize("verb", [("meter", "listen"), ("probe", "read")], ids=" ".join)
def test_help_and_refusal_name_them(verb: tuple[str, ...]) -> None:
    wide = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}
    told = CliRunner().invoke(app, [*verb, "--help"], env=wide).output
    assert told.count("also lls, high or hls") + told.count("Also lls, high or hls") == 1
    refused = CliRunner().invoke(app, [*verb, "--auth", "kerberos"], env=wide)
    assert refused.exit_code == 2 and "kerberos" in refused.output
