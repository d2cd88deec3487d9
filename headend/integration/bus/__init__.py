"""The utility's bus in this process: the machines of `protocols.cim.bus` on a broker."""
