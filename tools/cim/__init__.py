"""`ami cim`: CIM messages, and the adapters of the utility's systems.

get, send, files, replies     one question to an adapter or a door, and its answer
validate, rules, advice       a message against the XSD and our profile
serving, reaching             adapters on doors of their own, and where they stand
wsdl, codes, examples         what whoever writes a client reads
conformance                   which clauses of IEC 61968-100 hold, by which tests
explain                       a message followed through the head-end
generated                     the generated records of `protocols/cim`
"""
