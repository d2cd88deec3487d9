"""History of a space's variables and objects, part by part (OPC 10000-11)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.common.event_objects import BaseEvent
from asyncua.server.monitored_item_service import WhereClauseEvaluator

from headend.opcua.nodes import TYPE, is_object
from headend.opcua.nodes import data_value as told
from headend.opcua.reach import BadPoint, BadReach, Reach, continued, point, wanted
from headend.opcua.space import Happening, Node

if TYPE_CHECKING:
    from headend.opcua.served import Served

_VARIANTS = {
    str: ua.VariantType.String,
    float: ua.VariantType.Double,
    int: ua.VariantType.Int32,
}
_log = logging.getLogger("asyncua.server")


class History:
    """What is kept, of a served space."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def read(self, asked: ua.HistoryReadValueId, details: Any) -> ua.HistoryReadResult:
        """One node's."""
        events = isinstance(details, ua.ReadEventDetails)
        raw = isinstance(details, ua.ReadRawModifiedDetails) and not details.IsReadModified
        if not events and not raw:
            return _refused(ua.StatusCodes.BadHistoryOperationUnsupported)
        id = self._served.words.own(asked.NodeId)
        node = None if id is None else (await self._served.space.nodes([id])).get(id)
        if node is None:
            return _refused(ua.StatusCodes.BadNodeIdUnknown)
        if not node.history or is_object(node) is not events:
            return _refused(ua.StatusCodes.BadHistoryOperationUnsupported)
        try:
            reach = (
                continued(node.id, asked.ContinuationPoint)
                if asked.ContinuationPoint
                else wanted(details.StartTime, details.EndTime, details.NumValuesPerNode)
            )
        except BadReach:
            return _refused(ua.StatusCodes.BadHistoryOperationInvalid)
        except BadPoint:
            return _refused(ua.StatusCodes.BadContinuationPointInvalid)
        limit = reach.answer_max(self._served.bounds.samples)
        if events:
            return await self._events(node, reach, limit, details.Filter)
        return await self._values(node, reach, limit)

    async def _values(self, node: Node, reach: Reach, limit: int) -> ua.HistoryReadResult:
        asked = await self._served.space.history(node, reach, limit + 1)
        samples = asked[:limit]
        data = ua.HistoryData([told(node, each) for each in samples])
        result = ua.HistoryReadResult(HistoryData=data)
        _continue(result, node, reach, samples, more=len(asked) > limit)
        if not samples:
            result.StatusCode = ua.StatusCode(ua.StatusCodes.GoodNoData)
        return result

    async def _events(
        self, node: Node, reach: Reach, limit: int, filter: ua.EventFilter
    ) -> ua.HistoryReadResult:
        asked = await self._served.space.events(node, reach, limit + 1)
        found = asked[:limit]
        where = WhereClauseEvaluator(_log, self._served.aspace, filter.WhereClause)
        lists = []
        for happening in found:
            event = self._event(node, happening)
            if where.eval(event):
                lists.append(ua.HistoryEventFieldList(event.to_event_fields(filter.SelectClauses)))
        result = ua.HistoryReadResult(HistoryData=ua.HistoryEvent(lists))
        _continue(result, node, reach, found, more=len(asked) > limit)
        if not lists and not result.ContinuationPoint:
            result.StatusCode = ua.StatusCode(ua.StatusCodes.GoodNoData)
        return result

    def _event(self, node: Node, happening: Happening) -> BaseEvent:
        event = BaseEvent(self._served.words.id(node.id), happening.message, happening.severity)
        known = {
            "EventId": (happening.id.encode(), ua.VariantType.ByteString),
            "EventType": (self._served.words.id(TYPE + happening.type), ua.VariantType.NodeId),
            "SourceName": (happening.source, ua.VariantType.String),
            "Time": (happening.at, ua.VariantType.DateTime),
            "ReceiveTime": (happening.at, ua.VariantType.DateTime),
        }
        for name, (value, kind) in known.items():
            event.add_property(name, value, kind)
        for name, value in happening.fields.items():
            event.add_property(name, value, _VARIANTS[type(value)])
        return event


def _continue(
    result: ua.HistoryReadResult, node: Node, reach: Reach, found: Sequence[Any], *, more: bool
) -> None:
    """Where there is more, it may be asked for, unless the client wanted no more."""
    if more and (rest := reach.beyond(found[-1].at, len(found))) is not None:
        result.ContinuationPoint = point(node.id, rest)


def _refused(code: int) -> ua.HistoryReadResult:
    return ua.HistoryReadResult(ua.StatusCode(code))
