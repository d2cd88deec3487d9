"""Jobs: a day's work for a technician's device, handed over, worked offline, taken back.

enrolment   which devices there are, and who signs packages
export      orders and counters go into a package, and are held for it
work        the technician's side: what is done at a meter, line by line
revocation  a job that must not be worked any more
reconcile   a result meets what the head-end knows

docs/jobs.md tells the whole.
"""
