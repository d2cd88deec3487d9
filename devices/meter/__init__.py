"""The simulated meter: plain state, and `receive(frame, now=...)` for everything it is asked.

    identity     who it is, and its test keys, as functions of seed and index
    load         what the installation behind it draws: the world's side
    metering     registers as closed forms over the load and the supply's interruptions
    disconnect   disconnect control, class 70: the one way in which the relay moves
    limiter      limiter, class 71
    faults       what is broken, as state
    history      what the meter really did, which nobody in the field can read
    clients      whom it knows, and what each may do
    meter_type   what all meters of one model share
    meter_clock  local time, class 8: daylight saving, and what date-times mean
    timeline     its clock against the world's, and when there was power
    events       event codes, logs, alarm and error registers
    accounts     what it remembers of its clients: counters, open associations
    state        `MeterState`: the parts above in one, without links
    scripts      what it does by itself when a script is due
    device       `Meter`: state, links and objects, on one clock
    cosem        what an interface class looks like from outside: attributes, methods, access
    objects      the table of a meter's objects; profile, limiter_object, supply_objects are in it
    services     requests to objects
    server       associations: APDUs to requests, and answers to APDUs

Object model: DLMS UA 1000-1 (Blue Book), IEC 62056-6-2.  Time is passed in as `now`, POSIX seconds
UTC; the meter's own clock may differ from it.
"""
