"""Who is let in with what, and that a message counts once: tables over the real server."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from headend.config.secret import Secret
from headend.config.soap import Replay, SoapUser
from headend.soap.door.admission import WRONG_MAX, Admission, Caller
from headend.soap.door.freshness import Identity, Nonces
from protocols.cim import envelope, wsse, xml
from protocols.cim import namespaces as ns
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.permits import Permit
from tests.cim import orders_as_xml as a
from tests.soap.counter import counter
from tests.soap.desk import AT, FixedClock, RememberingDesk, server_around
from tests.soap.tokens import PASSWORD, with_token

ORDER = a.soap(a.typed())


@pytest.fixture
def user(tmp_path: Path) -> SoapUser:
    path = tmp_path / "comercial.password"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    return SoapUser(name="COMERCIAL", password=Secret(file=path), certificates=("ESB",))


async def asked(
    admission: Admission, octets: bytes, certificate: str | None = None, address: str = "10.0.0.9"
) -> tuple[str, str]:
    """Code and key of the first error; what is taken says 0.3."""
    desk = RememberingDesk()
    server = server_around(desk, admission)
    answer = await server.handle(octets, client_source=certificate, client_address=address)
    body = xml.parse(answer.body)[0][0]
    error = next(iter(body.iter(f"{{{ns.MESSAGE}}}Error")))
    code, details = xml.child_text(error, "code"), xml.child_text(error, "details")
    assert (code == "0.3") == (len(desk.taken) == 1)
    return code or "", (details or "").partition(":")[0]


# --- UsernameToken --------------------------------------------------------------------------------

EMPTY = '<w:Security xmlns:w="' + wsse.SECEXT + '">{}</w:Security>'
TOKEN = "<w:UsernameToken>{}</w:UsernameToken>"
NAMED = "<w:Username>COMERCIAL</w:Username>"
TEXT = f"<w:Password>{PASSWORD}</w:Password>"


def headed(inside: str) -> bytes:
    return a.soap(a.typed(), "<s:Header>" + EMPTY.format(inside) + "</s:Header>")


TOKENS: dict[str, tuple[bytes, str | None, str, str]] = {
    # name: (message, certificate, code, key)
    "digest, on loopback": (with_token(ORDER), None, "0.3", ""),
    "digest, by TLS": (with_token(ORDER), "COMERCIAL", "0.3", ""),
    "digest, by a platform's certificate": (with_token(ORDER), "ESB", "0.3", ""),
    "need not be understood": (with_token(ORDER, must_understand=False), None, "0.3", ""),
    "text, by TLS": (with_token(ORDER, text=True), "COMERCIAL", "0.3", ""),
    "text, without a type": (headed(TOKEN.format(NAMED + TEXT)), "COMERCIAL", "0.3", ""),
    "text, in the clear": (with_token(ORDER, text=True), None, "7.6", "CIFRADO_FALTA"),
    "none": (ORDER, None, "7.2", "CREDENCIAL_FALTA"),
    "none, by TLS": (ORDER, "COMERCIAL", "7.2", "CREDENCIAL_FALTA"),
    "wrong password": (with_token(ORDER, password="otra"), None, "7.4", "CREDENCIAL_INVALIDA"),
    "nobody": (with_token(ORDER, "NADIE"), None, "7.4", "CREDENCIAL_INVALIDA"),
    "another's name and our password": (
        with_token(ORDER, "comercial"), None, "7.4", "CREDENCIAL_INVALIDA",
    ),
    "a stranger's certificate": (
        with_token(ORDER), "OTRO", "7.5", "USUARIO_CON_OTRO_CERTIFICADO",
    ),
    "a certificate without name": (with_token(ORDER), "", "7.4", "CERTIFICADO_SIN_NOMBRE"),
    "another's Source": (
        with_token(a.soap(a.typed(head=a.header(source="<m:Source>OTRO</m:Source>")))),
        None, "7.5", "ORIGEN_NO_AUTORIZADO",
    ),
    "no Source": (with_token(a.soap(a.typed(head=a.header(source="")))), None, "0.3", ""),
    "six minutes old": (
        with_token(ORDER, created=AT - timedelta(minutes=6)), None, "7.7", "MENSAJE_VENCIDO",
    ),
    "of tomorrow": (
        with_token(ORDER, created=AT + timedelta(days=1)), None, "7.7", "MENSAJE_DEL_FUTURO",
    ),
    "made before the door opened": (
        with_token(ORDER, created=AT - timedelta(minutes=4)), None, "7.1", "REINICIO_RECIENTE",
    ),
    "empty": (headed(""), None, "7.4", "CREDENCIAL_INVALIDA"),
    "two tokens": (headed(TOKEN.format(NAMED + TEXT) * 2), "ESB", "7.4", "CREDENCIAL_REPETIDA"),
    "two names": (headed(TOKEN.format(NAMED * 2 + TEXT)), "ESB", "7.4", "CREDENCIAL_INVALIDA"),
    "two passwords": (headed(TOKEN.format(NAMED + TEXT * 2)), "ESB", "7.4", "CREDENCIAL_INVALIDA"),
    "no password": (headed(TOKEN.format(NAMED)), "ESB", "7.4", "CREDENCIAL_INVALIDA"),
    "an empty name": (
        headed(TOKEN.format("<w:Username> </w:Username>" + TEXT)), "ESB", "7.4",
        "CREDENCIAL_INVALIDA",
    ),
    "a name of a megabyte": (
        headed(TOKEN.format(f"<w:Username>{'x' * 10_000}</w:Username>" + TEXT)), "ESB", "7.4",
        "CREDENCIAL_INVALIDA",
    ),
    "digest without nonce": (
        headed(TOKEN.format(
            NAMED + f'<w:Password Type="{wsse.PASSWORD_DIGEST}">x</w:Password>'
        )), None, "7.4", "CREDENCIAL_INVALIDA",
    ),
    "an unknown kind of password": (
        headed(TOKEN.format(NAMED + '<w:Password Type="urn:x">x</w:Password>')), "ESB", "7.3",
        "MECANISMO_NO_ADMITIDO",
    ),
    "a signature": (headed("<w:Signature/>"), "ESB", "7.3", "MECANISMO_NO_ADMITIDO"),
    "a SAML token beside it": (
        headed(TOKEN.format(NAMED + TEXT) + "<w:Assertion/>"), "ESB", "7.3",
        "MECANISMO_NO_ADMITIDO",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "certificate", "code", "key"), TOKENS.values(), ids=TOKENS)
async def test_tokens(
    user: SoapUser, octets: bytes, certificate: str | None, code: str, key: str
) -> None:
    admission = Admission(clock=FixedClock(), users=(user,))
    assert await asked(admission, octets, certificate) == (code, key)


def test_the_profiles_own_formula() -> None:
    """Base64(SHA-1(nonce + created + password)), by hand with OpenSSL 3:
    printf 'ABCD2026-07-06T14:00:00Zverschlossen' | openssl dgst -sha1 -binary | base64"""
    digest = wsse.digest("verschlossen", b"ABCD", "2026-07-06T14:00:00Z")
    assert digest == "RrGL9REDIM6JXmFvgzWdPfyUgUs="


async def test_a_token_is_good_for_one_message(user: SoapUser) -> None:
    """Its digest says nothing of the body: who overheard it must not put another body beside it."""
    admission = Admission(clock=FixedClock(), users=(user,))
    other = a.soap(a.typed(head=a.header(ids="<m:MessageID>otro</m:MessageID>")))
    assert await asked(admission, with_token(ORDER)) == ("0.3", "")
    assert await asked(admission, with_token(other)) == ("7.7", "MENSAJE_REPRODUCIDO")
    assert await asked(admission, with_token(ORDER)) == ("0.3", "")  # the same message is no other
    assert await asked(admission, with_token(other, nonce="nonce-2")) == ("0.3", "")


async def test_too_many_wrong_passwords_shut_an_address_out(user: SoapUser) -> None:
    admission = Admission(clock=FixedClock(), users=(user,))
    wrong, right = with_token(ORDER, password="otra"), with_token(ORDER)
    for _ in range(WRONG_MAX):
        assert await asked(admission, wrong) == ("7.4", "CREDENCIAL_INVALIDA")
    assert await asked(admission, right) == ("7.1", "DEMASIADOS_INTENTOS")
    assert await asked(admission, right, address="10.0.0.10") == ("0.3", "")


async def test_a_password_that_was_changed_counts_at_once(user: SoapUser) -> None:
    admission = Admission(clock=FixedClock(), users=(user,))
    assert user.password.file is not None
    user.password.file.write_text("otra", encoding="utf-8")
    assert await asked(admission, with_token(ORDER)) == ("7.4", "CREDENCIAL_INVALIDA")
    assert await asked(admission, with_token(ORDER, password="otra")) == ("0.3", "")
    user.password.file.unlink()
    assert await asked(admission, with_token(ORDER)) == ("7.1", "CREDENCIAL_NO_VERIFICABLE")


async def test_without_users_a_token_is_a_header_like_any_other() -> None:
    admission = Admission(clock=FixedClock())
    assert await asked(admission, with_token(ORDER, must_understand=False)) == ("0.3", "")
    assert await asked(admission, with_token(ORDER)) == ("1.8", "CABECERA_NO_COMPRENDIDA")


# --- freshness ------------------------------------------------------------------------------------


def replayed(nonce: str, created: str, message_id: str | None = "m-1") -> bytes:
    replay = (
        f"<m:ReplayDetection><m:Nonce>{nonce}</m:Nonce><m:Created>{created}</m:Created>"
        "</m:ReplayDetection>"
    )
    ids = "" if message_id is None else f"<m:MessageID>{message_id}</m:MessageID>"
    return a.soap(a.typed(head=a.header(before=replay, ids=ids)))


def stamped(timestamp: str) -> bytes:
    return a.soap(a.typed(head=a.header(before=f"<m:Timestamp>{timestamp}</m:Timestamp>")))


AGES: dict[str, tuple[bytes, Replay | None, str, str]] = {
    # name: (message, settings, code, key); the clock says 2026-07-06T14:00:00Z
    "no window": (stamped("2001-01-01T00:00:00Z"), None, "0.3", ""),
    "now": (stamped("2026-07-06T14:00:00Z"), Replay(), "0.3", ""),
    "now, elsewhere": (stamped("2026-07-06T10:00:00-04:00"), Replay(), "0.3", ""),
    "now, without offset": (stamped("2026-07-06T14:00:00"), Replay(), "0.3", ""),
    "at the edge": (stamped("2026-07-06T13:55:00Z"), Replay(), "0.3", ""),
    "beyond it": (stamped("2026-07-06T13:54:59Z"), Replay(), "7.7", "MENSAJE_VENCIDO"),
    "ahead": (stamped("2026-07-06T14:01:00Z"), Replay(), "0.3", ""),
    "too far ahead": (stamped("2026-07-06T14:01:01Z"), Replay(), "7.7", "MENSAJE_DEL_FUTURO"),
    "a wider window": (stamped("2026-07-06T10:00:01Z"), Replay(window_s=4 * 3600), "0.3", ""),
    "the year 1": (stamped("0001-01-01T00:00:00+14:00"), Replay(), "7.7", "MENSAJE_VENCIDO"),
    "the year 9999": (stamped("9999-12-31T23:59:59-14:00"), Replay(), "7.7", "MENSAJE_DEL_FUTURO"),
    "none, none required": (ORDER, Replay(), "0.3", ""),
    "none, one required": (ORDER, Replay(required="timestamp"), "1.5", "CAMPO_FALTA"),
    "no nonce, one required": (
        stamped("2026-07-06T14:00:00Z"), Replay(required="nonce"), "1.5", "CAMPO_FALTA",
    ),
    "a nonce": (replayed("n", "2026-07-06T14:00:00Z"), Replay(required="nonce"), "0.3", ""),
    "a nonce of yesterday": (
        replayed("n", "2026-07-05T14:00:00Z"), Replay(), "7.7", "MENSAJE_VENCIDO",
    ),
    "an old nonce without MessageID": (
        replayed("n", "2026-07-06T13:59:00Z", None), Replay(), "7.1", "REINICIO_RECIENTE",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "replay", "code", "key"), AGES.values(), ids=AGES)
async def test_ages(octets: bytes, replay: Replay | None, code: str, key: str) -> None:
    admission = Admission(clock=FixedClock(), replay=replay)
    assert await asked(admission, octets) == (code, key)


async def test_a_nonce_is_good_for_one_message() -> None:
    admission = Admission(clock=FixedClock(), replay=Replay())
    now = "2026-07-06T14:00:00Z"
    assert await asked(admission, replayed("n", now)) == ("0.3", "")
    assert await asked(admission, replayed("n", now, "m-2")) == ("7.7", "MENSAJE_REPRODUCIDO")
    assert await asked(admission, replayed("n", now)) == ("0.3", "")  # the desk answers as before
    assert await asked(admission, replayed("o", now, None)) == ("0.3", "")
    assert await asked(admission, replayed("o", now, None)) == ("7.7", "MENSAJE_REPRODUCIDO")


async def test_what_was_taken_gets_its_first_answer_however_late_it_comes_again() -> None:
    """The window and the nonces forget; the inbox does not."""
    c = await counter()
    clock = c.clock

    async def known(identity: Identity) -> bool:
        assert identity.message_id is not None
        message_id = identity.message_id
        seen = await c.store.run(lambda tx: tx.inbound(identity.source, message_id))
        return seen is not None and seen.digest == identity.digest

    async def post(octets: bytes, admission: Admission) -> bytes:
        server = dataclasses.replace(c.server, admission=admission)
        return (await server.handle(octets)).body

    message = replayed("n", "2026-07-06T14:00:00Z")
    first = await post(message, Admission(clock=clock, replay=Replay(), known=known))
    assert b">0.3<" in first
    clock.at += timedelta(hours=1)
    restarted = Admission(clock=clock, replay=Replay(), known=known)
    assert await post(message, restarted) == first
    other = replayed("n", "2026-07-06T14:00:00Z", "m-2")
    assert b"MENSAJE_VENCIDO" in await post(other, restarted)
    assert len(await c.orders()) == 1


def test_nonces_are_kept_for_their_time_and_not_beyond_their_number() -> None:
    nonces = Nonces(most=3)

    def use(number: int, seconds: float) -> ReplyError | None:
        now = AT + timedelta(seconds=seconds)
        whose = Identity("COMERCIAL", None, "d")
        return nonces.use("header", b"%d" % number, whose, now, now + timedelta(seconds=10))

    assert [use(n, 0) for n in range(3)] == [None] * 3
    full, again = use(3, 1), use(0, 1)
    assert full is not None and full.code == "7.1"
    assert again is not None and again.code == "7.7"
    assert use(3, 10) is None and len(nonces) == 1  # the others' time is over
    assert use(0, 10) is None


# --- permissions ----------------------------------------------------------------------------------

CREATES = Permit(source="COMERCIAL", nouns=("EndDeviceControls",), verbs=("create",))
CANCEL = a.soap(a.typed(name="CancelEndDeviceControls", head=a.header("cancel"), payload=""))
CONFIG = a.soap(a.meter_config())
SMUGGLED = a.soap(a.typed(name="CancelEndDeviceControls", head=a.header("create"), payload=""))
QUESTION = a.soap(
    f'<m:RequestMessage xmlns:m="{a.MESSAGE}"><m:Header>{a.header("get", "GetMeterReadings")}'
    "</m:Header></m:RequestMessage>".encode()
)
OPERATIONS = a.soap(
    a.generic(
        payload="<m:Payload><m:OperationSet><m:Operation><m:operationId>1</m:operationId>"
        "<m:noun>MeterConfig</m:noun><m:verb>delete</m:verb></m:Operation></m:OperationSet>"
        "</m:Payload>"
    )
)

PERMISSIONS: dict[str, tuple[tuple[Permit, ...], bytes, bool]] = {
    # name: (rules, message, whether it passes)
    "no rules": ((), CANCEL, True),
    "what it may": ((CREATES,), ORDER, True),
    "another verb": ((CREATES,), CANCEL, False),
    "another noun": ((CREATES,), CONFIG, False),
    "everything": ((Permit(source="COMERCIAL"),), CONFIG, True),
    "another's": ((Permit(source="OTRO"),), ORDER, False),
    "one of two rules": ((CREATES, Permit(source="COMERCIAL", verbs=("cancel",))), CANCEL, True),
    "at another door": ((Permit(source="COMERCIAL", destinations=("SIAD",)),), ORDER, False),
    "at this door": ((Permit(source="COMERCIAL", destinations=("HES",)),), ORDER, True),
    "a cancellation that is headed as a creation": ((CREATES,), SMUGGLED, False),
    "an operation inside that it may not": ((CREATES,), OPERATIONS, False),
    "a question, by what it is about": (
        (Permit(source="COMERCIAL", nouns=("MeterReadings",), verbs=("get",)),), QUESTION, True,
    ),
    "a question that it may not": ((CREATES,), QUESTION, False),
}  # fmt: skip


@pytest.mark.parametrize(("permits", "octets", "passes"), PERMISSIONS.values(), ids=PERMISSIONS)
async def test_permissions(permits: tuple[Permit, ...], octets: bytes, passes: bool) -> None:
    admission = Admission(clock=FixedClock(), permits=permits)
    body = xml.parse(octets)[0][0]
    message = envelope.read(body)
    caller = Caller()
    if passes:
        await admission.admit(message, "d", caller)
        return
    with pytest.raises(RequestRefused) as refused:
        await admission.admit(message, "d", caller)
    assert refused.value.errors[0].code in ("7.5", "2.9")


async def test_nothing_that_is_refused_reaches_the_desk() -> None:
    admission = Admission(clock=FixedClock(), permits=(CREATES,))
    assert await asked(admission, CANCEL) == ("7.5", "SIN_PERMISO")
    assert await asked(admission, CONFIG) == ("7.5", "SIN_PERMISO")
    assert await asked(admission, ORDER) == ("0.3", "")
