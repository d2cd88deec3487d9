"""References of nodes, page by page, and paths of browse names (OPC 10000-4, 5.9): the standard's
nodes as the library has them, then those of a space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from asyncua import ua
from asyncua.server.address_space import ViewService

from headend.opcua.nodes import is_object, prescribed, split
from headend.opcua.space import Node

if TYPE_CHECKING:
    from headend.opcua.served import Served

OBJECTS = ua.NodeId(ua.ObjectIds.ObjectsFolder)


class Browsing:
    """The ways through a served space; `view` is the library's, through its own nodes."""

    def __init__(self, served: Served, view: ViewService) -> None:
        self._served, self._view = served, view

    async def browse(self, asked: ua.BrowseDescription, limit: int) -> ua.BrowseResult:
        """One node's references."""
        words, space = self._served.words, self._served.space
        id = words.own(asked.NodeId)
        if id is None:
            (result,) = self._view.browse(ua.BrowseParameters(NodesToBrowse=[asked]))
            if asked.NodeId == OBJECTS and _forward(asked):
                await self._children(result, None, asked, "", limit)
            return result
        of, suffix = split(id)
        node = (await space.nodes([of])).get(of)
        if node is None or suffix not in ("", prescribed(node)):
            return ua.BrowseResult(ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown))
        result = ua.BrowseResult()
        if suffix:
            return result
        parent = (await space.nodes([node.parent])).get(node.parent) if node.parent else None
        result.References += (
            each for each in words.fixed(node, parent) if self._suits(asked, each)
        )
        if is_object(node) and _forward(asked):
            await self._children(result, node, asked, "", limit)
        return result

    async def on(self, octets: bytes) -> ua.BrowseResult:
        """The references behind a continuation point."""
        try:
            of, after, kind, subtypes, classes, limit = msgspec.json.decode(
                octets or b"", type=tuple[str, str, str, bool, int, int]
            )
            reference = ua.NodeId.from_string(kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, ua.UaError, ValueError):
            return ua.BrowseResult(ua.StatusCode(ua.StatusCodes.BadContinuationPointInvalid))
        node = (await self._served.space.nodes([of])).get(of)
        if of and node is None:
            return ua.BrowseResult(ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown))
        asked = ua.BrowseDescription(
            BrowseDirection=ua.BrowseDirection.Forward,
            ReferenceTypeId=reference,
            IncludeSubtypes=subtypes,
            NodeClassMask=classes,
        )
        result = ua.BrowseResult()
        await self._children(result, node, asked, after, self.page(limit))
        return result

    async def _children(
        self,
        result: ua.BrowseResult,
        node: Node | None,
        asked: ua.BrowseDescription,
        after: str,
        limit: int,
    ) -> None:
        """Add references to a page of children, and the point at which the next page begins."""
        of = "" if node is None else node.id
        found = await self._served.space.children(of, after, limit + 1)
        for child in found[:limit]:
            reference = self._served.words.below(node, child)
            if self._suits(asked, reference):
                result.References.append(reference)
        if len(found) > limit:
            result.ContinuationPoint = msgspec.json.encode(
                (
                    of,
                    found[limit - 1].name,
                    asked.ReferenceTypeId.to_string(),
                    asked.IncludeSubtypes,
                    int(asked.NodeClassMask),
                    limit,
                )
            )

    def _suits(self, asked: ua.BrowseDescription, reference: ua.ReferenceDescription) -> bool:
        return bool(self._view._is_suitable_ref(asked, reference))

    def page(self, asked: int) -> int:
        """How many references one answer has."""
        most = self._served.bounds.references
        return min(int(asked), most) if asked else most

    async def translate(self, path: ua.BrowsePath) -> ua.BrowsePathResult:
        """Along the library's nodes as far as they lead, then along the space's."""
        elements = list(path.RelativePath.Elements)
        words = self._served.words
        own = words.own(path.StartingNode)
        if own is None:
            leads = path.StartingNode == OBJECTS and elements
            if not leads or elements[0].TargetName.NamespaceIndex != words.index:
                root = ua.NodeId(ua.ObjectIds.RootFolder)
                objects = len(elements) > 1 and elements[0].TargetName.Name == "Objects"
                if path.StartingNode == root and objects:
                    rest = ua.RelativePath(elements[1:])
                    return await self.translate(ua.BrowsePath(OBJECTS, rest))
                return self._view._translate_browsepath_to_nodeid(path)
            own = ""
        for place, element in enumerate(elements):
            name = element.TargetName
            if element.IsInverse or name is None or not name.Name:
                return ua.BrowsePathResult(ua.StatusCode(ua.StatusCodes.BadNoMatch))
            if name.NamespaceIndex == 0 and place == len(elements) - 1:
                own = await self._property(own, "?" + name.Name)
                break
            child = None
            if name.NamespaceIndex == words.index:
                child = await self._served.space.child(own, name.Name)
            own = None if child is None else child.id
            if own is None:
                break
        if own is None:
            return ua.BrowsePathResult(ua.StatusCode(ua.StatusCodes.BadNoMatch))
        target = ua.BrowsePathTarget(words.id(own), ua.Index(0xFFFFFFFF))
        return ua.BrowsePathResult(Targets=[target])

    async def _property(self, of: str, suffix: str) -> str | None:
        node = (await self._served.space.nodes([of])).get(of)
        return None if node is None or prescribed(node) != suffix else of + suffix


def _forward(asked: ua.BrowseDescription) -> bool:
    return asked.BrowseDirection in (ua.BrowseDirection.Forward, ua.BrowseDirection.Both)
