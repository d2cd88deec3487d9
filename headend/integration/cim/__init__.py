"""The adapters: the CIM face of the utility's systems (IEC 61968-100, use case Adapters).

`question` reads what is asked, `answering` answers it from a `layer`, of which `sql` is one; what
can be wrong is in `refusals`.  Nothing here knows how a message came.
"""
