"""What the utility keeps of its meters: their keys and how these change.

key_change      from the current keys of a meter to new ones, through every kind of interruption
"""
