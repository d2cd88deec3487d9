"""The electrical grid: networks, their power flow, and what customers draw.

    errors        what a file or a loading can be that has no solution
    zbus          many time steps of one low-voltage feeder at once
    street        generated feeders: transformer, cables, customers along streets
    customers     what households, shops, solar roofs and cars draw, quarter hour by quarter hour
    solved_day    a feeder's day, solved and rounded to what meters show
    feeder feeder_loads field_grid
                  a transformer's grid as its meters' loads; all grids of a field
    phase_records which phase the utility believes each customer to be on
    circuit power_flow sparse load_currents primitives line_constants regulators
                  networks of any shape: elements, loads, controls, and their solution
    dss cim       networks from files; report: what a solved one tells

Names and nodes are known here; meters, orders and frames are not.
"""
