"""DLMS over HDLC: the data link of optical probes and serial lines (IEC 62056-46, Green Book 8).

    address     client and server addresses of one, two and four octets
    settings    sizes, window and times of one side

Frame format type 3, normal response mode with two-way alternate transfer: the client asks, the
server answers.
"""
