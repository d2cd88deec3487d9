"""Bytes to meaning and back: no I/O, no clock, no chance."""
