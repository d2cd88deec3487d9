"""One invented utility, the same for all of its systems: what its stand-ins are filled from.

`making` makes it from a seed; `naming` has what each system calls its parts; `siad`, `vip` and
`repository` are what the databases of those systems hold; `places` is what the head-end's registry
is given.
"""
