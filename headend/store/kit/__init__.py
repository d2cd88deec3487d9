"""The technician's kit: what a probe remembers on a laptop, without any server.

folder      where it lies, and how a file is written so that a crash loses nothing
keyring     keys and passwords of meters, sealed under a passphrase or a key file
counters    invocation counters, reserved in blocks before they are used
journal     every action as a line of JSON
"""
