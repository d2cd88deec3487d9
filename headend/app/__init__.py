"""The one place that wires: each module joins the parts that one kind of process needs.

`head_end` joins the whole, `serving` opens its doors, `sessions` find its broker.  The others serve
commands: `probe` and `visits` a technician's laptop, `jobs` and `rekeying` and `entering` a
database that a head-end may be serving meanwhile, `fleet` a database that is filled at once.
Nothing is imported here, so that a laptop's command need not import the whole head-end.
"""
