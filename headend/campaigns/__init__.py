"""Campaigns: one kind of order for a chosen set of meters, given out in waves.

starting   who is meant, and what is asked for each
turning    one turn of a campaign: what has ended, what is given out next, whether it stops
advancing  the duty that gives every campaign its turns
steering   pause, resume, cancel, retry, approve, refuse

Orders of a campaign are taken in by `orders.accept` like all others, under the same rules and the
same guard.  A kind of order needs nothing here: what it is asked with travels as its wish.
"""
