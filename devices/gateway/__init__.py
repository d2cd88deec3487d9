"""The simulated field's way out: to a broker on real sockets, or to whatever stands in for one."""
