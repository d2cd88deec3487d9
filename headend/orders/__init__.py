"""Orders: accepted, queued, carried out, settled.

inbox       each commercial message takes effect once, however often it comes
accept      a commercial message becomes orders, durably, before it is acknowledged
rules       which orders are refused before anything is sent
lanes       one bounded lane a concentrator; claims orders that are due
step        what is done with an order that was claimed: a try, a resumption, a look
asking      an order as a command, and what is learned where no answer comes
judge       what a concentrator's report means
effect      finding out an effect that is not known
conclusion  writing back what a step found
settle      the end: outcome, journal and outgoing messages in one transaction
hearing     what arrives unasked: late results, fault logs, concentrators that come and go
cutting     the guard: above a rate, disconnections wait for a second person
approve     who lets them through, or refuses
withdraw    the commercial system changes its mind: cancel and change
"""
