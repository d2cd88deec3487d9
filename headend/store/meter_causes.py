"""What stands between the head-end and a meter's values, as far as what was heard tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from headend.domain.cause import REGISTRY, STATES_ES, Cause, InSpanish
from headend.domain.discovery import Discovery
from headend.domain.meter import Meter
from headend.domain.order import Order, State
from headend.domain.reading import Push, Reading
from headend.domain.reason import REASONS
from headend.ports import Outgoing
from headend.store.upkeep_queries import ConcentratorPage
from protocols.concentrator.messages import LinkReport
from protocols.concentrator.upkeep import MeterPlace

EVIDENCE_SHOWN = 3
LOSS_TOLD = 0.3  # of a link's frames: more than retries overcome every time
CLOCK_TOLD_S = 20.0  # our goal for a clock that was set, facts of service levels
PLAIN = "plain"  # of a push that is not ciphered: no fault where none is asked for


def causes_of(
    known: Meter,
    orders: Sequence[Order],
    link: LinkReport | None,
    place: MeterPlace | None,
    home: ConcentratorPage | None,
    pushes: Sequence[Push] = (),
    outgoing: Sequence[Outgoing] = (),
    found: Discovery | None = None,
) -> Iterator[Cause]:
    """What stands in the way, from the registry outwards to the meter.  `link` is as the latest
    attempt saw it; lists begin with the latest; `found` is how it was last met on a line."""
    if not known.commissioned:
        yield Cause(
            "it is not commissioned",
            REGISTRY,
            InSpanish("no está comisionado", "el registro", "comisionarlo primero"),
            next_step="commission it first",
        )
    if known.blocked:
        yield Cause(
            "it is blocked",
            REGISTRY,
            InSpanish("está bloqueado", "el registro", "averiguar por qué y desbloquearlo"),
            next_step="find out why, and unblock it",
        )
    if found is not None and not found.admitted and known.concentrator != found.concentrator:
        yield _refused(found)
    if known.concentrator is None and (known.address is None or known.by_gateway):
        besides = "" if known.by_gateway else " and has no address"
        besides_es = "" if known.by_gateway else " y no tiene dirección"
        yield Cause(
            f"it is linked to no concentrator{besides}",
            REGISTRY,
            InSpanish(
                f"no está vinculado a ningún concentrador{besides_es}",
                "el registro",
                "vincularlo o darle una dirección: ami meter add",
            ),
            next_step="link it, or give it an address: ami meter add",
        )
    if home is not None:
        yield from _of_concentrator(home)
    yield from _of_link(link, place)
    yield from _of_last_order(orders)
    yield from _of_what_it_says(orders, pushes)
    yield from _of_replies(outgoing)


def _refused(found: Discovery) -> Cause:
    who = found.identity or "nobody"
    return Cause(
        f"{found.concentrator} found it, and it was refused: {found.why}",
        f"what it told there as {who}",
        InSpanish(
            f"{found.concentrator} lo encontró y fue rechazado: {found.why}",
            f"lo que dijo allí como {found.identity or 'nadie'}",
            "corregir eso en el medidor; se lo vuelve a encontrar solo, y se decide de nuevo",
        ),
        found.at,
        "mend that at the meter; it is met again by itself, and decided on anew",
    )


def _of_concentrator(home: ConcentratorPage) -> Iterator[Cause]:
    name = home.concentrator.name
    if not home.sessions or home.sessions[0].online:
        return
    last = home.sessions[0]
    look = f"ami explain concentrator {name}"
    yield Cause(
        f"its concentrator {name} is not on line",
        "its session with the broker",
        InSpanish(
            f"su concentrador {name} no está en línea",
            "su sesión con el broker",
            f"ver qué se sabe de él: {look}",
        ),
        last.at,
        f"see what is known of it: {look}",
    )
    for each in [each for each in home.evidence if each.suggests][:EVIDENCE_SHOWN]:
        yield Cause(
            f"{name}: {each.text}",
            f"{each.source}, suggests {each.suggests}",
            InSpanish(f"{name}: {each.text}", f"{each.source}, indica {each.suggests}"),
            each.at,
        )


def _of_link(link: LinkReport | None, place: MeterPlace | None) -> Iterator[Cause]:
    if place is not None and not place.registered:
        yield Cause(
            "its module has no place in the network",
            "the concentrator's topology",
            InSpanish("su módulo no tiene lugar en la red", "la topología del concentrador"),
        )
    if link is None:
        return
    attempt, attempt_es = "the last attempt", "el último intento"
    if not link.registered:
        yield Cause(
            "its module had no place in the network",
            attempt,
            InSpanish("su módulo no tenía lugar en la red", attempt_es),
            link.at,
        )
    elif link.frames_sent and link.frames_lost / link.frames_sent > LOSS_TOLD:
        lost, sent = link.frames_lost, link.frames_sent
        yield Cause(
            f"its link is bad: {lost} of {sent} frames were lost",
            attempt,
            InSpanish(f"su enlace es malo: se perdieron {lost} de {sent} tramas", attempt_es),
            link.at,
        )


def _of_last_order(orders: Sequence[Order]) -> Iterator[Cause]:
    last = orders[0] if orders else None
    if last is None or last.state is State.DONE or not last.reason:
        return
    how = "ended" if last.final else f"tried {last.attempts} times, is"
    how_es = "terminó" if last.final else f"intentada {last.attempts} veces, está"
    reason = REASONS[last.reason]
    evidence = "; ".join(f"{each.source}: {each.text}" for each in last.evidence)
    yield Cause(
        f"its last order, {last.number}, {how} {last.state}: {reason.text}",
        evidence or "the journal",
        InSpanish(
            f"su última orden, {last.number}, {how_es} {STATES_ES[last.state]}: {reason.spanish}",
            evidence or "la bitácora",
            _next_step_es(last),
        ),
        last.ended_at,
        _next_step(last),
    )


def _next_step(order: Order) -> str:
    """What helps after this order, or with it."""
    assert order.reason is not None
    reason = REASONS[order.reason]
    if not order.final:
        return f"nothing yet: it is tried by itself until {order.deadline:%Y-%m-%d %H:%M:%S}Z"
    told = f"what was tried: ami explain order {order.number}"
    if reason.crew:
        return f"send somebody to the meter, where ami probe doctor names the fault; {told}"
    return f"order it once more; {told}" if reason.retry else told


def _next_step_es(order: Order) -> str:
    """The same in Spanish."""
    assert order.reason is not None
    reason = REASONS[order.reason]
    if not order.final:
        return f"nada aún: se intenta sola hasta {order.deadline:%Y-%m-%d %H:%M:%S}Z"
    told = f"lo que se intentó: ami explain order {order.number}"
    if reason.crew:
        return f"enviar a alguien al medidor, donde ami probe doctor nombra la falla; {told}"
    return f"ordenarla otra vez; {told}" if reason.retry else told


def _of_what_it_says(orders: Sequence[Order], pushes: Sequence[Push]) -> Iterator[Cause]:
    """A clock that is wrong, and dirty data: it reads, and not as it should."""
    readings = [(order, each) for order in orders for each in order.readings]
    for order, each in readings:
        ahead_s = _clock_ahead_s(each)
        if ahead_s is not None:
            if abs(ahead_s) > CLOCK_TOLD_S:
                way = "ahead" if ahead_s > 0 else "behind"
                way_es = "adelantado" if ahead_s > 0 else "atrasado"
                yield Cause(
                    f"its clock is {abs(ahead_s):,.0f} s {way}",
                    f"order {order.number}",
                    InSpanish(
                        f"su reloj está {way_es} {abs(ahead_s):,.0f} s", f"orden {order.number}"
                    ),
                    each.received_at,
                    stops=False,
                )
            break  # what an older reading says may have been put right
    for order, each in readings:
        if each.quality:
            odd = ", ".join(each.quality)
            what = each.word or each.name
            yield Cause(
                f"what it says of {what} is dirty: {odd}",
                f"order {order.number}",
                InSpanish(f"lo que dice de {what} es dudoso: {odd}", f"orden {order.number}"),
                each.received_at,
                stops=False,
            )
            break
    odd_pushes = [(push, [word for word in push.quality if word != PLAIN]) for push in pushes]
    for push, words in odd_pushes:
        if words:
            odd = ", ".join(words)
            yield Cause(
                f"a push of it: {odd}",
                push.came_from,
                InSpanish(f"un aviso suyo: {odd}", push.came_from),
                push.received_at,
                stops=False,
            )
            break


def _clock_ahead_s(reading: Reading) -> float | None:
    """By how much a clock that was read was ahead; None for what is no clock."""
    if reading.word != "clock" or reading.value is None:
        return None
    try:
        shown = datetime.fromisoformat(reading.value)
    except ValueError:
        return None
    return (shown - reading.received_at).total_seconds() if shown.tzinfo else None


def _of_replies(outgoing: Sequence[Outgoing]) -> Iterator[Cause]:
    """What was found out and has not reached whoever asked, or came late."""
    for each in outgoing:
        if each.tries > 1 and each.trouble is not None:
            late = each.settled_at is not None
            how, how_es = (
                ("came late", "llegó tarde") if late else ("is not delivered", "no se entrega")
            )
            yield Cause(
                f"the {each.kind} of order {each.order} by {each.channel} {how}: {each.trouble}",
                f"{each.tries} tries",
                InSpanish(
                    f"la respuesta ({each.kind}) de la orden {each.order} por {each.channel}"
                    f" {how_es}: {each.trouble}",
                    f"{each.tries} intentos",
                ),
                each.settled_at,
                stops=False,
            )
            return
