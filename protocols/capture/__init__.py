"""What travelled in a run, as pcapng: for Wireshark with `ami.lua`, for scapy, for `ami capture`.

    pcapng      blocks of the file format: written, and read with offsets, damage told
    packets     what stands before the octets of a packet: TCP and IP made up for the wrapper,
                a header of ours for power-line frames, serial lines and concentrator messages
    masking     passwords and keys that travel in the clear, blotted out
    recorder    a run's packets in the order of their times
    tape        octets of a live line, cut into frames for the recorder
    contents    a capture taken apart: frames, APDUs, and with keys what is in them
    layers      the same headers for scapy, which is imported there alone (GPL-2.0-only)

Sans-IO as all of `protocols`: a recorder is given where to write, and each packet its time.  One
seed gives one capture, octet for octet.  The layout of every header: docs/captures.md.
"""
