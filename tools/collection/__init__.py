"""`ami collection`: how much of what is expected of meters is here, what is not, and since when.

asking, drawing        what verbs take; curves in a terminal
backfill, validation, rollup, schedules     what keeps it whole
phases, losses         unbalance, phases, advice and energy balance below a place
"""
