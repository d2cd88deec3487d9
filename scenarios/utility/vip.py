"""What the database of VIP customers holds: customers, and the circuits by its own names."""

from __future__ import annotations

from scenarios.utility.model import Utility, VipCustomer, VipKind
from scenarios.utility.naming import System, feeder_key, feeder_label, plain
from scenarios.utility.sheets import Cell, Sheet, sheet

TRADES = {
    VipKind.HOSPITAL: "HOSP",
    VipKind.BANK: "BANC",
    VipKind.FINANCE: "FINA",
    VipKind.GOVERNMENT: "GOBI",
    VipKind.INDUSTRY: "INDU",
    VipKind.DEPARTMENT_STORE: "TIEN",
}


def sheets(utility: Utility) -> tuple[Sheet, ...]:
    """Its tables."""
    return (
        sheet(
            "circuitos_vip",
            "circuito descripcion",
            (
                (feeder_key(System.VIP, it), plain(feeder_label(it)).upper())
                for it in utility.feeders
            ),
        ),
        sheet(
            "clientes_vip",
            "id_cliente nombre giro direccion demanda_kw:real contacto vigente circuito",
            map(_customer, utility.vip),
        ),
    )


def _customer(it: VipCustomer) -> tuple[Cell, ...]:
    return (
        f"CV{it.number:04d}",
        it.name,
        TRADES[it.kind],
        it.address,
        it.demand_kw,
        it.phone,
        "S" if it.current else "N",
        feeder_key(System.VIP, it.feeder),
    )
