"""Collected rows, looked at: what is odd in them, and estimates for what is not there.

channels    rows as series of one quantity each
checks      what is odd, one function for each
estimates   what stands in
day         all of it for one day
desk        days whose rows are newer than the last look at them
"""
