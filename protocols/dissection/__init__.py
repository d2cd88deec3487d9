"""Octets that somebody holds in hand, taken apart for a person: no association, no state, no trust.

    names      what IEC 62056-5-3 calls the fields of our classes
    tree       an APDU or a value as a tree of named elements
    xml        such a tree as XML
    plain      such a tree as JSON
    opening    ciphered APDUs, with keys at hand
    apdu       one APDU or value: its tree, what was inside it, and the octets written again
    spelling   what may be written in several ways
    blocks     general block transfer, joined
    lines      frames of a line of octets: wrapper, HDLC, M-Bus
    hex_text   octets as people write them

A connection refuses what is replayed, unexpected or too weak; whoever dissects wants to see it.
"""
