"""Only listed addresses: every trick that makes one look listed fails."""

from __future__ import annotations

import pytest

from headend.soap.outbound.addresses import ReplyAddresses

LIST = ReplyAddresses(
    ("https://crm.utility.example/ami", "http://127.0.0.1:9000/", "http://[::1]:9000/cb/")
)

PERMITTED = [
    "https://crm.utility.example/ami",
    "https://crm.utility.example/ami/",
    "https://crm.utility.example/ami/replies?x=1",
    "https://CRM.utility.example:443/ami",
    "http://127.0.0.1:9000",
    "http://127.0.0.1:9000/any/where",
    "http://[::1]:9000/cb/1",
]

REFUSED = [
    "",
    "crm.utility.example/ami",
    "//crm.utility.example/ami",
    "http://crm.utility.example/ami",
    "https://crm.utility.example/",
    "https://crm.utility.example/amigo",
    "https://crm.utility.example/AMI",
    "https://crm.utility.example:8443/ami",
    "https://crm.utility.example.evil.example/ami",
    "https://evil.example/https://crm.utility.example/ami",
    "https://crm.utility.example@evil.example/ami",
    "https://user:pass@crm.utility.example/ami",
    "https://crm.utility.example/ami/../admin",
    "https://crm.utility.example/ami/%2e%2e/admin",
    "https://crm.utility.example/ami#@evil.example/",
    "https://crm.utility.example\\@evil.example/ami",
    "https://crm.utility.example/ami\r\nHost: evil.example",
    "https://crm.utility.example:443x/ami",
    "https://crm.utility.example:99999/ami",
    "https://crm.utílity.example/ami",
    "ftp://crm.utility.example/ami",
    "file:///etc/passwd",
    "http://127.0.0.1:9001/",
    "http://localhost:9000/",
    "http://127.1:9000/",
    "http://2130706433:9000/",
    "http://[::1]:9000/cb",
    "topic:results",
    # DNS: a final dot is another spelling of the host, and nobody listed it
    "https://crm.utility.example./ami",
    "https://crm.utility.example%2eevil.example/ami",
    # IDN: letters that look alike, in either spelling
    "https://xn--crm-qza.utility.example/ami",
    "https://\uff43rm.utility.example/ami",
    "https://crm\u3002utility.example/ami",
    # IPv6 in other forms, with a zone, and with IPv4 inside
    "http://[0:0:0:0:0:0:0:1]:9000/cb/1",
    "http://[::1%25eth0]:9000/cb/1",
    "http://[::ffff:127.0.0.1]:9000/",
    "http://[::1]@evil.example:9000/cb/1",
    "http://[::1].evil.example:9000/cb/1",
    "http://[::1:9000/cb/1",
    # ports: none, zero, signs, blanks, another base
    "http://127.0.0.1:/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:+9000/",
    "http://127.0.0.1:9_000/",
    "http://127.0.0.1: 9000/",
    "http://127.0.0.1:09000000000000009000/",
    "http://127.0.0.1:9000:80/",
    # other spellings of an IPv4 address
    "http://0x7f.0.0.1:9000/",
    "http://0177.0.0.1:9000/",
    "http://127.0.0.1.:9000/",
    # userinfo without a name, a query or a fragment where the host should be
    "http://@127.0.0.1:9000/",
    "http://evil.example?@127.0.0.1:9000/",
    "http://evil.example;@127.0.0.1:9000/",
    "http:127.0.0.1:9000/",
    "http:///127.0.0.1:9000/",
    "http:\\\\127.0.0.1:9000/",
    "HTTP\t://127.0.0.1:9000/",
    "https://crm.utility.example/ami/..;/admin",
    "https://crm.utility.example/ami\x00",
    "jar:https://crm.utility.example/ami!/x",
]


@pytest.mark.parametrize("address", PERMITTED)
def test_permitted(address: str) -> None:
    assert LIST.permits(address)


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address: str) -> None:
    assert not LIST.permits(address)


def test_an_empty_list_permits_nothing() -> None:
    assert not any(ReplyAddresses().permits(address) for address in (*PERMITTED, *REFUSED))


def test_a_broken_entry_permits_nothing_and_hurts_no_other() -> None:
    addresses = ReplyAddresses(("https://crm.utility.example:port/", "http://127.0.0.1:9000/"))
    assert addresses.permits("http://127.0.0.1:9000/")
    assert not addresses.permits("https://crm.utility.example:port/")
