"""The electrical grid: networks, their power flow, and what customers draw.

    errors        what a file or a loading can be that has no solution
    zbus          many time steps of one low-voltage feeder at once
    street        generated feeders: transformer, cables, customers along streets
    customers     what households, shops, solar roofs and cars draw, quarter hour by quarter hour
    solved_day    a feeder's day, solved and rounded to what meters show

Names and nodes are known here; meters, orders and frames are not.
"""
