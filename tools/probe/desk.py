"""What stands behind every verb: the options understood, the way to the meter, the report's end.

A verb asks the desk for a talk with the meter and hands back a report; what may happen in the
field leaves it as `Stopped`.  Exit codes: 0 done, 1 it ended badly, 2 wrong usage.
"""

from __future__ import annotations

import asyncio
import enum
import getpass
import os
import platform
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn, cast

import msgspec
import typer

from headend.app.probe import (
    REASONS,
    Address,
    BadAddress,
    BadEnvelope,
    BadKit,
    Entry,
    Failure,
    Keyring,
    Layer,
    Probe,
    ReasonCode,
    Trace,
    WrongPassphrase,
    build_probe,
    line_to,
    parse,
)
from headend.models import Association, BadModel, Framing, Model
from headend.models.schema import PUBLIC
from protocols.dlms.obis import Language
from protocols.dlms.suite import SecuritySuite
from tools.authentication import Auth
from tools.probe import export, shown
from tools.probe.acting import Withheld
from tools.probe.key_pairs import suite_of
from tools.probe.options import Options
from tools.probe.periods import BadPeriod, seconds
from tools.probe.report import Fact, Report
from tools.probe.secrets import BadSecret, Secrets, gather, kept_of, proved_by
from tools.probe.talk import Stopped, Talk
from tools.terminal import complain, err, wrong_usage

PASSPHRASE = "AMI_PROBE_PASSPHRASE"


class Purpose(enum.Enum):
    """What an association is wanted for; decides which of the model's it is."""

    LOOK = "look"  # anybody may
    READ = "read"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Way:
    """What a verb that tries several ways puts in place of what the options say."""

    role: str | None = None
    framing: Framing | None = None
    address: Address | None = None
    model: Model | None = None
    trace: Trace | None = None


@dataclass(slots=True)
class Desk:
    """One run of one verb.  `dry_run` is set by verbs that act."""

    action: str
    options: Options
    probe: Probe
    secrets: Secrets
    meter: str | None = None
    dry_run: bool = False

    @property
    def language(self) -> Language:
        """Of names and findings."""
        text = self.options.lang or os.environ.get("LC_ALL") or os.environ.get("LANG") or "en"
        return "es" if text.lower().startswith("es") else "en"

    @property
    def quiet(self) -> bool:
        """Whether stdout is for a machine."""
        return self.options.as_json

    def now(self) -> datetime:
        return self.probe.clock.now()

    # --- the way to the meter --------------------------------------------------------------------

    def address(self) -> Address:
        """Where the meter is.  Ends the command where nobody said, or where no line leads."""
        if not self.options.port:
            wrong_usage(
                "where is the meter?",
                "Try: --port /dev/ttyUSB0, --port tcp://HOST:PORT, or set AMI_PROBE_PORT",
            )
        try:
            return parse(self.options.port)
        except BadAddress as error:
            wrong_usage(str(error))

    def model(self) -> Model:
        """The meter's model, with what the options say in place of its own."""
        options = self.options
        try:
            model = self.probe.shelf.get(options.model)
        except BadModel as error:
            wrong_usage(str(error))
        changes: dict[str, Any] = {}
        if options.physical is not None:
            changes["hdlc"] = msgspec.structs.replace(model.hdlc, physical=options.physical)
        if options.address:
            changes["mode_e"] = msgspec.structs.replace(
                model.mode_e, device_address=options.address
            )
        if options.timeout:
            try:
                timeout_s = seconds(options.timeout)
            except BadPeriod as error:
                wrong_usage(f"--timeout: {error}")
            hdlc = changes.get("hdlc", model.hdlc)
            changes["response_timeout_s"] = timeout_s
            changes["hdlc"] = msgspec.structs.replace(
                hdlc, response_timeout_s=min(hdlc.response_timeout_s, timeout_s)
            )
        return msgspec.structs.replace(model, **changes) if changes else model

    def association(self, model: Model, purpose: Purpose) -> tuple[str, Association]:
        """The role to take, and its association as the options change it."""
        options = self.options
        if options.role:
            if options.role not in model.association:
                known = ", ".join(sorted(model.association))
                wrong_usage(f"{options.role!r} is no role of {model.name}. Known: {known}")
            role = options.role
        else:
            role = self._role(model, purpose)
        association = self.proved(model.association[role])
        if options.client is not None:
            association = msgspec.structs.replace(association, client=options.client)
        if options.server is not None:
            association = msgspec.structs.replace(association, server=options.server)
        return role, association

    def _role(self, model: Model, purpose: Purpose) -> str:
        """The least that serves, and that we have the credentials for."""
        roles = model.association
        if (client := self.options.client) is not None:
            named = [role for role, each in roles.items() if each.client == client]
            if named:
                return named[0]
        if purpose is Purpose.ACT:
            return model.acts_as
        fitting = (role for role in (model.reads_as, model.acts_as) if self._can(roles[role]))
        return next(fitting, PUBLIC if self.options.auth is None else model.reads_as)

    def _can(self, association: Association) -> bool:
        proved = self.proved(association)
        proves = proved.takes_password or proved.ciphers or proved.signs
        return proves and self.secrets.fits(proved)

    def proved(self, association: Association) -> Association:
        """The association, proved as the options say; without a suite by the key pair's."""
        options, suite = self.options, None
        if options.suite is not None:
            suite = SecuritySuite(options.suite)
        elif options.auth is Auth.ECDSA or association.signs:
            client = association.client if options.client is None else options.client
            suite = suite_of(self.secrets.of(client).pairs)
        return proved_by(association, options.auth, suite)

    @asynccontextmanager
    async def talk(
        self, purpose: Purpose = Purpose.READ, *, way: Way | None = None
    ) -> AsyncIterator[Talk]:
        """A talk with the meter, opened; it is released afterwards, whatever happens.

        Raises `Stopped`.
        """
        way = way or Way()
        model = way.model or self.model()
        name, association = self.association(model, purpose)
        if way.role is not None:
            name, association = way.role, model.association[way.role]
        table = {**model.association, name: association}
        model = msgspec.structs.replace(model, association=table)
        secrets = self._complete(association)
        secret = secrets.secret(association)
        trace = way.trace or self.trace()
        conversation = self.probe.talk(
            line_to(way.address or self.address()),
            model=model,
            role=name,
            framing=way.framing or self.options.framing,
            secret=secret,
            dry_run=self.dry_run,
            trace=trace,
            was_reset=self.options.was_reset,
        )
        async with conversation:
            opened = await conversation.open()
            if isinstance(opened, Failure):
                raise Stopped(_with_advice(opened))
            talk = Talk(self, conversation, opened, model, association)
            self.meter = await talk.number()
            yield talk

    def unlock(self, purpose: Purpose) -> None:
        """Ask now for what a talk would ask for.  Raises `Stopped`, `BadSecret`."""
        _, association = self.association(self.model(), purpose)
        self.secrets = self._complete(association)

    def keyring(self) -> Keyring:
        """This kit's keyring, open; a new one where there is none.  Raises `WrongPassphrase`,
        `BadKit`, `BadEnvelope`."""
        if self.options.kit_key is not None:
            return self.probe.unlock(self.options.kit_key)
        phrase = os.environ.get(PASSPHRASE)
        if phrase is None:
            new = not self.probe.locked
            asked = "New passphrase of the keyring" if new else "Passphrase of the keyring"
            phrase = str(typer.prompt(asked, hide_input=True, err=True, confirmation_prompt=new))
        return self.probe.unlock(phrase)

    def trace(self) -> Trace:
        """What will travel, shown as it does where that was asked for."""
        return Trace(self.probe.clock, self._show if self.options.trace else None)

    def _complete(self, association: Association) -> Secrets:
        """The secrets, with those that a person at a terminal was asked for."""
        missing = self.secrets.missing(association)
        if not missing:
            return self.secrets
        if not sys.stdin.isatty() or self.quiet:
            why = f"client {association.client} needs {' and '.join(missing)}"
            next_step = f"set {' and '.join(missing)}, or give --key-file, or another --role"
            raise Stopped(Failure(ReasonCode.KEY_NOT_KNOWN, why, next_step))
        return self.secrets.asked(
            association, lambda question: str(typer.prompt(question, hide_input=True, err=True))
        )

    def _show(self, entry: Entry) -> None:
        """One thing that travelled, on stderr; never a password."""
        arrow = {"down": "→", "up": "←", "withheld": "×"}.get(entry.direction, " ")
        octets = "(secret)" if entry.secret else entry.octets.hex(" ").upper()
        if entry.layer is Layer.LINE or entry.layer is Layer.VIOLATION:
            octets = f"{entry.text} {octets}".strip()
        err.print(f"{entry.at:%H:%M:%S.%f} {entry.layer:9} {arrow} {octets}", markup=False,
                  soft_wrap=True)  # fmt: skip

    # --- what came of it -------------------------------------------------------------------------

    def report(self, title: str, **more: Any) -> Report:
        """A report of this verb, with the present time."""
        return Report(self.action, title, self.meter, self.now(), **more)

    def write_down(self, what: str, meter: str | None, **facts: object) -> None:
        """A line of the journal: who, by which way, as whom, and `facts`."""
        options = self.options
        way = {"port": options.port, "model": options.model, "client": options.client}
        self.probe.journal.write(
            what,
            meter,
            user=f"{_user()}@{platform.node()}",
            **{key: value for key, value in way.items() if value},
            **facts,
        )

    def finish(self, report: Report) -> None:
        """Journal, screen and file.  Ends with 1 where the report says so."""
        self.write_down(self.action, report.meter, result=report.result, **report.journal)
        self.show(report)

    def show(self, report: Report) -> None:
        """File and screen, without a line in the journal."""
        if self.options.export is not None:
            try:
                export.export(report, self.options.export)
            except export.CannotExport as error:
                complain(str(error))
                report = replace(report, done=False)
            else:
                err.print(f"written to {self.options.export}", markup=False, soft_wrap=True)
        if self.quiet:
            print(export.one_line(report))
        else:
            shown.show_report(report)
        if not report.done:
            raise typer.Exit(1)

    def failed(self, failure: Failure) -> NoReturn:
        """Say why it ended badly and what to do; exit code 1."""
        self.write_down(self.action, self.meter, result="failed", reason=str(failure.reason),
                        why=failure.why, acted=failure.acted)  # fmt: skip
        if self.quiet:
            text = REASONS[failure.reason].text
            facts = (
                Fact("reason", "reason", str(failure.reason)),
                Fact("text", "what happened", text),
                Fact("why", "why", failure.why),
                Fact("next_step", "try", failure.next_step),
                Fact("acted", "a command was sent", failure.acted),
            )
            print(export.one_line(self.report(text, facts=facts, done=False)))
        else:
            complain(
                shown.failure_text(failure, self.language),
                f"Try: {failure.next_step}" if failure.next_step else None,
            )
        raise typer.Exit(1)


def _with_advice(failure: Failure) -> Failure:
    """With what to do in this very tool."""
    if failure.reason is ReasonCode.KEY_NOT_KNOWN:
        next_step = "set AMI_PROBE_PASSWORD, or AMI_PROBE_KEY and AMI_PROBE_AUTH_KEY"
        return replace(failure, next_step=next_step)
    if failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER and "replayed" in failure.why:
        why = f"the meter's invocation counters went back since it was last met: {failure.why}"
        next_step = (
            "--meter-was-reset, once, if the meter was replaced, restarted or lost its memory."
            " If it was not, somebody plays old messages back"
        )
        return replace(failure, why=why, next_step=next_step)
    return failure


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user of that number
        return "?"


def run(
    action: str,
    options: Options,
    function: Callable[..., Awaitable[Any]],
    given: dict[str, Any],
) -> None:
    """Carry a verb out, from options to exit code."""
    try:
        if options.export is not None:
            export.check(options.export)
        secrets, warnings = gather(
            options.password,
            options.key,
            options.auth_key,
            options.key_file,
            options.signing_key,
            options.meter_key,
        )
    except (BadSecret, export.CannotExport) as error:
        wrong_usage(str(error))
    for warning in warnings:
        complain(warning)
    desk = Desk(action, options, build_probe(options.home, models=options.models), secrets)
    try:
        if options.meter:
            desk.secrets = secrets.over(kept_of(desk.keyring(), options.meter))
        report = asyncio.run(cast("Any", function(desk, **given)))
        if report is not None:
            desk.finish(report)
    except Stopped as stopped:
        desk.failed(stopped.failure)
    except Withheld as withheld:
        desk.finish(withheld.report)
    except (BadSecret, BadPeriod, WrongPassphrase, BadEnvelope, BadKit) as error:
        wrong_usage(str(error))
