"""Hypothesis strategies: any value, any APDU."""

from __future__ import annotations

from hypothesis import strategies as st

from protocols.dlms import acse, apdu, services, short_names, values
from protocols.dlms.ciphered import PLAIN_TAG
from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    ActionResult,
    ApduTag,
    AssociationResult,
    ConfirmedService,
    Conformance,
    DataAccessResult,
    DataTag,
    ReleaseRequestReason,
    ReleaseResponseReason,
    ServiceError,
    ServiceErrorKind,
    StateError,
)
from protocols.dlms.date_time import ClockStatus, Date, DateTime, Time
from protocols.dlms.forms import without_data
from protocols.dlms.logical_name import LogicalName

octet = st.integers(0, 0xFF)
number16 = st.integers(0, 0xFFFF)
number32 = st.integers(0, 0xFFFFFFFF)
octets = st.binary(max_size=200)
part = st.none() | st.integers(0, 0xFE)
dates = st.builds(Date, st.none() | st.integers(0, 0xFFFE), part, part, part)
times = st.builds(Time, part, part, part, part)
moments = st.builds(
    DateTime,
    dates,
    times,
    st.none() | st.integers(-0x7FFF, 0x7FFF),
    st.none() | st.integers(0, 0xFE).map(ClockStatus),
)
_integers = [values.class_of(tag) for tag in DataTag if hasattr(values.class_of(tag), "FORMAT")]
descriptions = st.recursive(
    st.sampled_from(
        [tag for tag in DataTag if tag not in (DataTag.ARRAY, DataTag.STRUCTURE, DataTag(19))]
    ).map(values.TypeDescription),
    lambda inner: (
        st.builds(
            lambda count, member: values.TypeDescription(DataTag.ARRAY, count, (member,)),
            st.integers(0, 0xFFFF),
            inner,
        )
        | st.lists(inner, max_size=4).map(
            lambda members: values.TypeDescription(DataTag.STRUCTURE, 0, tuple(members))
        )
    ),
    max_leaves=6,
)
simple = st.one_of(
    *[st.integers(kind.MIN, kind.MAX).map(kind) for kind in _integers],
    octet.map(values.Boolean),
    octets.map(values.OctetString),
    st.text(st.characters(max_codepoint=0xFF), max_size=40).map(values.VisibleString),
    st.text(max_size=40).map(values.Utf8String),
    st.text("01", max_size=40).map(values.BitString.of),
    st.floats(width=32, allow_nan=False).map(values.Float32),
    st.floats(allow_nan=False).map(values.Float64),
    st.sampled_from([values.NULL, values.DONT_CARE]),
    moments.map(values.DateTimeValue),
    dates.map(values.DateValue),
    times.map(values.TimeValue),
    st.builds(values.CompactArray, descriptions, octets),
)
value = st.recursive(
    simple,
    lambda inner: (
        st.lists(inner, max_size=5).map(values.Array)
        | st.lists(inner, max_size=5).map(values.Structure)
    ),
    max_leaves=12,
)

names = st.binary(min_size=6, max_size=6).map(LogicalName)
class_ids = st.integers(0, 0xFFFF)
signed = st.integers(-128, 127)
attributes = st.builds(
    services.AttributeDescriptor,
    class_ids,
    names,
    signed,
    st.none() | st.builds(services.SelectiveAccess, octet, value),
)
bare_attributes = st.builds(services.AttributeDescriptor, class_ids, names, signed)
methods = st.builds(services.MethodDescriptor, class_ids, names, signed)
access_results = st.sampled_from(DataAccessResult)
results = value | access_results
returns = st.builds(services.MethodReturn, st.sampled_from(ActionResult), st.none() | results)
access_items = st.one_of(
    st.builds(services.AccessGet, attributes),
    st.builds(services.AccessSet, attributes, value),
    st.builds(
        services.AccessAction,
        methods,
        st.none() | value.filter(lambda found: found != values.NULL),
    ),
)
access_results_of = st.one_of(
    st.builds(
        services.AccessResult,
        st.sampled_from([services.AccessService.GET, services.AccessService.SET]),
        access_results,
        value,
    ),
    st.builds(
        services.AccessResult,
        st.just(services.AccessService.ACTION),
        st.sampled_from(ActionResult),
        value,
    ),
)
blocks = st.builds(apdu.DataBlock, st.booleans(), number32, octets)


def some(items: st.SearchStrategy) -> st.SearchStrategy[tuple]:
    return st.lists(items, max_size=3).map(tuple)


initiates = st.one_of(
    st.builds(
        apdu.InitiateRequest,
        st.integers(0, 0xFFFFFF).map(Conformance),
        st.integers(0, 0xFFFF),
        st.none() | octets,
        st.booleans(),
        st.none() | signed,
        octet,
    ),
    st.builds(
        apdu.InitiateResponse,
        st.integers(0, 0xFFFFFF).map(Conformance),
        st.integers(0, 0xFFFF),
        st.integers(-0x8000, 0x7FFF),
        st.none() | signed,
        octet,
    ),
    st.builds(
        apdu.ConfirmedServiceError,
        st.sampled_from(ConfirmedService),
        st.sampled_from(ServiceErrorKind),
        octet,
    ),
)
maybe = st.none() | octets
numbers = st.none() | number32
association = st.one_of(
    st.builds(
        acse.AARQ, octet, maybe, maybe, st.none() | octet, maybe, maybe, maybe, maybe, maybe,
        numbers, numbers, maybe, numbers, numbers, maybe,
    ),
    st.builds(
        acse.AARE, octet, st.sampled_from(AssociationResult),
        st.sampled_from(AcseUserDiagnostic) | st.sampled_from(AcseProviderDiagnostic),
        maybe, maybe, st.none() | octet, maybe, maybe, maybe, maybe, numbers, numbers, maybe,
    ),
    st.builds(acse.RLRQ, st.none() | st.sampled_from(ReleaseRequestReason), maybe),
    st.builds(acse.RLRE, st.none() | st.sampled_from(ReleaseResponseReason), maybe),
)  # fmt: skip
exceptions = st.one_of(
    st.builds(
        services.ExceptionResponse,
        st.sampled_from(StateError),
        st.sampled_from([e for e in ServiceError if e != ServiceError.INVOCATION_COUNTER_ERROR]),
    ),
    st.builds(
        services.ExceptionResponse,
        st.sampled_from(StateError),
        st.just(ServiceError.INVOCATION_COUNTER_ERROR),
        number32,
    ),
)
short_accesses = st.one_of(
    st.builds(short_names.VariableName, number16),
    st.builds(short_names.ParameterizedAccess, number16, octet, value),
    st.builds(short_names.BlockNumberAccess, number16),
    st.builds(short_names.ReadDataBlockAccess, st.booleans(), number16, octets),
    st.builds(short_names.WriteDataBlockAccess, st.booleans(), number16),
)
short_errors = st.builds(short_names.ShortError, access_results)
short_name_apdus = st.one_of(
    st.builds(short_names.ReadRequest, some(short_accesses)),
    st.builds(
        short_names.ReadResponse,
        some(
            st.builds(short_names.ShortData, value)
            | short_errors
            | st.builds(short_names.DataBlockResult, st.booleans(), number16, octets)
            | st.builds(short_names.ReadBlockTaken, number16)
        ),
    ),
    st.builds(short_names.WriteRequest, some(short_accesses), some(value)),
    st.builds(
        short_names.WriteResponse,
        some(
            st.builds(short_names.Written)
            | short_errors
            | st.builds(short_names.WriteBlockTaken, number16)
        ),
    ),
    st.builds(short_names.UnconfirmedWriteRequest, some(short_accesses), some(value)),
    st.builds(short_names.InformationReportRequest, maybe, some(short_accesses), some(value)),
)
any_apdu = st.one_of(
    short_name_apdus,
    initiates,
    association,
    exceptions,
    st.builds(apdu.GetRequestNormal, octet, attributes),
    st.builds(apdu.GetRequestNext, octet, number32),
    st.builds(apdu.GetRequestWithList, octet, some(attributes)),
    st.builds(apdu.GetResponseNormal, octet, results),
    st.builds(apdu.GetResponseBlock, octet, st.booleans(), number32, octets | access_results),
    st.builds(apdu.GetResponseWithList, octet, some(results)),
    st.builds(apdu.SetRequestNormal, octet, attributes, value),
    st.builds(apdu.SetRequestFirstBlock, octet, attributes, blocks),
    st.builds(apdu.SetRequestBlock, octet, blocks),
    st.builds(apdu.SetRequestWithList, octet, some(attributes), some(value)),
    st.builds(apdu.SetRequestWithListFirstBlock, octet, some(attributes), blocks),
    st.builds(apdu.SetResponseNormal, octet, access_results),
    st.builds(apdu.SetResponseBlock, octet, number32),
    st.builds(apdu.SetResponseLastBlock, octet, access_results, number32),
    st.builds(apdu.SetResponseLastBlockWithList, octet, some(access_results), number32),
    st.builds(apdu.SetResponseWithList, octet, some(access_results)),
    st.builds(apdu.ActionRequestNormal, octet, methods, st.none() | value),
    st.builds(apdu.ActionRequestNext, octet, number32),
    st.builds(apdu.ActionRequestWithList, octet, some(methods), some(value)),
    st.builds(apdu.ActionRequestFirstBlock, octet, methods, blocks),
    st.builds(apdu.ActionRequestWithListFirstBlock, octet, some(methods), blocks),
    st.builds(apdu.ActionRequestBlock, octet, blocks),
    st.builds(apdu.ActionResponseNormal, octet, returns),
    st.builds(apdu.ActionResponseBlock, octet, blocks),
    st.builds(apdu.ActionResponseWithList, octet, some(returns)),
    st.builds(apdu.ActionResponseNext, octet, number32),
    st.builds(apdu.AccessRequestApdu, number32, octets, some(access_items)),
    st.builds(
        apdu.AccessResponseApdu,
        number32,
        octets,
        some(access_results_of),
        st.none() | some(access_items.map(without_data)),
    ),
    st.builds(
        apdu.GeneralBlock,
        st.booleans(),
        st.booleans(),
        st.integers(0, 63),
        number16,
        number16,
        octets,
    ),
    st.builds(apdu.DataNotificationConfirm, number32, octets),
    st.builds(
        apdu.DataNotification,
        number32,
        st.just(b"") | st.binary(min_size=12, max_size=12),
        value,
    ),
    st.builds(apdu.EventNotification, maybe, bare_attributes, value),
    st.builds(
        apdu.Ciphered, st.sampled_from(sorted(PLAIN_TAG)).map(ApduTag), octet, number32, octets
    ),
    st.builds(
        apdu.GeneralCiphered,
        st.sampled_from([ApduTag.GENERAL_GLO_CIPHERING, ApduTag.GENERAL_DED_CIPHERING]),
        octets,
        octet,
        number32,
        octets,
    ),
)
