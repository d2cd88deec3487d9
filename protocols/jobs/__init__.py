"""Job packages: what a head-end hands to a technician's device for a day without it, and back.

cards     who signs and who opens: public keys, exchanged once
package   the work and the keys for it, signed by the head-end, sealed for one device
result    what was done, line by line, signed by the device, each line bound to the one before

The format is described in docs/jobs.md.  Nothing here reads a clock, a file, or chance.
"""
