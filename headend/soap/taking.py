"""A message taken once: its effect and its answer, or the reply that says why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from headend.orders.accept import Overloaded
from headend.orders.inbox import Conflict, Inbox, Received, Repeated, Taken
from headend.ports import StoreUnavailable, Transaction
from protocols.cim.errors import ReplyError, RequestRefused

T = TypeVar("T")

STORE_AWAY = ReplyError("5.1", "ALMACEN_NO_DISPONIBLE: nada quedó guardado; repita el mensaje")
FULL = ReplyError("3.2", "COLA_LLENA: hay demasiadas órdenes en espera")
_OTHER_CONTENT = ReplyError(
    "2.15",
    "MENSAJE_REPETIDO_CON_OTRO_CONTENIDO: el mismo MessageID llegó antes con otro contenido",
    xpath="MessageID",
)


async def taken_in(
    inbox: Inbox, message: Received, effect: Callable[[Transaction, str], tuple[T, bytes]]
) -> Taken[T] | Repeated:
    """As `Inbox.take`.  Raises `RequestRefused`: 5.1 where the store is away, 3.2 where too many
    orders wait, 2.15 for another content under the same MessageID."""
    try:
        taken = await inbox.take(message, effect)
    except StoreUnavailable as error:
        raise RequestRefused(STORE_AWAY) from error
    except Overloaded as error:
        raise RequestRefused(FULL) from error
    if isinstance(taken, Conflict):
        raise RequestRefused(_OTHER_CONTENT)
    return taken
