"""The simulated meter: plain state, and `receive(frame, now=...)` for everything it is asked.

State, which knows no object:

    identity     who it is, and its test keys, as functions of seed and index
    load         what the installation behind it draws: the world's side
    metering     registers as closed forms over the load and the supply's interruptions
    meter_clock  local time: daylight saving, and what date-times mean
    timeline     its clock against the world's, and when there was power
    schedule     moments by its clock that come again and again
    calendar, tariff, demand, billing      what counts when, and how much that was
    disconnect, limiter, monitor           the relay's one door, and what watches the load
    image_transfer, firmware, push         what has a state of its own, and acts by itself
    action_schedule, scripts               what it does when a time has come
    events, faults, history                what it notices; what is broken; what it really did
    clients, keyring, accounts             whom it knows, with what keys, and how far they counted
    meter_type, models                     what all meters of one model share
    parts, state                           `MeterState`: all of that in one, made when asked for

Objects, in tables over that state:

    cosem        what an interface class looks like from outside: attributes, methods, access
    objects      the table of a type of meter; the modules named *_object(s), registers and
                 profiles hold its parts
    profile, buffer    rows as of their moments, and parts of them
    services     requests to objects
    dirt         how a meter with faults spoils what it says

Communication:

    server       associations: APDUs to requests, and answers to APDUs
    device       `Meter`: state, links and objects, on one clock

Object model: DLMS UA 1000-1 (Blue Book), IEC 62056-6-2.  Time is passed in as `now`, POSIX seconds
UTC; the meter's own clock may differ from it.
"""
