"""The head-end as DLMS client of a meter: by optical probe, serial line, TCP or UDP.

address       where a line leads: /dev/ttyUSB0, tcp://HOST:PORT, udp://HOST:PORT
line          what every line does, and how it fails; serial_line, tcp_line, udp_line
conversation  one association with one meter over one line
connection    line, link and association; drives scripts; dialogue, wire and links below it
performing    orders carried out by conversations; reporting tells what came of them
dialling      the line to a meter by its address in the registry
listening     meters that call by themselves, and pushes; caller is one such connection
"""
