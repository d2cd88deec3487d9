"""What analysis finds out, held against what the simulated grid knows.

    street   a feeder with skewed phases, solved; what its meters tell when a part is not heard
    phases   phase identification        loading  a transformer from its meters
    moves    rephasing, carried out      losses   energy balance, with a customer who steals

Each of the last four scores a method of `headend.analysis`: the truth stays on this side.
`score.all_of` runs them; docs/unbalance.md tells what comes out.
"""
