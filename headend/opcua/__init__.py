"""OPC UA servers (OPC 10000) whose address space is answered, not held.

    space       what a server shows, as plain values: nodes, samples, events, and where from
    reach       which part of a history is wanted, and where its next part begins
    nodes       a node's attributes and references as the protocol has them
    browsing history
                ways through a space, and what it has kept
    session     browse, read, history and subscriptions of one client, answered from a space
    connection  what the library leaves out of the protocol: BrowseNext, passwords off the loop
    server      the server as a whole; trust: whose certificates are believed
    meters      the head-end's own meters as a space

Only the modules from `nodes` on import the library; whoever serves nothing needs none.
"""
