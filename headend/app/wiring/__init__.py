"""The head-end's parts, joined group by group.

ground -> reaching (ways to meters) -> ordering -> collecting, caring; telling: what others hear.
Each group says which works run in the background, and which messages its parts hear.
"""
