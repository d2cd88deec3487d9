"""The head-end as DLMS client of a meter: by optical probe, serial line, TCP or UDP.

address       where a line leads: /dev/ttyUSB0, tcp://HOST:PORT, udp://HOST:PORT
line          what every line does, and how it fails; serial_line, tcp_line, udp_line
conversation  one association with one meter over one line
"""
