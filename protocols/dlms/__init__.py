"""DLMS/COSEM (IEC 62056-5-3, Green Book) without I/O, for clients and servers.

    codes          every code of the standard as IntEnum
    logical_name   LogicalName("1.0.1.8.0.255")
    date_time      Date, Time, DateTime with 'not specified' parts
    values         typed values: DoubleLongUnsigned(1517), Structure((...)), OctetString(b"...")
    axdr           values <-> octets
    apdu, acse     APDUs <-> octets: encode(apdu), decode(octets)
    services       requests and responses as a caller sees them
    events         what a connection tells; ClientEngine, the shape of every client engine
    state          the one transition table of both roles
    settings       ClientSettings, ServerSettings
    client         ClientConnection: one association with one meter; client_association opens it
    server         ServerConnection: what a meter keeps for one client address; server_association
    connection     what both share; forms: primitives as APDUs; transfer: blocks of one service
    general_block  general block transfer; access, access_parts: ACCESS
    selective_access  parts of a profile by range and entry
    objects        interface classes read from values; obis: logical names in words
    procedures     what is done to a meter, over either engine; session runs it
    security       suite 0: ciphering, counters, proofs

A client in five lines, framing and transport aside:

    client = ClientConnection(ClientSettings())
    transmit(client.send(AssociationRequest(), now=now))
    client.receive_data(apdu, now=now)          # then transmit client.data_to_send() until None
    client.next_event()                         # Associated(...)
    transmit(client.send(GetRequest.of(energy), now=now))

Decoders raise `protocols.errors.ProtocolError` with an offset, and nothing else.
"""
