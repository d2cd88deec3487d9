"""Forms that bring files: RFC 7578, as browsers send it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headend.web.multipart import BadMultipart, Part, parts

TYPE = "multipart/form-data; boundary=----WebKitFormBoundaryAbC123"
# As Chromium 126 sends a field and a file with a quotation mark in its name.
SENT = (
    b"------WebKitFormBoundaryAbC123\r\n"
    b'Content-Disposition: form-data; name="version"\r\n\r\n'
    b"\xc3\xb1 1\r\n"
    b"------WebKitFormBoundaryAbC123\r\n"
    b'Content-Disposition: form-data; name="image"; filename="a%22b.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
    b"\r\n\x00\r\n------WebKit\r\n"
    b"\r\n------WebKitFormBoundaryAbC123--\r\n"
)


def test_what_a_browser_sends() -> None:
    assert list(parts(TYPE, SENT)) == [
        Part("version", "ñ 1".encode(), False),
        Part("image", b"\r\n\x00\r\n------WebKit\r\n", True),
    ]


@given(st.lists(st.binary(max_size=60), max_size=4), st.binary(max_size=20))
@settings(max_examples=60)
def test_octets_stay_as_they_are(files: list[bytes], around: bytes) -> None:
    wrapped = [around + each + around for each in files if b"--=_x" not in around + each + around]
    body = b"".join(
        b'--=_x\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\n' + each + b"\r\n"
        for each in wrapped
    )
    found = parts('multipart/form-data; boundary="=_x"', body + b"--=_x--")
    assert [each.octets for each in found] == wrapped


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (TYPE, b""),
        (TYPE, SENT[:-60]),
        (TYPE, SENT.replace(b'name="version"', b"")),
        (TYPE, SENT.replace(b"\r\n\r\n", b"\r\n", 1)),
        ("multipart/form-data", SENT),
        ("multipart/mixed; boundary=x", SENT),
        ("multipart/form-data; boundary=" + "x" * 71, SENT),
        (TYPE, b"------WebKitFormBoundaryAbC123\r\n" * 200 + b"------WebKitFormBoundaryAbC123--"),
    ],
)
def test_what_is_no_such_form(kind: str, body: bytes) -> None:
    with pytest.raises(BadMultipart):
        list(parts(kind, body))


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_whatever_comes_is_a_form_or_is_none(noise: bytes) -> None:
    for body in (noise, b"--x\r\n" + noise + b"\r\n\r\nv\r\n--x--"):
        try:
            list(parts("multipart/form-data; boundary=x", body))
        except BadMultipart:
            pass
