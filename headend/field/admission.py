"""Who may enter a Mosquitto of the head-end's own, and what each may do there.

Everybody shows a certificate of one authority.  Its common name is the user name and the client id
at once, so that nobody can take another's session: a concentrator's is the concentrator's id.  What
a name may do is written here from the message sets' own topics, as docs/concentrator-messages.md
promises vendors; what is not named is not delivered, and a publication of it is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headend.field import relay
from protocols.commercial import messages as commercial
from protocols.concentrator import topics

LISTENER = """\
allow_anonymous false
cafile {authority}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
acl_file {permissions}
"""

EVERY_NAME = "%u"  # Mosquitto puts the user's name here; one with /, + or # in it gets nothing


@dataclass(frozen=True, slots=True)
class Admission:
    """Mutual TLS, and the permissions behind it.  `head_end` is the name on our own certificate."""

    certificate: Path
    key: Path
    client_authority: Path
    head_end: str
    queue_root: str = commercial.ROOT
    queue_readers: tuple[str, ...] = ()
    notice_roots: tuple[str, ...] = ()
    revoked: Path | None = None  # revocation list of client_authority

    def listener(self, permissions: Path) -> str:
        """Lines of Mosquitto's configuration; `permissions` is where `permissions` is written."""
        revoked = "" if self.revoked is None else f"crlfile {self.revoked.resolve()}\n"
        return revoked + LISTENER.format(
            authority=self.client_authority.resolve(),
            certificate=self.certificate.resolve(),
            key=self.key.resolve(),
            permissions=permissions.resolve(),
        )

    def permissions(self) -> str:
        """Mosquitto's ACL file."""
        results = commercial.results(self.queue_root)
        messages = commercial.cim(self.queue_root)
        receipts = commercial.receipts(self.queue_root)
        blocks = [
            [
                f"user {self.head_end}",
                f"topic read {topics.ALL_UP}",
                f"topic read {topics.ALL_STATUS}",
                f"topic write {topics.ALL_DOWN}",
                f"topic read {relay.ROOT}/#",
                f"topic write {relay.ROOT}/#",
                f"topic write {results}",
                f"topic write {messages}",
                f"topic read {receipts}",
                *(f"topic write {root}/#" for root in self.notice_roots),
            ]
        ]
        for reader in self.queue_readers:
            # Denied first: otherwise it could pass for a concentrator of its own name.
            denied = f"topic deny {topics.ROOT}/#"
            told = (f"topic read {root}/#" for root in self.notice_roots)
            blocks.append(
                [
                    f"user {reader}",
                    denied,
                    f"topic read {results}",
                    f"topic read {messages}",
                    f"topic write {receipts}",
                    *told,
                ]
            )
        blocks.append(
            [
                f"pattern read {topics.down(EVERY_NAME)}",
                f"pattern write {topics.up(EVERY_NAME)}",
                f"pattern write {topics.status(EVERY_NAME)}",
            ]
        )
        return "\n\n".join("\n".join(block) for block in blocks) + "\n"
