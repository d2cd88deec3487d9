"""From a model's words to the parts that speak: the data link and the DLMS engine."""

from __future__ import annotations

from collections.abc import Mapping

from headend.field.direct.access import Access
from headend.models import Association, Framing, Hdlc, ModeE, Model
from headend.models.schema import Engine
from headend.ports import Chance
from protocols.dlms.client import ClientConnection
from protocols.dlms.events import ClientEngine
from protocols.dlms.keys import KeyPairs
from protocols.dlms.settings import ClientSettings
from protocols.dlms.suite import KEY_SIZES
from protocols.hdlc.address import ServerAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ClientLink, SetLine
from protocols.mode_e.client import ModeEClient
from protocols.mode_e.settings import ModeESettings
from protocols.wrapper.link import WrapperClient


def link_for(
    framing: Framing,
    model: Model,
    association: Association,
    *,
    datagrams: bool,
    line: SetLine | None,
) -> ClientLink:
    """A link that is not up yet; `line` is the speed of one that has any.

    Raises ValueError for addresses that the framing cannot carry.
    """
    client = association.client
    if framing is Framing.WRAPPER:
        return WrapperClient(client, association.server, datagrams=datagrams)
    server = ServerAddress(association.server, model.hdlc.physical, model.hdlc.address_octets)
    if framing is Framing.HDLC:
        return HdlcClient(client, server, _hdlc(model.hdlc, line))
    return ModeEClient(client, server, _hdlc(model.hdlc, None), _mode_e(model.mode_e))


def _hdlc(hdlc: Hdlc, line: SetLine | None) -> HdlcSettings:
    return HdlcSettings(
        info_receive=hdlc.information_octets,
        info_transmit=hdlc.information_octets,
        window_receive=hdlc.window,
        window_transmit=hdlc.window,
        response_timeout_s=hdlc.response_timeout_s,
        retries=hdlc.retries,
        inter_octet_timeout_s=hdlc.inter_octet_timeout_s,
        line=line,
    )


def _mode_e(mode_e: ModeE) -> ModeESettings:
    baud = mode_e.fallback_baud
    return ModeESettings(
        device_address=mode_e.device_address,
        baud_max=mode_e.baud_max,
        retries=mode_e.retries,
        fallback=None if baud is None else SetLine(baud),
    )


def engine_for(
    model: Model,
    association: Association,
    access: Access,
    chance: Chance,
    *,
    counter: int,
    peer_lowest: int,
    peers: Mapping[bytes, int],
    response_timeout_s: float,
) -> ClientEngine:
    """An engine for one association, whose counters begin with `counter` and are still to be
    reserved.  Raises ValueError for credentials that do not fit it."""
    shared = access.credentials
    size = KEY_SIZES[association.suite]
    dedicated = chance.octets("dedicated key", size) if association.dedicated_key else None
    settings = ClientSettings(
        authentication=association.authentication,
        password=shared.password or b"" if association.takes_password else b"",
        suite=association.suite,
        keys=shared.keys if association.ciphers else None,
        pairs=shared.pairs or KeyPairs() if association.signs else KeyPairs(),
        signed=association.signed,
        system_title=access.system_title if association.titled else b"",
        peer_system_title=shared.meter_title if association.titled else None,
        security=association.protection,
        invocation_counter=counter,
        invocation_counter_end=counter,
        peer_invocation_counter=peer_lowest,
        peer_counters=peers,
        conformance=model.wanted,
        max_pdu_size=model.pdu_octets,
        block_window=model.block_window,
        challenge=chance.octets("challenge", association.challenge_size),
        dedicated_key=dedicated,
        general_ciphering=association.general_ciphering,
        response_timeout_s=response_timeout_s,
        protected_release=model.quirks.protected_release,
    )
    if model.engine is Engine.GURUX:
        from protocols.dlms.gurux import GuruxConnection  # an extra: GPL-2.0-only

        return GuruxConnection(settings)
    return ClientConnection(settings)
