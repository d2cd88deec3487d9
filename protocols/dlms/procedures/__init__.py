"""What is done to a meter, step by step, without knowing how the steps travel.

A procedure is a generator: it yields a request (GET, SET, ACTION), is sent the meter's answer, and
returns what it found, or an `Outcome`.  It knows no association, no bytes, no clock and no engine;
`session.Session` runs it over either DLMS engine.  Whether several attributes travel in one
GET-with-list or in several GETs is the session's affair too; what an association cannot say is
answered by `NotSent`, and the procedure takes the longer way where there is one.

    steps           a request and its answer; Outcome
    limiter         read_limit, set_limit, remove_limit
    supply          read_supply, connect, disconnect
    counter         read_counter
    reading         read_attributes, read_told, read_registers
    identify        identify
    object_list     read_object_list
    profile         read_profile, read_buffer, read_event_log, count_entries
    clock           read_clock, set_clock, shift_clock
    push            read_push_setup, write_push_setup, push_now
    image_transfer  transfer_image, verify_image, activate_image, read_image_status

The rule for those that change something: an order is done when the meter, asked again, says so.  A
success code of SET or ACTION says only that the meter took the message.
"""

from protocols.dlms.procedures.clock import ClockSet, read_clock, set_clock, shift_clock
from protocols.dlms.procedures.counter import read_counter
from protocols.dlms.procedures.identify import Identity, identify
from protocols.dlms.procedures.image_transfer import (
    ImageTransferred,
    Patience,
    activate_image,
    read_image_status,
    transfer_image,
    verify_image,
)
from protocols.dlms.procedures.limiter import LIMITER, read_limit, remove_limit, set_limit
from protocols.dlms.procedures.object_list import read_object_list
from protocols.dlms.procedures.profile import (
    LOAD_PROFILE,
    STANDARD_EVENT_LOG,
    Captured,
    Entries,
    RawBuffer,
    TimeRange,
    count_entries,
    read_buffer,
    read_event_log,
    read_profile,
)
from protocols.dlms.procedures.push import PUSH_SETUP, push_now, read_push_setup, write_push_setup
from protocols.dlms.procedures.reading import (
    Register,
    is_register,
    read_attributes,
    read_registers,
    read_told,
)
from protocols.dlms.procedures.steps import (
    ACTING_REQUESTS,
    Answer,
    Finding,
    NotSent,
    Outcome,
    Pause,
    Procedure,
    Request,
    Unanswered,
    UnexpectedAnswer,
    Working,
    exception_outcome,
    standard_name,
    to_result_fields,
)
from protocols.dlms.procedures.supply import (
    DISCONNECT_CONTROL,
    connect,
    disconnect,
    read_supply,
)

__all__ = [
    "ACTING_REQUESTS", "DISCONNECT_CONTROL", "LIMITER", "LOAD_PROFILE", "PUSH_SETUP",
    "STANDARD_EVENT_LOG", "Answer", "Captured", "ClockSet", "Entries", "Finding", "Identity",
    "ImageTransferred", "NotSent", "Outcome", "Patience", "Pause", "Procedure", "RawBuffer",
    "Register", "Request", "TimeRange", "Unanswered", "UnexpectedAnswer", "Working",
    "activate_image", "connect", "count_entries", "disconnect", "exception_outcome", "identify",
    "is_register", "push_now", "read_attributes", "read_buffer", "read_clock", "read_counter",
    "read_event_log", "read_image_status", "read_limit", "read_object_list", "read_profile",
    "read_push_setup", "read_registers", "read_supply", "read_told", "remove_limit", "set_clock",
    "set_limit", "shift_clock", "standard_name", "to_result_fields", "transfer_image",
    "verify_image", "write_push_setup",
]  # fmt: skip
