"""The hand-over from a meter's sign-on to HDLC on one line (IEC 62056-21, 6.3 and annex E).

    client      the end that signs on: `ModeEClient`
    server      the meter's end: `ModeEServer`
    messages    request, identification, acknowledgement
    script      what a line shall carry, and at which speed, in order and in time
    settings    the client's times and speeds

At 300 Bd 7E1 the client asks who is there, the meter says so and names a speed; the client chooses
binary mode, both change to that speed and 8N1, and what follows is HDLC.
"""
