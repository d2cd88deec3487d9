"""Invented names.  Nobody is meant by any of them."""

from __future__ import annotations

from random import Random
from typing import Final

DIVISION: Final = ("División Llanura Central", "DLC")

ZONES: Final = ("Alameda", "Riberas", "Serranía", "Médanos", "Cañada", "Altiplano", "Lagunas")
AREAS: Final = ("Norte", "Sur", "Oriente", "Poniente", "Centro", "Valle", "Costa")

# Three letters each, all different.
SUBSTATIONS: Final = {
    "VEN": "Ventanas", "ENC": "Los Encinos", "PVI": "Puente Viejo", "NOG": "Nogalera",
    "MIR": "Mirador", "AGU": "Aguaclara", "CAL": "Calera", "PEÑ": "Peñasco Azul",
    "TOR": "Torreblanca", "MOL": "Molino Alto", "HUE": "Huertas", "SAU": "Sauzal",
    "ROB": "Robledal", "FRE": "Fresnos", "OLI": "Olivar", "JUN": "Juncal",
    "ALM": "Almendros", "CED": "Cedritos", "LIN": "Linares Viejo", "OJO": "Ojo de Niebla",
}  # fmt: skip

GIVEN: Final = ("Aurelia", "Baltasar", "Casilda", "Demetrio", "Eulalia", "Fermín", "Gumersinda",
    "Hilario", "Isaura", "Jacinto", "Leocadia", "Melquíades", "Nicanor", "Obdulia", "Pánfilo",
    "Quiteria", "Restituto", "Saturnina", "Telésforo", "Úrsula")  # fmt: skip
FAMILY: Final = ("Aldebarán", "Brumario", "Cantalojas", "Dosrríos", "Entrepeñas", "Fuenfría",
    "Guadalázar", "Hontanares", "Iruñuela", "Jaramago", "Lontananza", "Malvasía", "Navafría",
    "Otoñal", "Pedernales", "Quejigo", "Retamar", "Solana", "Tornaluz", "Umbría")  # fmt: skip
STREETS: Final = ("Calle del Faro", "Avenida de los Tilos", "Calle Relojero", "Camino del Molino",
    "Paseo de la Niebla", "Callejón del Eco", "Avenida Meridiana", "Calle O'Higuera",
    "Bulevar <Sur>", "Calle Piedra & Agua")  # fmt: skip

FIRMS: Final = {
    "hospital": ("Hospital Santa Aurelia", "Clínica Nueva Aurora", "Sanatorio del Roble",
        "Hospital Infantil Luciérnaga"),
    "bank": ("Banco del Almendro", "Banco Tres Ríos", "Caja de Ahorro La Noria"),
    "finance": ("Financiera Cumbre Azul", "Bolsa de Granos Meridiana", "Seguros El Ancla"),
    "government": ("Oficinas del Agua", "Registro Civil Distrital", "Archivo Municipal"),
    "industry": ("Industrias Tornaluz", "Vidrios Entrepeñas", "Molinos Cantalojas",
        "Fundición Pedernales"),
    "departmentStore": ("Almacenes La Brújula", "Gran Bazar Lontananza", "Tiendas Umbría"),
}  # fmt: skip

CHANGES: Final = ("medidor a la fachada", "de monofásico a trifásico", "acometida subterránea",
    "cambio de tablero")  # fmt: skip


def person(rng: Random) -> str:
    """A given name and two family names."""
    return f"{rng.choice(GIVEN)} {rng.choice(FAMILY)} {rng.choice(FAMILY)}"


def address(rng: Random, zone: str) -> str:
    """Street, number and place."""
    return f"{rng.choice(STREETS)} {rng.randint(1, 480)}, {zone}"


def phone(rng: Random) -> str:
    """A number that no telephone has: the country code 000 is given to nobody."""
    return f"+000 555 01{rng.randint(0, 99):02d}"
