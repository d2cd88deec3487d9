"""A living small division: an invented utility with a month behind it, and a head-end that works
on.

`making` makes it from a seed, with what there is to find; `profiles`, `history` and `feeder_hours`
are its month; `places` of work are `head_end`, `field` and `systems`, each a process; `standing`
brings all of it up.
"""
