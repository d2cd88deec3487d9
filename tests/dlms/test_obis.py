"""Plain words for logical names: facts/dlms.md's common registers and the value-group rules."""

from __future__ import annotations

import pytest
from hypothesis import given

from protocols.dlms.obis import describe
from tests.dlms import strategies

NAMES = {
    # IEC 62056-6-1 tables of abstract objects
    "0.0.1.0.0.255": ("clock", "reloj"),
    "0.0.42.0.0.255": ("logical device name", "nombre del dispositivo lógico"),
    "0.0.40.0.0.255": ("current association", "asociación actual"),
    "0.0.40.0.2.255": ("association 2", "asociación 2"),
    "0.0.43.0.1.255": ("security setup 1", "configuración de seguridad 1"),
    "0.0.43.1.1.255": ("invocation counter 1", "contador de invocaciones 1"),
    "0.0.44.0.0.255": ("image transfer", "transferencia de imagen"),
    "0.0.96.3.10.255": ("disconnect control", "control de corte"),
    "0.0.17.0.0.255": ("limiter", "limitador"),
    "0.0.13.0.0.255": ("activity calendar", "calendario de tarifas"),
    "0.0.11.0.0.255": ("special days table", "tabla de días especiales"),
    "0.0.10.0.106.255": ("disconnect script table", "guiones de corte y reconexión"),
    "0.3.25.9.0.255": ("push setup, channel 3", "configuración de envío espontáneo, canal 3"),
    "0.0.99.98.0.255": ("standard event log", "registro de eventos estándar"),
    "0.0.96.1.0.255": ("serial number", "número de serie"),
    # IEC 62056-6-1 electricity: C quantity, D processing, E tariff, F billing period
    "1.0.99.1.0.255": ("load profile", "perfil de carga"),
    "1.0.99.2.0.255": ("load profile, daily", "perfil de carga diario"),
    "1.0.1.8.0.255": ("active + energy, total", "energía activa +, total"),
    "1.0.1.8.2.255": ("active + energy, total, tariff 2", "energía activa +, total, tarifa 2"),
    "1.0.2.8.0.255": ("active - energy, total", "energía activa -, total"),
    "1.0.1.8.0.1": (
        "active + energy, total, billing period 1",
        "energía activa +, total, periodo de facturación 1",
    ),
    "1.0.1.8.0.101": (
        "active + energy, total, billing period back 1",
        "energía activa +, total, periodo de facturación anterior 1",
    ),
    "1.0.1.6.0.255": ("active + power, maximum", "potencia activa +, máximo"),
    "1.0.32.7.0.255": ("voltage L1, instantaneous", "tensión L1, valor instantáneo"),
    "1.0.51.7.0.255": ("current L2, instantaneous", "corriente L2, valor instantáneo"),
    "1.0.76.7.0.255": (
        "active net power L3, instantaneous",
        "potencia activa neta L3, valor instantáneo",
    ),
    "1.0.23.7.0.255": (
        "reactive + power L1, instantaneous",
        "potencia reactiva + L1, valor instantáneo",
    ),
    "1.0.81.7.15.255": ("phase angle I(L2) - U(L2)", "ángulo de fase I(L2) - U(L2)"),
    "1.0.32.7.3.255": (
        "voltage L1, instantaneous, harmonic 3",
        "tensión L1, valor instantáneo, armónico 3",
    ),
    # what is not known is said in numbers
    "7.0.3.0.0.255": ("gas, C=3 D=0 E=0", "gas, C=3 D=0 E=0"),
    "1.1.0.2.129.255": (
        "electricity, C=0 D=2 E=129, manufacturer-specific, channel 1",
        "electricidad, C=0 D=2 E=129, específico del fabricante, canal 1",
    ),
    "3.0.1.0.0.255": ("unknown medium, C=1 D=0 E=0", "medio desconocido, C=1 D=0 E=0"),
}


@pytest.mark.parametrize("name, texts", NAMES.items(), ids=NAMES)
def test_description(name, texts):
    assert (describe(name), describe(name, "es")) == texts


@given(strategies.names)
def test_every_name_has_words(name):
    for language in ("en", "es"):
        text = describe(name, language)
        assert text and text == text.strip() and "  " not in text
