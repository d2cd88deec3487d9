"""What SIAD's database holds: the organisation down to circuits, and customers' requests."""

from __future__ import annotations

from collections import Counter

from scenarios.utility.model import Feeder, ServiceRequest, Utility
from scenarios.utility.naming import System, feeder_key, feeder_label, substation_key, zone_key
from scenarios.utility.sheets import Cell, Sheet, sheet

REMARK = "renombrado"


def sheets(utility: Utility) -> tuple[Sheet, ...]:
    """Its tables."""
    transformers = Counter(it.feeder.number for it in utility.transformers)
    customers = Counter(it.transformer.feeder.number for it in utility.meters)
    return (
        sheet("divisiones", "cve_division nombre siglas", [("D1", utility.name, utility.letters)]),
        sheet(
            "zonas",
            "cve_zona nombre siglas cve_division",
            ((zone_key(it), f"Zona {it.name}", it.name[:3].upper(), "D1") for it in utility.zones),
        ),
        sheet(
            "areas",
            "cve_area nombre cve_zona",
            ((f"A{it.number:02d}", f"Área {it.name}", zone_key(it.zone)) for it in utility.areas),
        ),
        sheet(
            "subestaciones",
            "cve_subestacion nombre siglas tension_kv:real cve_area cve_zona",
            (
                (
                    substation_key(System.SIAD, it),
                    f"S.E. {it.name}",
                    it.letters,
                    it.kilovolts,
                    f"A{it.area.number:02d}",
                    zone_key(it.area.zone),
                )
                for it in utility.substations
            ),
        ),
        sheet(
            "circuitos",
            "cve_circuito nombre observaciones longitud_km:real transformadores:integer"
            " usuarios:integer en_servicio cve_subestacion",
            (
                _circuit(
                    it,
                    transformers[it.number] * utility.alike,
                    customers[it.number] * utility.alike,
                )
                for it in utility.feeders
            ),
        ),
        sheet(
            "solicitudes",
            "folio tipo estado recibida:time compromiso:time solicitante correo telefono domicilio"
            " cve_zona observaciones carga_kw:real carga_actual_kw:real dias:integer modificacion",
            map(_request, utility.requests),
        ),
    )


def _circuit(feeder: Feeder, transformers: int, customers: int) -> tuple[Cell, ...]:
    return (
        feeder_key(System.SIAD, feeder),
        feeder_label(feeder),
        REMARK if feeder.renamed else None,
        feeder.kilometres,
        transformers,
        customers,
        "N" if feeder.new else "S",
        substation_key(System.SIAD, feeder.substation),
    )


def _request(it: ServiceRequest) -> tuple[Cell, ...]:
    return (
        f"{it.received.year}-{it.number:05d}",
        it.kind,
        it.status,
        it.received,
        it.due,
        it.customer.name,
        it.email,
        it.phone,
        it.customer.address,
        zone_key(it.zone),
        None,
        it.load_kw,
        it.present_kw,
        it.days,
        it.change,
    )
