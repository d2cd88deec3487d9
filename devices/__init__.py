"""The simulated field: meters, concentrators, channels.  Knows `protocols`, never `headend`."""
