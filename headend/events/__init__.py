"""Events and alarms: from what arrives to events that are stored once, and to incidents.

sightings   what a push, a log's row or a status word says happened
taking      a sighting becomes an event, or is one that is known already
correlate   which events are one incident; pure
incidents   what `correlate` says, kept in the store
acknowledge somebody has seen it
"""
