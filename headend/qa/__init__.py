"""The QA console's desk: stories of the simulated field, played beside the head-end.

A simulated clock refuses the threads of a loop that runs, and the head-end knows nothing of
scenarios.  So each run is a process of the command line, `ami sim`, which answers in JSON.

run        what is asked, and what became of it
shelf      the folder of runs
program    the command line as a process, ended with the head-end
desk       takes what is asked, a bounded number at once
tape       what a run's log tells: faults, and orders' journals
"""
