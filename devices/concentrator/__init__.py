"""The simulated concentrator: commands come in from the head-end, frames go out to meters.

    flash        what survives a reboot
    own_clock    its own clock, which may be wrong
    journal      which attempts it knows, and how each ended
    intake       what a command means, given the journal
    outbox       messages owed to the head-end until its receipt
    online       the session with the broker, as far as the modem allows
    table        the meters it knows
    power_line   the one medium that all its meters share
    client       the DLMS client for one errand, by either engine
    turns        whose turn it is at a meter, and on the line
    conversing   one DLMS session over the line, message by message
    errand       one command carried out at one meter
    read_back    whether a reading shows what a command was to bring about
    execution    the errands that wait and those under way
    task_times   when a task of the table falls due
    reading_task what one task reads in one session of one meter
    collecting   the task table carried out
    memory       what was collected and not uploaded yet: bounded, losses counted
    uploading    batches of it, owed until their receipt
    discovering  meters on the line that are not in the table
    updating     its own firmware
    tunnels      gateway mode: the head-end's own DLMS, carried and not read
    report       an errand's outcome as the result that goes to the head-end
    desk         what is written down and what is told
    own_faults   its own fault log, and its modem's
    device       `Concentrator`: the parts above in one

The rules that make it safe to repeat a command, on a path that loses, doubles and delays messages:
protocols/concentrator/messages.py.
"""
