"""The first start of the live head-end, and the second."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import httpx2
import msgspec
import pytest

from headend.app.serving import DoorTaken, serving
from headend.config import BadConfig, Config, Rest, Soap
from headend.config.oidc import Oidc
from headend.config.secret import Secret
from headend.config.web import Web
from tests import databases


async def test_the_first_start_tells_a_password_that_is_not_told_again(tmp_path: Path) -> None:
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        soap=Soap(port=0),
        rest=Rest(port=0),
    )
    async with serving(config) as running:
        password, url = running.first_password, running.web_url
        assert password is not None and url is not None
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
            form = await http.get("/login")
            proofs = set(re.findall(r'name="proof" value="(\w+)"', form.text))
            told = {"proof": proofs.pop(), "name": "admin", "password": password}
            let_in = await http.post("/login", data=told)
            assert let_in.status_code == 303
            # Nothing but another password is to be had with it.
            assert (await http.get("/accounts")).headers["location"] == "/password"
    async with serving(config) as running:
        assert running.first_password is None


async def test_a_start_that_failed_has_told_no_password_so_the_next_tells_one(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = Config(
            database=databases.at(tmp_path / "ami.db"),
            legacy_database=databases.at(tmp_path / "legacy.db"),
            soap=Soap(port=0),
            rest=Rest(port=taken.getsockname()[1]),
        )
        with pytest.raises(DoorTaken):
            async with serving(config):
                pass
    async with serving(msgspec.structs.replace(config, rest=Rest(port=0))) as running:
        assert running.first_password is not None


async def test_it_starts_while_the_identity_provider_is_away_but_not_without_its_secret(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "oidc.secret"
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        soap=Soap(port=0),
        rest=Rest(port=0),
        oidc=Oidc(
            issuer="http://127.0.0.1:9", client_id="ami", client_secret=Secret(file=kept),
            title="Empresa", timeout_s=1.0,
        ),
    )  # fmt: skip
    with pytest.raises(BadConfig, match="oidc.client_secret"):
        async with serving(config):
            pass
    kept.write_text("kept")
    async with serving(config) as running:
        assert running.web_url is not None and running.first_password is not None
        async with httpx2.AsyncClient(
            base_url=running.web_url, trust_env=False, timeout=30
        ) as http:
            form = await http.get("/login")
            assert "Entrar con Empresa" in form.text and "no responde ahora" in form.text


async def test_no_pages_no_administrator(tmp_path: Path) -> None:
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        soap=Soap(port=0),
        rest=Rest(port=0),
        web=Web(enabled=False),
    )
    async with serving(config) as running:
        assert running.first_password is None and running.web_url is None
        assert running.rest_url is not None
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
            gone = await http.get(running.rest_url.removesuffix("/api/v1") + "/login")
            assert gone.status_code == 404 and gone.json()["code"] == "no-such-route"
