"""Security setup, class 64 version 0 and 1, and the invocation counter (Blue Book 4.4.7, 4.3.1).

Each client that ciphers has both of its own: policy, suite, titles, and the methods by which its
keys change and its policy becomes stricter.  Certificates: `certificate_methods`.  A meter that
takes images has one setup more, of the broadcasts in which their blocks may come: its concentrator
gives it the key, and the authentication key that goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from devices.chance import octets
from devices.meter.certificate_methods import certificate_list, certificate_methods
from devices.meter.certificates import pairs_of
from devices.meter.clients import ALL, BROADCASTER, NOBODY, Client, Right
from devices.meter.cosem import (
    SECURITY_SETUP,
    Attribute,
    Context,
    CosemObject,
    Method,
    constant,
    data,
)
from devices.meter.events import Event
from devices.meter.keyring import Keyring, broadcaster, generation, keys_of
from devices.meter.meter_type import MeterType
from devices.meter.policy import activate, policy, setup_name
from protocols.dlms import elliptic
from protocols.dlms.codes import ActionResult
from protocols.dlms.key_wrap import (
    NotUnwrapped,
    TransferId,
    agree,
    agreement_data,
    offer,
    read_agreement,
    read_transfer,
)
from protocols.dlms.keys import Keys
from protocols.dlms.objects.shape import Misshapen
from protocols.dlms.services import MethodReturn
from protocols.dlms.suite import CURVES, KEY_SIZES, curve_of
from protocols.dlms.values import Array, DoubleLongUnsigned, Enum, OctetString, Value


def security_objects(meter_type: MeterType) -> Iterator[CosemObject]:
    """A security setup and an invocation counter for each client that ciphers."""
    for client in meter_type.clients:
        if client.ciphers:
            yield _counter(client)
            yield _setup(client, meter_type.security_setup_version)
    if "image" in meter_type.features:
        yield _group_setup(meter_type.security_setup_version)


def _counter(client: Client) -> CosemObject:
    def received(context: Context) -> Value:
        return DoubleLongUnsigned(context.meter.counter_received(client.sap))

    return data(f"0.0.43.1.{client.security_instance}.255", received, readers=ALL)


def _setup(client: Client, version: int) -> CosemObject:
    own = client.right
    attributes = {
        2: Attribute(lambda context: policy(context.meter, client), own),
        3: Attribute(constant(Enum(client.suite)), own),
        4: Attribute(
            lambda context: OctetString(context.of_client(client).client_system_title), own
        ),
        5: Attribute(lambda context: OctetString(context.meter.identity.system_title), own),
    }
    methods = {
        1: Method(own, _activate),
        2: Method(own, _transfer),
    }
    if version:
        if client.suite in CURVES:
            attributes[6] = Attribute(lambda context: certificate_list(context.meter, client), own)
            methods |= {3: Method(own, _agree), **certificate_methods(own)}
        else:
            attributes[6] = Attribute(constant(Array()), own)  # suite 0 has no certificates
            methods |= {index: Method(NOBODY) for index in range(3, 9)}
    return CosemObject(
        SECURITY_SETUP,
        version,
        setup_name(client),
        attributes,
        {index: _acting_on(client, method) for index, method in methods.items()},
        visible=own,
    )


def _group_setup(version: int) -> CosemObject:
    """That of the pre-established association; nobody but a concentrator sees it."""
    own = Right.CONCENTRATOR
    return CosemObject(
        SECURITY_SETUP,
        version,
        setup_name(BROADCASTER),
        {
            2: Attribute(lambda context: policy(context.meter, BROADCASTER), own),
            3: Attribute(constant(Enum(BROADCASTER.suite)), own),
            4: Attribute(lambda context: OctetString(broadcaster(context.meter)), own),
            5: Attribute(lambda context: OctetString(context.meter.identity.system_title), own),
        }
        | ({6: Attribute(constant(Array()), own)} if version else {}),
        {1: Method(NOBODY), 2: Method(own, _give)}
        | ({index: Method(NOBODY) for index in range(3, 9)} if version else {}),
        visible=own,
    )


def _give(context: Context, value: Value | None) -> ActionResult:
    """key_transfer of the broadcast key: its giver alone may use it, counting anew."""
    meter, sap = context.meter, BROADCASTER.sap
    before = keys_of(meter, BROADCASTER).broadcast
    result = _transfer(context.of_client(BROADCASTER), value)
    if result is ActionResult.SUCCESS and keys_of(meter, BROADCASTER).broadcast != before:
        meter.count_anew(sap)
        meter.part(Keyring).given_by(sap, context.client_system_title)
    return result


def _acting_on(client: Client, method: Method) -> Method:
    """The method with the keys and the policy of the setup's own client, whoever invokes it."""
    invoke = method.invoke
    if invoke is None:
        return method

    def act(context: Context, value: Value | None) -> ActionResult | MethodReturn:
        return invoke(context.of_client(client), value)

    return replace(method, invoke=act)


def _activate(context: Context, value: Value | None) -> ActionResult:
    """security_activate: the policy only grows."""
    if not isinstance(value, Enum):
        return ActionResult.TYPE_UNMATCHED
    if not activate(context.meter, context.client, value):
        return ActionResult.OTHER_REASON
    context.written(f"security policy of client {context.client.sap}: {int(value)}")
    return ActionResult.SUCCESS


def _transfer(context: Context, value: Value | None) -> ActionResult:
    """key_transfer, in version 0 global_key_transfer: all of the keys, or none."""
    meter, client = context.meter, context.client
    current = keys_of(meter, client)
    assert current.master is not None
    try:
        moved = read_transfer(current.master, KEY_SIZES[client.suite], value)
    except Misshapen:
        return ActionResult.TYPE_UNMATCHED
    except NotUnwrapped:
        return ActionResult.OTHER_REASON
    return _install(context, current, moved)


def _install(context: Context, current: Keys, moved: Mapping[TransferId, bytes]) -> ActionResult:
    meter, client = context.meter, context.client
    before = generation(meter, client.sap)
    if not meter.part(Keyring).install(client.sap, current, moved):
        return ActionResult.OTHER_REASON
    if generation(meter, client.sap) != before:
        meter.count_anew(client.sap)
    names = ", ".join(name.name.lower() for name in moved)
    context.written(f"keys of client {client.sap}: {names}")
    meter.happened(Event.KEYS_CHANGED, context.now)
    return ActionResult.SUCCESS


def _agree(context: Context, value: Value | None) -> ActionResult | MethodReturn:
    """key_agreement of the suites 1 and 2: the client's signed offers for ours."""
    meter, client = context.meter, context.client
    identity, suite = meter.identity, client.suite
    pairs = pairs_of(meter, client)
    assert pairs.signing is not None and pairs.peer_signing is not None
    keys, answers = {}, {}
    round_ = meter.count_association()  # a number that no other draw has
    try:
        for name, offered in read_agreement(value).items():
            scalar = octets(
                identity.seed, "meter", identity.index, "ephemeral", round_, int(name),
                count=curve_of(suite).size,
            )  # fmt: skip
            ephemeral = elliptic.private_key(suite, scalar)
            titles = context.client_system_title, identity.system_title
            keys[name] = agree(suite, ephemeral, pairs.peer_signing, name, offered, *titles)
            answers[name] = offer(suite, ephemeral, pairs.signing, name)
    except Misshapen:
        return ActionResult.TYPE_UNMATCHED
    except NotUnwrapped:
        return ActionResult.OTHER_REASON
    if TransferId.MASTER in keys:
        return ActionResult.OTHER_REASON  # the key that transfers others is only ever transferred
    result = _install(context, keys_of(meter, client), keys)
    if result is not ActionResult.SUCCESS:
        return result
    return MethodReturn(result, agreement_data(answers))
