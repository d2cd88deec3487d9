"""Who visits a page: their session and permissions, their form, their language.

A page takes a `Visit` by one of three: `Anyone`, `Known` (who has logged in), or
`visit: Annotated[Visit, Security(visiting, scopes=[Permission.ORDER_READ])]`.  What is posted must
carry the form's proof, and its permission is asked of the guard as by REST, which writes it down.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qs, quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Path, Request
from fastapi.security import SecurityScopes
from starlette.responses import RedirectResponse, Response

from headend.access.desk import AccountDesk, By
from headend.access.oidc.login import ProviderLogin
from headend.access.sessions import TEXT, Sessions, proof, proven
from headend.domain.account import Account, Caller, Permission, Role
from headend.ports.adapters import Adapters
from headend.qa.desk import QaDesk
from headend.rest.asking import Parts, refusal, source_of
from headend.rest.problems import Problem
from headend.web import multipart
from headend.web.board import Board
from headend.web.consulta.asking import Unconfigured
from headend.web.consulta.realtime import RealTime
from headend.web.page import Menu, Page
from headend.web.wording import Language, Words, chosen

E = TypeVar("E", bound=enum.Enum)

LOGIN: Final = "/login"
PASSWORD: Final = "/password"
LEFT_OPEN: Final = frozenset({PASSWORD, "/logout", "/preference"})
"""What somebody with a one-time password may ask for."""
THEMES: Final = ("auto", "light", "dark")
FORM_TYPE: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 5000
ASKED_MAX: Final = 500
YEAR_S: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class WebParts:
    """What pages need of the head-end: what REST's routes do, and who has logged in.

    `secure`: the door is under TLS, so that cookies leave by nothing else.  `realtime` reaches the
    utility's other systems, where any are configured.
    """

    rest: Parts
    accounts: AccountDesk
    sessions: Sessions
    secure: bool
    soap_url: str | None = None
    rest_description: Callable[[], Mapping[str, Any]] = dict
    pages: Sequence[Page] = ()
    realtime: RealTime | None = None
    qa: QaDesk | None = None  # None where there is no QA console
    provider: ProviderLogin | None = None  # None where nobody comes by an identity provider
    board: Board = field(default_factory=Board)

    @property
    def adapters(self) -> Adapters:
        """The utility's other systems."""
        return Unconfigured() if self.realtime is None else self.realtime.adapters

    @property
    def session_cookie(self) -> str:
        """`__Host-`: no other host can set it, nor a page of another path (RFC 6265bis, 4.1.3)."""
        return "__Host-ami_session" if self.secure else "ami_session"

    @property
    def attempt_cookie(self) -> str:
        """Of a login that is under way at the identity provider."""
        return "__Host-ami_attempt" if self.secure else "ami_attempt"

    @property
    def hint_cookie(self) -> str:
        """What a logout shows the provider; it goes to `/logout` alone, which `__Host-` forbids."""
        return "__Secure-ami_hint" if self.secure else "ami_hint"

    @property
    def by_password(self) -> frozenset[Role] | None:
        """The roles of those who may log in by a password; None: everybody."""
        oidc = self.rest.config.oidc
        if oidc is None or oidc.passwords == "everybody":
            return None
        some = [Role.ADMINISTRATOR] if oidc.passwords == "administrators" else []
        return frozenset(some)

    @property
    def visitor_cookie(self) -> str:
        """Of whom has not logged in: its text proves the form of the login."""
        return "__Host-ami_visitor" if self.secure else "ami_visitor"


KEY: Final = re.compile(r"[\x21-\x7e]{1,100}")
Named = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f/]{1,64}$")]
"""What a device or an account is called, in a page's path."""
Numbered = Annotated[int, Path(ge=1, le=10**12)]


class Elsewhere(Exception):
    """What was asked for is answered by another page."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(slots=True)
class Visit:
    """One question of a browser."""

    request: Request
    web: WebParts
    words: Words
    theme: str
    secret: str
    account: Account | None = None
    is_new: bool = False  # the visitor has no cookie yet
    form: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def parts(self) -> Parts:
        return self.web.rest

    @property
    def caller(self) -> Caller:
        """Who has logged in."""
        assert self.account is not None, "a page that anyone may see has no caller"
        return Caller(self.account.name, self.account.permissions)

    @property
    def by(self) -> By:
        return By(self.caller.account, self.source)

    @property
    def source(self) -> str:
        return source_of(self.request)

    @property
    def proof(self) -> str:
        """What a form carries in its field `proof`."""
        return proof(self.secret)

    @property
    def announced(self) -> bool:
        """Whether there is something that whoever runs the head-end tells this visitor."""
        account = self.account
        return account is not None and not account.one_time and self.web.board.said is not None

    @property
    def here(self) -> str:
        """This page, with its question."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    def may(self, permission: Permission | str) -> bool:
        return self.account is not None and Permission(permission) in self.account.permissions

    def field(self, name: str, default: str = "") -> str:
        """What was filled into a form, without blanks around it and control characters in it."""
        text = self.form.get(name, [default])[0].strip()
        return "".join(each for each in text if each.isprintable())

    @property
    def key(self) -> str:
        """The Idempotency-Key that a form carries in its field `key`; a fresh one where it carries
        none."""
        text = self.field("key")
        return text if KEY.fullmatch(text) else self.web.sessions.secret()

    def asked(self, name: str) -> str | None:
        """What a page's question says of this; None where it says nothing that can be a name."""
        text = self.request.query_params.get(name, "").strip()
        return text if 0 < len(text) <= ASKED_MAX and text.isprintable() else None

    def among(self, name: str, kind: type[E]) -> E | None:
        """The same, where it is one of an enumeration's words."""
        word = self.asked(name)
        return kind(word) if word is not None and word in {str(each) for each in kind} else None

    def onward(self, cursor: str | None) -> str | None:
        """This page's question for the next part of its list; None where there is none."""
        if cursor is None:
            return None
        kept = [(k, v) for k, v in self.request.query_params.items() if k not in ("cursor", "done")]
        return f"?{urlencode([*kept, ('cursor', cursor)])}"

    def menus(self) -> list[tuple[Menu, list[Page]]]:
        """The menus with what this visitor may see of them."""
        mine = [page for page in self.web.pages if self.may(page.permission)]
        found = [(menu, [page for page in mine if page.menu is menu]) for menu in Menu]
        return [(menu, pages) for menu, pages in found if pages]

    def at(self, page: Page) -> bool:
        """Whether this is the page, or one below it."""
        path = self.request.url.path
        return path == page.path or path.startswith(f"{page.path}/")

    def to(self, path: str, done: str | None = None) -> Response:
        """Go on to another page, after what was posted; `done` is the key of a text that is told
        there."""
        if done is not None:
            path += f"{'&' if '?' in path else '?'}done={quote(done)}"
        return RedirectResponse(path, 303)

    @property
    def done(self) -> str | None:
        """What was done before this page."""
        key = self.request.query_params.get("done", "")
        return self.words.text(key) if ".done." in key and self.words.known(key) else None

    def remember(self, response: Response, name: str, value: str, *, age_s: int | None) -> None:
        """Have the browser keep a cookie, for this session of its where there is no age."""
        response.set_cookie(
            name, value, max_age=age_s, path="/", httponly=True, samesite="strict",
            secure=self.web.secure,
        )  # fmt: skip


async def web_of(request: Request) -> WebParts:
    """The head-end behind a request."""
    web: WebParts = request.app.state.web
    return web


async def anyone(request: Request, web: Annotated[WebParts, Depends(web_of)]) -> Visit:
    """A visit, whoever it is."""
    visit = await visit_of(request, web)
    if request.method not in ("GET", "HEAD"):
        await _take_form(visit)
    return visit


async def known(visit: Annotated[Visit, Depends(anyone)]) -> Visit:
    """Somebody who has logged in.  Raises `Elsewhere`."""
    request = visit.request
    if visit.account is None:
        asked = visit.here if request.method == "GET" else "/"
        raise Elsewhere(LOGIN if asked == "/" else f"{LOGIN}?next={quote(asked)}")
    if visit.account.one_time and request.url.path not in LEFT_OPEN:
        raise Elsewhere(PASSWORD)
    return visit


async def visiting(scopes: SecurityScopes, visit: Annotated[Visit, Depends(known)]) -> Visit:
    """Somebody who may what the page asks for.  Raises `Problem`, `Elsewhere`.

    To see a form is no use of its permission yet: that is written down when it is posted.
    """
    (permission,) = map(Permission, scopes.scopes)
    request = visit.request
    if request.method == "GET" and visit.may(permission):
        return visit
    subject = f"{request.method} {request.url.path}"
    refused = await visit.parts.guard.refuses(
        visit.caller, permission, subject, source=visit.source, detail=visit.field("why")
    )
    if refused is not None:
        raise refusal(refused, permission)
    return visit


Anyone = Annotated[Visit, Depends(anyone)]
Known = Annotated[Visit, Depends(known)]


async def visit_of(request: Request, web: WebParts) -> Visit:
    """A visit, whatever it asks for."""
    cookies = request.cookies
    language = chosen(cookies.get("ami_language"), request.headers.get("accept-language", ""))
    zone = ZoneInfo(web.rest.config.orders.zone)
    theme = cookies.get("ami_theme", THEMES[0])
    secret = cookies.get(web.session_cookie, "")
    account = await web.sessions.known(secret) if secret else None
    is_new = False
    if account is None:
        secret = cookies.get(web.visitor_cookie, "")
        is_new = TEXT.fullmatch(secret) is None
        if is_new:
            secret = web.sessions.secret()
    words = Words(language, zone)
    theme = theme if theme in THEMES else THEMES[0]
    return Visit(request, web, words, theme, secret, account, is_new)


async def _take_form(visit: Visit) -> None:
    """Read what was filled in.  Raises `Problem` where the form is none of ours."""
    request = visit.request
    content_type = request.headers.get("content-type", "")
    kind, body = content_type.partition(";")[0], await request.body()
    files: dict[str, bytes] = {}
    try:
        if kind == FORM_TYPE:
            text = body.decode("utf-8", "replace")
            fields = parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
        elif kind == multipart.TYPE:
            fields = {}
            for part in multipart.parts(content_type, body):
                if part.file:
                    files[part.name] = part.octets
                else:
                    text = part.octets.decode("utf-8", "replace")
                    fields.setdefault(part.name, []).append(text)
        else:
            raise _foreign("what came is no form")
    except ValueError as error:
        raise _foreign(str(error)) from error
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        raise _foreign(f"it came from another site ({site})")
    if visit.is_new or not proven(visit.secret, fields.pop("proof", [""])[0]):
        raise _foreign("its proof is missing, or of a session that has ended")
    visit.form, visit.files = fields, files


def _foreign(why: str) -> Problem:
    return Problem(
        403, "not-our-form", "Nothing was done.", why, "Open the page again, and send its form."
    )


def local(path: str) -> str:
    """A path to go on to that a stranger may have written: only one of ours, else the first."""
    plain = path.startswith("/") and not path.startswith("//")
    return path if plain and "\\" not in path and path.isprintable() else "/"


def language_of(text: str) -> Language | None:
    return Language(text) if text in tuple(Language) else None
