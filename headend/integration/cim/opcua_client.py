"""What a system's OPC UA server shows: browse, read, history; never write.  The rest of an adapter
knows no OPC UA."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from headend.integration.cim.layer import TooMuch
from headend.integration.cim.opcua_connection import Connection, foreign, plain

_OBJECTS = ua.NodeId(ua.ObjectIds.ObjectsFolder)
_GONE = (ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid)


class NodeGone(Exception):
    """The server no longer has a node that it had when it was browsed."""


@dataclass(frozen=True, slots=True)
class Found:
    """A node as a reference to it tells."""

    id: ua.NodeId
    name: str
    namespace: int
    title: str
    type: ua.NodeId


class AddressSpace:
    """What a server shows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def index(self) -> int:
        """Of the mapping's namespace."""
        return self._connection.index

    async def below(self, ids: Sequence[ua.NodeId]) -> list[list[Found]]:
        """What each node leads to: organised, component or property.  Raises `NodeGone`."""
        kind = ua.ObjectIds.HierarchicalReferences
        return await self._browsed(ids, kind, ua.NodeClass.Object | ua.NodeClass.Variable)

    async def subtypes(self, ids: Sequence[ua.NodeId]) -> list[list[Found]]:
        """The object types right below each of these."""
        return await self._browsed(ids, ua.ObjectIds.HasSubtype, ua.NodeClass.ObjectType)

    async def _browsed(
        self, ids: Sequence[ua.NodeId], kind: int, classes: int
    ) -> list[list[Found]]:
        found: list[list[Found]] = []
        for part in _parts(ids, self._connection.at_once):
            found += await self._browse(part, kind, classes)
        return found

    async def names(self, ids: Sequence[ua.NodeId]) -> list[str | None]:
        """The browse names of nodes in the mapping's namespace; None of others'."""
        return [
            name.Name if isinstance(name, ua.QualifiedName) and name.NamespaceIndex == self.index
            else None
            for name in [plain(it) for it in await self.read(ids, ua.AttributeIds.BrowseName)]
        ]  # fmt: skip

    async def read(
        self, ids: Sequence[ua.NodeId], attribute: ua.AttributeIds = ua.AttributeIds.Value
    ) -> list[ua.DataValue]:
        """An attribute of each.  Raises `NodeGone`."""
        found: list[ua.DataValue] = []
        for part in _parts(ids, self._connection.at_once):
            asked = [ua.ReadValueId(NodeId=id, AttributeId=attribute) for id in part]
            params = ua.ReadParameters(
                TimestampsToReturn=ua.TimestampsToReturn.Source, NodesToRead=asked
            )
            async with self._connection.asking() as client:
                found += await client.uaclient.read(params)
        for value in found:
            _there(value.StatusCode)
        return found

    async def history(
        self, id: ua.NodeId, begin: datetime, end: datetime, most: int
    ) -> list[ua.DataValue]:
        """Values from `begin` up to but without `end`, the earliest first; `most` of them at
        most.  Raises `NodeGone`."""
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=begin,
            EndTime=end,
            NumValuesPerNode=most,
            ReturnBounds=False,
        )
        found: list[ua.DataValue] = []

        def enough() -> bool:
            return len(found) >= most

        async for data in self._history(id, details, enough):
            # Some servers count the end in, and some give what lies at a bound in any case.
            found += (
                each
                for each in data.DataValues or ()
                if each.SourceTimestamp is None or begin <= _aware(each.SourceTimestamp) < end
            )
        return found[:most]

    async def events(
        self,
        id: ua.NodeId,
        type: ua.NodeId,
        fields: Sequence[str],
        begin: datetime,
        end: datetime,
        most: int,
    ) -> list[dict[str, Any]]:
        """Events of a type as values by field, with "Time" among them.  Raises `TooMuch` where
        there are more than `most`, and `NodeGone`."""
        wanted = [*fields, "Time"]
        clauses = [
            ua.SimpleAttributeOperand(
                TypeDefinitionId=ua.NodeId(ua.ObjectIds.BaseEventType) if own else type,
                BrowsePath=[ua.QualifiedName(name, 0 if own else self.index)],
                AttributeId=ua.AttributeIds.Value,
            )
            for name in wanted
            for own in [name == "Time"]
        ]
        where = ua.ContentFilterElement(
            FilterOperator=ua.FilterOperator.OfType,
            FilterOperands=[ua.LiteralOperand(ua.Variant(type, ua.VariantType.NodeId))],
        )
        details = ua.ReadEventDetails(
            NumValuesPerNode=0,
            StartTime=begin,
            EndTime=end,
            Filter=ua.EventFilter(clauses, ua.ContentFilter([where])),
        )
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            return len(found) > most

        async for data in self._history(id, details, enough):
            for each in data.Events or ():
                values = [field.Value for field in each.EventFields]
                event = dict(zip(wanted, values, strict=True))
                at = event["Time"]
                if not isinstance(at, datetime) or begin <= _aware(at) < end:
                    found.append(event)
        if len(found) > most:
            raise TooMuch(f"more than {most} events")
        return found

    async def _history(
        self, id: ua.NodeId, details: Any, enough: Callable[[], bool]
    ) -> AsyncIterator[Any]:
        """The parts of an answer, until there is enough; a server that keeps for us where it was is
        then told that it need not."""
        point: bytes | None = None
        while True:
            result = await self._history_part(id, details, point)
            _there(result.StatusCode)
            with foreign():
                result.StatusCode.check()
            yield result.HistoryData
            point = result.ContinuationPoint or None
            if point is None:
                return
            if enough():
                await self._history_part(id, details, point, release=True)
                return

    async def _history_part(
        self, id: ua.NodeId, details: Any, point: bytes | None, *, release: bool = False
    ) -> ua.HistoryReadResult:
        params = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Source,
            ReleaseContinuationPoints=release,
            NodesToRead=[ua.HistoryReadValueId(NodeId=id, ContinuationPoint=point)],
        )
        async with self._connection.asking() as client:
            (result,) = await client.uaclient.history_read(params)
        return result

    async def _browse(self, ids: Sequence[ua.NodeId], kind: int, classes: int) -> list[list[Found]]:
        asked = [
            ua.BrowseDescription(
                NodeId=id,
                BrowseDirection=ua.BrowseDirection.Forward,
                ReferenceTypeId=ua.NodeId(kind),
                IncludeSubtypes=True,
                NodeClassMask=classes,
                ResultMask=ua.BrowseResultMask.All,
            )
            for id in ids
        ]
        async with self._connection.asking() as client:
            results = await client.uaclient.browse(ua.BrowseParameters(NodesToBrowse=asked))
            found = [[*map(_found, result.References or ())] for result in results]
            open_ends = {
                place: result.ContinuationPoint
                for place, result in enumerate(results)
                if result.ContinuationPoint
            }
            while open_ends:
                params = ua.BrowseNextParameters(
                    ReleaseContinuationPoints=False, ContinuationPoints=[*open_ends.values()]
                )
                more = await client.uaclient.browse_next(params)
                places, open_ends = [*open_ends], {}
                for place, result in zip(places, more, strict=True):
                    result.StatusCode.check()
                    found[place] += map(_found, result.References or ())
                    if result.ContinuationPoint:
                        open_ends[place] = result.ContinuationPoint
        for result in results:
            _there(result.StatusCode)
        return found


def objects() -> ua.NodeId:
    """The folder at which every server's own nodes begin."""
    return _OBJECTS


def quality(status: ua.StatusCode | None) -> str:
    """Of the profile's CFE_Quality."""
    if status is None or status.is_good():
        return "good"
    return "bad" if status.is_bad() else "uncertain"


def instant(value: ua.DataValue) -> datetime | None:
    """When a value was so."""
    return None if value.SourceTimestamp is None else _aware(value.SourceTimestamp)


def _there(status: ua.StatusCode | None) -> None:
    if status is not None and status.value in _GONE:
        raise NodeGone


def _found(reference: ua.ReferenceDescription) -> Found:
    return Found(
        _local(reference.NodeId),
        reference.BrowseName.Name or "",
        reference.BrowseName.NamespaceIndex,
        reference.DisplayName.Text or "",
        _local(reference.TypeDefinition),
    )


def _local(id: Any) -> ua.NodeId:
    return ua.NodeId(id.Identifier, id.NamespaceIndex, id.NodeIdType)


def _aware(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _parts(ids: Sequence[ua.NodeId], most: int) -> Iterator[Sequence[ua.NodeId]]:
    for begin in range(0, len(ids), most):
        yield ids[begin : begin + most]
