"""Where a message carries a limit's amount, and whether what it carries agrees.

Three carriers: EndDeviceControlAttribute powerLimit, Request/Option powerLimit, and
rcdInfo/powerLimit of a MeterConfig.  Amount and unit belong together within one carrier: a unit in
the control never applies to an amount in the options, nor the other way round.  A carrier may be
repeated, and several may be used, as long as all mean the same limit.
"""

from __future__ import annotations

from collections.abc import Iterable

from protocols.cim.amount import Amount, Unit, amount
from protocols.cim.end_device_controls import POWER_LIMIT, POWER_LIMIT_UNIT, Attribute
from protocols.cim.envelope import Property
from protocols.cim.errors import ReplyError, RequestRefused


def of_attributes(attributes: Iterable[Attribute]) -> Amount | None:
    """The amount in one control's attributes; None when there is none.

    Raises `RequestRefused` as `amount` does, and 1.8 for a unit without an amount and for repeated
    attributes that disagree.
    """
    return _one([(item.name, item.value) for item in attributes], POWER_LIMIT)


def of_options(options: Iterable[Property]) -> Amount | None:
    """The amount in a request's options, for every limit of the message.  As `of_attributes`."""
    return _one([(item.name, item.value or "") for item in options], "Option")


def of_rcd_info(power_limit: str | None) -> Amount | None:
    """The amount of ConnectDisconnectFunction/rcdInfo, which is in W by its profile."""
    return None if power_limit is None else amount(power_limit, Unit.W)


def agreed(own: Amount | None, general: Amount | None) -> Amount:
    """The amount of a control that sets a limit, from its own carrier and from the options.

    Raises `RequestRefused`: 5.8 when neither has one, 1.8 when they disagree.
    """
    asked = own or general or amount(None, None)
    if general is not None and not asked.same_as(general):
        raise _refused(
            f"MONTO_EN_CONFLICTO: {asked.text} {asked.unit} en el control,"
            f" {general.text} {general.unit} en Option",
            POWER_LIMIT,
        )
    return asked


def _one(pairs: list[tuple[str, str]], xpath: str) -> Amount | None:
    values = _named(pairs, POWER_LIMIT)
    units = list(dict.fromkeys(unit.strip() for unit in _named(pairs, POWER_LIMIT_UNIT)))
    if not values:
        if units:
            raise _refused("UNIDAD_SIN_MONTO: powerLimit.unit sin powerLimit a su lado", xpath)
        return None
    if len(units) > 1:
        raise _refused("MONTO_EN_CONFLICTO: powerLimit.unit repetido con otro valor", xpath)
    first, *others = (amount(value, units[0] if units else None, xpath=xpath) for value in values)
    if not all(first.same_as(other) for other in others):
        raise _refused("MONTO_EN_CONFLICTO: powerLimit repetido con otro monto", xpath)
    return first


def _named(pairs: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in pairs if key.lower() == name.lower()]


def _refused(details: str, xpath: str) -> RequestRefused:
    return RequestRefused(ReplyError("1.8", details, xpath=xpath))
