"""Services by short names in words.

What stands behind a number, only the meter's own list of base names knows.
"""

from __future__ import annotations

from collections.abc import Callable

from protocols.dlms.codes import DataAccessResult
from protocols.dlms.short_names import (
    BlockNumberAccess,
    DataBlockResult,
    InformationReportRequest,
    ParameterizedAccess,
    ReadBlockTaken,
    ReadDataBlockAccess,
    ReadRequest,
    ReadResponse,
    ReadResult,
    ShortData,
    ShortError,
    ShortNameApdu,
    UnconfirmedWriteRequest,
    VariableAccess,
    VariableName,
    WriteBlockTaken,
    WriteDataBlockAccess,
    WriteRequest,
    WriteResponse,
    WriteResult,
)
from protocols.dlms.values import Value

ValueText = Callable[[Value], str]


def words(apdu: ShortNameApdu, value_text: ValueText) -> str:
    """One APDU in words."""
    match apdu:
        case ReadRequest(accesses):
            return f"READ {_accesses(accesses, value_text)}"
        case WriteRequest(accesses, data):
            return f"WRITE {_accesses(accesses, value_text)} = {_values(data, value_text)}"
        case UnconfirmedWriteRequest(accesses, data):
            written = f"{_accesses(accesses, value_text)} = {_values(data, value_text)}"
            return f"WRITE, unconfirmed, {written}"
        case InformationReportRequest(_, accesses, data):
            told = f"{_accesses(accesses, value_text)} = {_values(data, value_text)}"
            return f"information report: {told}"
        case ReadResponse(read):
            return ", ".join(_result(each, value_text) for each in read)
        case WriteResponse(written_):
            return ", ".join(_result(each, value_text) for each in written_)


def _accesses(accesses: tuple[VariableAccess, ...], value_text: ValueText) -> str:
    return ", ".join(_access(each, value_text) for each in accesses)


def _access(access: VariableAccess, value_text: ValueText) -> str:
    match access:
        case VariableName(name):
            return f"{name:04X}"
        case ParameterizedAccess(name, selector, parameter):
            return f"{name:04X} by selector {selector}, {value_text(parameter)}"
        case BlockNumberAccess(number):
            return f"the block after {number}"
        case ReadDataBlockAccess(_, number, raw):
            return f"block {number} of {len(raw)} octets"
        case WriteDataBlockAccess(_, number):
            return f"block {number}"


def _values(data: tuple[Value, ...], value_text: ValueText) -> str:
    return ", ".join(map(value_text, data))


def _result(result: ReadResult | WriteResult, value_text: ValueText) -> str:
    match result:
        case ShortData(value):
            return value_text(value)
        case ShortError(code):
            return f"refused: {_name(code)}"
        case DataBlockResult(last, number, raw):
            return f"block {number} of {len(raw)} octets{', the last one' if last else ''}"
        case ReadBlockTaken(number) | WriteBlockTaken(number):
            return f"block {number} received"
        case _:
            return "success"


def _name(code: DataAccessResult) -> str:
    return code.name.lower().replace("_", "-")
