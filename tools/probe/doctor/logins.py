"""Who is let in by what, with two logins at most: meters lock after a few wrong ones.

A login is an association request of any client but the public one, which proves nothing.  The
counter is asked for first, so that a login never has to be repeated with another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from headend.app.probe import Failure, ReasonCode
from headend.models import Association
from headend.models.schema import PUBLIC
from protocols.dlms.keys import COUNTER_MAX
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, read_counter
from tools.probe.desk import Desk, Purpose, Way
from tools.probe.doctor.findings import Finding, bad, good, note, warn
from tools.probe.talk import Stopped, Talk

LOGINS_MAX = 2
USED_UP_PERCENT = 80


@dataclass(slots=True)
class Logins:
    """The logins of one examination."""

    desk: Desk
    way: Way
    findings: list[Finding] = field(default_factory=list)
    count: int = 0

    def roles(self) -> list[str]:
        """The roles to try: the one that was asked for, or those whose credentials are known."""
        assert self.way.model is not None
        model, options = self.way.model, self.desk.options
        if options.role or options.client is not None:
            role, _ = self.desk.association(model, Purpose.READ)
            return [role] if role != PUBLIC else []
        wanted = dict.fromkeys((model.reads_as, model.acts_as))
        return [role for role in wanted if role != PUBLIC and self._can(role)][:LOGINS_MAX]

    def _can(self, role: str) -> bool:
        association = self._association(role)
        proves = association.takes_password or association.ciphers or association.signs
        return proves and self.desk.secrets.fits(association)

    def _association(self, role: str) -> Association:
        assert self.way.model is not None
        options = self.desk.options
        found = self.desk.proved(self.way.model.association[role])
        changes = {"client": options.client, "server": options.server}
        told = {key: value for key, value in changes.items() if value is not None}
        return msgspec.structs.replace(found, **told) if told else found

    def way_of(self, role: str) -> Way:
        """The way for a login: the counter first, so that one is enough."""
        model = self.way.model
        assert model is not None
        table = {**model.association, role: self._association(role)}
        quirks = msgspec.structs.replace(model.quirks, counter_first=True)
        model = msgspec.structs.replace(model, association=table, quirks=quirks)
        return replace(self.way, model=model, role=role)

    def spend(self) -> None:
        """One more login.  Raises RuntimeError beyond the limit, whatever asked for it."""
        if self.count >= LOGINS_MAX:
            raise RuntimeError(f"more than {LOGINS_MAX} logins")
        self.count += 1

    def entered(self, talk: Talk, role: str) -> None:
        """It worked."""
        association = talk.association
        self.findings.append(
            good("login", role=role, client=association.client, mechanism=association.mechanism)
        )

    def refused(self, role: str, failure: Failure) -> None:
        """It did not."""
        association = self._association(role)
        values = {"role": role, "client": association.client, "why": failure.why}
        if failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER:
            self.findings.append(bad("login-wrong", **values))
        elif "mechanism" in failure.why:
            mechanism = association.mechanism
            self.findings.append(bad("login-mechanism", **values, mechanism=mechanism))
        else:
            self.findings.append(bad("login-failed", **values, next=failure.next_step))

    async def counters(self, public: Talk) -> None:
        """How far the meter's counters have come, and how far ours."""
        for role in self.roles():
            association = self._association(role)
            if not association.ciphers or association.counter is None:
                continue
            try:
                found = await public.outcome(read_counter(LogicalName(association.counter)))
            except Stopped:
                continue
            if not isinstance(found, Outcome):
                self.findings += await self._compared(association, found)

    async def _compared(self, association: Association, meters: int) -> list[Finding]:
        keys = self.desk.secrets.secret(association).keys
        assert keys is not None
        kept = self.desk.probe.counters(keys)
        ours, _ = await kept.load()
        kept.release()
        findings = []
        if ours is None:
            findings.append(note("counter-new", meters=meters))
        elif ours <= meters:
            findings.append(warn("counter-behind", meters=meters, ours=ours))
        else:
            findings.append(good("counter-good", meters=meters, ours=ours))
        percent = 100 * max(meters, ours or 0) // COUNTER_MAX
        if percent >= USED_UP_PERCENT:
            findings.append(bad("counter-used-up", percent=percent))
        return findings
