"""What the codes of IEC 61968-9, Annex B, say in Spanish, for people; a reply speaks English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SPANISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "0.0": "Sin errores",
        "0.1": "Resultado parcial (lo demás va en otros mensajes)",
        "0.2": "Resultado parcial (no hay más)",
        "0.3": "Acuse de recibo",
        "1.5": "Faltan elementos obligatorios de Header",
        "1.6": "Faltan elementos obligatorios de Request",
        "1.7": "Faltan elementos obligatorios de Payload",
        "1.8": "La petición no cumple el esquema",
        "1.9": "Edición del mensaje no admitida en Header",
        "2.4": "Medidor inválido",
        "2.5": "Sustantivo inválido",
        "2.6": "Tipo de lectura inválido",
        "2.9": "Verbo inválido",
        "2.10": "Tipo de lectura no admitido",
        "2.12": "Punto de suministro inválido",
        "2.13": "El punto de suministro no corresponde al medidor",
        "2.14": "Origen inválido",
        "2.15": "Identificador de petición inválido",
        "2.29": "La relación entre objetos no corresponde",
        "3.1": "Demasiados elementos en la petición",
        "3.2": "Demasiadas peticiones pendientes",
        "4.1": "Tiempo agotado",
        "5.1": "No se pudo atender: el sistema está muy ocupado",
        "5.2": "No se pudo atender: no se intentó",
        "5.3": "No se pudo atender: se intentó y falló",
        "5.4": "No se pudo atender: errores de varias clases",
        "5.5": "El MDMS no tiene algunos de los tipos de lectura pedidos",
        "5.6": "La AMI no tiene algunos de los tipos de lectura pedidos",
        "5.7": "Algunos de los datos pedidos no están disponibles",
        "5.8": "No se pudo atender: faltan campos obligatorios",
        "5.9": "Se deshizo para no dejarlo a medias",
        "6.1": "Cancelada por regla de negocio",
        "6.2": "Retenida por regla de negocio",
        "6.3": "Liberada de la retención",
        "6.4": "Reprogramada por regla de negocio",
        "6.5": "Cancelada por el usuario",
        "7.1": "Autenticación fallida por ahora",
        "7.2": "Se requiere autenticación",
        "7.3": "El mecanismo de autenticación no basta",
        "7.4": "Autenticación fallida",
        "7.5": "Acción no autorizada al usuario",
        "7.6": "El mecanismo de autenticación requiere cifrado",
        "7.7": "Contra la política",
    }
)
