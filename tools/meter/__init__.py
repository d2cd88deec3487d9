"""`ami meter`: simulated meters to listen to, and the registry's meters.

command                one simulated meter on TCP, UDP and ptys
registry, life, commission, entry, record, state    meters in the registry
keys, orders           what is done to one, by the running head-end
"""
