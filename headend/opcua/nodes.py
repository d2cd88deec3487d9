"""A space's nodes as OPC UA has them: ids, attributes, references, values with their status.

A variable's unit and states are properties that the standard prescribes (OPC 10000-8, 5.3); they
are nodes without an entry in the space, `ID?EngineeringUnits` and `ID?EnumStrings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asyncua import ua

from headend.opcua.space import Kind, Node, Quality, Sample

UNITS, STATES = "?EngineeringUnits", "?EnumStrings"
TYPE = "type:"
"""Before the name of an object type or event type, in its node's id."""

_OBJECTS = (Kind.FOLDER, Kind.OBJECT)
_DATA_TYPES = {
    Kind.ANALOG: ua.ObjectIds.Double,
    Kind.STATE: ua.ObjectIds.UInt32,
    Kind.PROPERTY: ua.ObjectIds.String,
}
_DEFINITIONS = {
    Kind.FOLDER: ua.ObjectIds.FolderType,
    Kind.OBJECT: ua.ObjectIds.BaseObjectType,
    Kind.ANALOG: ua.ObjectIds.AnalogItemType,
    Kind.STATE: ua.ObjectIds.MultiStateDiscreteType,
    Kind.PROPERTY: ua.ObjectIds.PropertyType,
}
_VARIANTS = {
    Kind.ANALOG: ua.VariantType.Double,
    Kind.STATE: ua.VariantType.UInt32,
    Kind.PROPERTY: ua.VariantType.String,
}
_STATUS = {
    Quality.GOOD: ua.StatusCodes.Good,
    Quality.UNCERTAIN: ua.StatusCodes.Uncertain,
    Quality.BAD: ua.StatusCodes.Bad,
}
# OPC 10000-8, 5.6.3: a unit's number is made of the characters of its UNECE code.
_UNECE = {
    "V": "VLT", "kV": "KVT", "A": "AMP", "W": "WTT", "kW": "KWT", "VAr": "D44", "kVAr": "KVR",
    "VA": "D46", "Wh": "WHR", "kWh": "KWH", "VArh": "T9", "kVArh": "K3", "Hz": "HTZ",
}  # fmt: skip
_UNECE_URI = "http://www.opcfoundation.org/UA/units/un/cefact"


def is_object(node: Node) -> bool:
    """Whether it is none of the variables."""
    return node.kind in _OBJECTS


def split(id: str) -> tuple[str, str]:
    """A node's own id, and which of its prescribed properties is meant, "" where none is."""
    for suffix in (UNITS, STATES):
        if id.endswith(suffix):
            return id[: -len(suffix)], suffix
    return id, ""


def prescribed(node: Node) -> str:
    """The property that its kind prescribes, "" where it has none."""
    if node.kind is Kind.ANALOG and node.unit:
        return UNITS
    return STATES if node.kind is Kind.STATE and node.states else ""


def data_value(node: Node, sample: Sample | None) -> ua.DataValue:
    """A sample on its way.  A bad one has no value."""
    if sample is None:
        return ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData))
    value: Any = None if sample.quality is Quality.BAD else sample.value
    variant = ua.Variant(value, _VARIANTS[node.kind]) if value is not None else None
    return ua.DataValue(
        variant,
        ua.StatusCode(_STATUS[sample.quality]),
        SourceTimestamp=sample.at,
        ServerTimestamp=sample.at,
    )


class Vocabulary:
    """Nodes in the words of one namespace, whose index the server has given."""

    def __init__(self, index: int) -> None:
        self.index = index

    def id(self, text: str) -> ua.NodeId:
        return ua.NodeId(text, self.index)

    def name(self, text: str) -> ua.QualifiedName:
        return ua.QualifiedName(text, self.index)

    def own(self, id: ua.NodeId) -> str | None:
        """The text of an id of this namespace's nodes; None for another's."""
        if id.NamespaceIndex != self.index or not isinstance(id.Identifier, str):
            return None
        return None if id.Identifier.startswith(TYPE) else id.Identifier

    # Attributes.

    def attribute(self, node: Node, which: ua.AttributeIds) -> ua.DataValue:
        """Any attribute but a variable's value, which is a sample."""
        found = self._of_all(node).get(which)
        if found is None:
            more = self._of_objects(node) if is_object(node) else self._of_variables(node)
            found = more.get(which)
        return _answer(found)

    def property(self, node: Node, suffix: str, which: ua.AttributeIds) -> ua.DataValue:
        """An attribute of a property that the standard prescribes."""
        name = suffix[1:]
        if suffix == UNITS:
            value = ua.Variant(_unit(node.unit), ua.VariantType.ExtensionObject)
            data_type, rank = ua.ObjectIds.EUInformation, -1
        else:
            texts = [ua.LocalizedText(each) for each in node.states]
            value = ua.Variant(texts, ua.VariantType.LocalizedText)
            data_type, rank = ua.ObjectIds.LocalizedText, 1
        known = {
            ua.AttributeIds.NodeId: _variant(self.id(node.id + suffix), ua.VariantType.NodeId),
            ua.AttributeIds.NodeClass: _variant(ua.NodeClass.Variable, ua.VariantType.Int32),
            ua.AttributeIds.BrowseName: _variant(
                ua.QualifiedName(name, 0), ua.VariantType.QualifiedName
            ),
            ua.AttributeIds.DisplayName: _text(name),
            ua.AttributeIds.Value: value,
            ua.AttributeIds.DataType: _variant(ua.NodeId(data_type), ua.VariantType.NodeId),
            ua.AttributeIds.ValueRank: _variant(rank, ua.VariantType.Int32),
            ua.AttributeIds.AccessLevel: _variant(1, ua.VariantType.Byte),
            ua.AttributeIds.UserAccessLevel: _variant(1, ua.VariantType.Byte),
            ua.AttributeIds.Historizing: _variant(False, ua.VariantType.Boolean),
        }
        return _answer(known.get(which))

    def _of_all(self, node: Node) -> dict[ua.AttributeIds, ua.Variant]:
        kind = ua.NodeClass.Object if is_object(node) else ua.NodeClass.Variable
        return {
            ua.AttributeIds.NodeId: _variant(self.id(node.id), ua.VariantType.NodeId),
            ua.AttributeIds.NodeClass: _variant(kind, ua.VariantType.Int32),
            ua.AttributeIds.BrowseName: _variant(
                self.name(node.name), ua.VariantType.QualifiedName
            ),
            ua.AttributeIds.DisplayName: _text(node.title or node.name),
            ua.AttributeIds.Description: _text(node.about),
            ua.AttributeIds.WriteMask: _variant(0, ua.VariantType.UInt32),
            ua.AttributeIds.UserWriteMask: _variant(0, ua.VariantType.UInt32),
        }

    def _of_objects(self, node: Node) -> dict[ua.AttributeIds, ua.Variant]:
        notifier = 1 << ua.EventNotifier.HistoryRead if node.history else 0
        return {ua.AttributeIds.EventNotifier: _variant(notifier, ua.VariantType.Byte)}

    def _of_variables(self, node: Node) -> dict[ua.AttributeIds, ua.Variant]:
        access = 1 << ua.AccessLevel.CurrentRead
        if node.history:
            access |= 1 << ua.AccessLevel.HistoryRead
        data_type = ua.NodeId(_DATA_TYPES[node.kind])
        return {
            ua.AttributeIds.DataType: _variant(data_type, ua.VariantType.NodeId),
            ua.AttributeIds.ValueRank: _variant(-1, ua.VariantType.Int32),
            ua.AttributeIds.AccessLevel: _variant(access, ua.VariantType.Byte),
            ua.AttributeIds.UserAccessLevel: _variant(access, ua.VariantType.Byte),
            ua.AttributeIds.MinimumSamplingInterval: _variant(-1.0, ua.VariantType.Double),
            ua.AttributeIds.Historizing: _variant(node.history, ua.VariantType.Boolean),
        }

    # References.

    def fixed(self, node: Node, parent: Node | None) -> Iterator[ua.ReferenceDescription]:
        """A node's references but those to its children."""
        definition = ua.NodeId(_DEFINITIONS[node.kind])
        if node.type:
            definition = self.id(TYPE + node.type)
        is_variable = not is_object(node)
        yield ua.ReferenceDescription(
            ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasTypeDefinition),
            IsForward=True,
            NodeId=definition,
            BrowseName=self.name(node.type) if node.type else ua.QualifiedName("", 0),
            NodeClass=ua.NodeClass.VariableType if is_variable else ua.NodeClass.ObjectType,
        )
        if parent is not None:
            yield self.reference(parent, _leading(parent, node), forward=False)
        elif not node.parent:
            yield ua.ReferenceDescription(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.Organizes),
                IsForward=False,
                NodeId=ua.NodeId(ua.ObjectIds.ObjectsFolder),
                BrowseName=ua.QualifiedName("Objects", 0),
                DisplayName=ua.LocalizedText("Objects"),
                NodeClass=ua.NodeClass.Object,
                TypeDefinition=ua.NodeId(ua.ObjectIds.FolderType),
            )
        if suffix := prescribed(node):
            yield ua.ReferenceDescription(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasProperty),
                IsForward=True,
                NodeId=self.id(node.id + suffix),
                BrowseName=ua.QualifiedName(suffix[1:], 0),
                DisplayName=ua.LocalizedText(suffix[1:]),
                NodeClass=ua.NodeClass.Variable,
                TypeDefinition=ua.NodeId(ua.ObjectIds.PropertyType),
            )

    def below(self, parent: Node | None, child: Node) -> ua.ReferenceDescription:
        """The reference from a node to a child; None: from Objects."""
        return self.reference(child, _leading(parent, child), forward=True)

    def reference(
        self, target: Node, kind: ua.ObjectIds, *, forward: bool
    ) -> ua.ReferenceDescription:
        definition = (
            self.id(TYPE + target.type) if target.type else ua.NodeId(_DEFINITIONS[target.kind])
        )
        return ua.ReferenceDescription(
            ReferenceTypeId=ua.NodeId(kind),
            IsForward=forward,
            NodeId=self.id(target.id),
            BrowseName=self.name(target.name),
            DisplayName=ua.LocalizedText(target.title or target.name),
            NodeClass=ua.NodeClass.Object if is_object(target) else ua.NodeClass.Variable,
            TypeDefinition=definition,
        )


def _leading(parent: Node | None, child: Node) -> ua.ObjectIds:
    """The type of the reference that leads from a parent to a child."""
    if child.kind is Kind.PROPERTY:
        return ua.ObjectIds.HasProperty
    if parent is None or parent.kind is Kind.FOLDER:
        return ua.ObjectIds.Organizes
    return ua.ObjectIds.HasComponent


def _unit(symbol: str) -> ua.EUInformation:
    code = _UNECE.get(symbol, "")
    number = int.from_bytes(code.encode(), "big") if code else -1
    return ua.EUInformation(
        NamespaceUri=_UNECE_URI if code else "",
        UnitId=number,
        DisplayName=ua.LocalizedText(symbol),
        Description=ua.LocalizedText(symbol),
    )


def _variant(value: Any, kind: ua.VariantType) -> ua.Variant:
    return ua.Variant(value, kind)


def _text(text: str) -> ua.Variant:
    return ua.Variant(ua.LocalizedText(text), ua.VariantType.LocalizedText)


def _answer(found: ua.Variant | None) -> ua.DataValue:
    if found is None:
        return ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadAttributeIdInvalid))
    return ua.DataValue(found)
