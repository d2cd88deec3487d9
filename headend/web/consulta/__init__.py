"""What the analyst's pages are made of: the same from the database and on line.

asking        a conversation with the adapters, with the messages that were said
organisation  region, zone, area, substation, circuit: a tree of instances
naming        what SIMOCE, SCADA and VIP Customers call a circuit of SIAD's
measured      values of feeders from SIMOCE and SCADA, as hours
standing      what the windows say of each feeder
charts        figures of it, each with its table
realtime      SCADA's present values, kept for a minute
"""
