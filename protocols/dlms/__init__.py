"""DLMS/COSEM (IEC 62056-5-3, Green Book) without I/O, for clients and servers.

    codes          every code of the standard as IntEnum
    logical_name   LogicalName("1.0.1.8.0.255")
    date_time      Date, Time, DateTime with 'not specified' parts
    values         typed values: DoubleLongUnsigned(1517), Structure((...)), OctetString(b"...")
    axdr           values <-> octets
    apdu, acse     APDUs <-> octets: encode(apdu), decode(octets)
    security       security suite 0: keys, ciphering, GMAC proofs
    services       requests and responses as a caller sees them
    events         what a connection tells; ClientEngine, the shape of every client engine
    state          the one transition table of both roles
    connection     Connection: an association, client or server

Decoders raise `protocols.errors.ProtocolError` with an offset, and nothing else.
"""
