"""One client's requests, answered from a space; what is the standard's own the library answers.

Nothing is held for a client but its subscriptions: browsing and history go on from points that
hold all that is needed.  A monitored variable is entered into the library's address space with its
value alone, for as long as somebody monitors it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AttributeValue, NodeData
from asyncua.server.internal_session import InternalSession

from headend.opcua.browsing import Browsing
from headend.opcua.history import History
from headend.opcua.nodes import data_value, is_object, prescribed, split

if TYPE_CHECKING:
    from headend.opcua.served import Served


class SpaceSession(InternalSession):
    """`served` is the space with the server's bounds.  `proven` says who the client is, once its
    password was looked at; None: nobody."""

    def __init__(self, served: Served, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._served = served
        self._browsing = Browsing(served, self.iserver.view_service)
        self._history = History(served)
        self.proven: str | None = None

    def activate_session(
        self, params: ua.ActivateSessionParameters, peer_certificate: bytes | None
    ) -> ua.ActivateSessionResult:
        if not self._served.anonymous and self.proven is None:
            raise ua.uaerrors.BadIdentityTokenRejected
        result = super().activate_session(params, peer_certificate)
        self.user = User(role=UserRole.User, name=self.proven)
        return result

    # Reading.

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        self._bounded(params.NodesToRead, self._served.bounds.reads)
        words, space = self._served.words, self._served.space
        owned = [words.own(each.NodeId) for each in params.NodesToRead]
        ids = {split(id)[0] for id in owned if id is not None}
        known = await space.nodes(ids) if ids else {}
        values = [
            known[id]
            for id, each in zip(owned, params.NodesToRead, strict=True)
            if id is not None
            and id in known
            and not is_object(known[id])
            and each.AttributeId == ua.AttributeIds.Value
        ]
        samples = await space.present(list({it.id: it for it in values}.values())) if values else {}
        others = [each for id, each in zip(owned, params.NodesToRead, strict=True) if id is None]
        rest = iter(await super().read(ua.ReadParameters(NodesToRead=others)) if others else ())
        found = []
        for id, each in zip(owned, params.NodesToRead, strict=True):
            if id is None:
                found.append(next(rest))
                continue
            of, suffix = split(id)
            node = known.get(of)
            if node is None or suffix not in ("", prescribed(node)):
                found.append(_status(ua.StatusCodes.BadNodeIdUnknown))
            elif suffix:
                found.append(words.property(node, suffix, each.AttributeId))
            elif each.AttributeId == ua.AttributeIds.Value and not is_object(node):
                found.append(data_value(node, samples.get(node.id)))
            else:
                found.append(words.attribute(node, each.AttributeId))
        return found

    # Browsing.

    async def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        self._bounded(params.NodesToBrowse, self._served.bounds.browses)
        limit = self._browsing.page(params.RequestedMaxReferencesPerNode)
        return [await self._browsing.browse(each, limit) for each in params.NodesToBrowse]

    async def browse_next(self, parameters: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
        self._bounded(parameters.ContinuationPoints, self._served.bounds.browses)
        if parameters.ReleaseContinuationPoints:
            return [ua.BrowseResult() for _ in parameters.ContinuationPoints]
        return [await self._browsing.on(octets) for octets in parameters.ContinuationPoints]

    async def translate_browsepaths_to_nodeids(
        self, params: list[ua.BrowsePath]
    ) -> list[ua.BrowsePathResult]:
        self._bounded(params, self._served.bounds.browses)
        return [await self._browsing.translate(each) for each in params]

    # History.

    async def history_read(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        self._bounded(params.NodesToRead, self._served.bounds.histories)
        if params.ReleaseContinuationPoints:
            return [ua.HistoryReadResult() for _ in params.NodesToRead]
        details = params.HistoryReadDetails
        return [await self._history.read(each, details) for each in params.NodesToRead]

    # Subscriptions.

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        self._bounded(params.ItemsToCreate, self._served.bounds.reads)
        await self._enter([each.ItemToMonitor for each in params.ItemsToCreate])
        return await super().create_monitored_items(params)

    async def _enter(self, items: Sequence[ua.ReadValueId]) -> None:
        """Enter variables that nobody monitors yet into the library's address space."""
        words = self._served.words
        ids = {id for each in items if (id := words.own(each.NodeId)) is not None}
        self._served.forget_unmonitored()
        fresh = [id for id in ids if id not in self._served.monitored]
        if len(self._served.monitored) + len(fresh) > self._served.bounds.monitored:
            raise ua.uaerrors.BadTooManyMonitoredItems
        known = await self._served.space.nodes(fresh)
        variables = [each for each in known.values() if not is_object(each)]
        samples = await self._served.space.present(variables)
        for node in variables:
            entered = NodeData(words.id(node.id))
            value = data_value(node, samples.get(node.id))
            entered.attributes[ua.AttributeIds.Value] = AttributeValue(value)
            self.aspace[words.id(node.id)] = entered
            self._served.monitored[node.id] = node

    def _bounded(self, items: Sequence[Any], most: int) -> None:
        if not items:
            raise ua.uaerrors.BadNothingToDo
        if len(items) > most:
            raise ua.uaerrors.BadTooManyOperations


def _status(code: int) -> ua.DataValue:
    return ua.DataValue(StatusCode=ua.StatusCode(code))
