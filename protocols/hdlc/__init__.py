"""DLMS over HDLC: the data link of optical probes and serial lines (IEC 62056-46, Green Book 8).

    client      the end that asks: `HdlcClient`
    server      the end that answers: `HdlcServer`
    settings    sizes, window and times of one side
    address     client and server addresses of one, two and four octets
    frame       one frame: control fields, and its octets
    decoder     octets in any pieces, with noise between them, to frames
    numbering   N(S), N(R), window, repetition
    segments    LLC header, segmentation, reassembly
    parameters  what SNRM and UA agree on
    reject      what FRMR says
    checksum    HCS and FCS
    line        what both ends share

Frame format type 3, normal response mode with two-way alternate transfer: the client asks, the
server answers.
"""
