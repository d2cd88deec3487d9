"""Where an adapter's instances come from: each kind of source has its `kind` in the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from headend.integration.cim.mapping import ADAPTERS as DATABASES
from headend.integration.cim.opcua_mapping import ADAPTERS as SERVERS


class SqlSource(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="kind",
    tag="sql",
):
    """A system that is a database: its URL, or the path of an SQLite file."""

    database: str

    def beside(self, folder: Path) -> SqlSource:
        """The same with its file found from wherever the process runs."""
        if "://" in self.database:
            return self
        return msgspec.structs.replace(self, database=str(folder / self.database))


class OpcUaSource(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="kind",
    tag="opc-ua",
):
    """A system that is an OPC UA server.  With a certificate the connection is signed and
    encrypted; a password leaves this machine only so."""

    url: Annotated[str, msgspec.Meta(pattern=r"^opc\.tcp://\S+\Z")]
    user: str | None = None
    password_file: Path | None = None  # its first line
    certificate: Path | None = None
    key: Path | None = None
    server_certificate: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")

    def beside(self, folder: Path) -> OpcUaSource:
        """Itself: its paths are found as they are read."""
        return self


class HeadEndSource(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="kind",
    tag="head-end",
):
    """A head-end's own database, as a reader beside it: its URL, or the path of an SQLite file.
    `system` is what that head-end is called, `name` in its settings."""

    database: str
    system: str = "HES"

    def beside(self, folder: Path) -> HeadEndSource:
        """The same with its file found from wherever the process runs."""
        if "://" in self.database:
            return self
        return msgspec.structs.replace(self, database=str(folder / self.database))


Source = SqlSource | OpcUaSource | HeadEndSource

MAPPED: Final[dict[type[Source], tuple[str, ...]]] = {
    SqlSource: DATABASES,
    OpcUaSource: SERVERS,
    HeadEndSource: ("ami",),
}
"""The profiles that each kind of source can be shown by."""
