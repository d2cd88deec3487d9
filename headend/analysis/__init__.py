"""Phase unbalance and what else follows from the measurements of three phases.

    quantity     what is analysed, in which units; the only place that converts
    unbalance    the formulas, each under its own name
    power_factor power factor, and the capacitors that are missing
    hourly       values of ten or fifteen minutes as hours, with how many there were
    rollup       hours summed exactly: days and windows by adding, in any order
    figures      what a window says: averages, unbalance, power factor, coverage
    judged       the same as it is told, of feeders each with its own bands
    windows      which days, and which hours of them; dates to compare
    bands        green, yellow, red; limits of CFE and ANSI
    compared_days
                 which two days the daily profile comparison may show

    registers meter_sums meter_rows
                 meters' readings with holes, and what they add up to, phase by phase
    phase_identification
                 on which phase each meter hangs
    loading losses
                 what a transformer carries; what is lost, technically and otherwise
    by_meters    all of this for one place and some days
    rephasing rephasing_program
                 whom to move to another phase, and the program that finds out

Functions over arrays: they read no clock and do no I/O.  The last axis of what is measured is the
phase (A, B, C), the one before it the quantity in the order of `quantity.QUANTITIES`; a value that
is missing is NaN.
"""
