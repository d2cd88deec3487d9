"""Fleets: a city's meters entered into a head-end's database, and their day's profiles collected.

One process writes, as many as wanted work, and what comes out does not depend on how many.
"""
