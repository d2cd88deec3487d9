"""The hand-over from a meter's sign-on to HDLC on one line (IEC 62056-21, 6.3.2 and annex E)."""
