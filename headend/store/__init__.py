"""How the head-end remembers: SQLAlchemy over SQLite (PostgreSQL where many workers share it).

columns      how the domain's values look in a cell
schema       the tables and their indexes
migrations   how a database came to have them; `migrate` brings one up to date
engine       connections: one that writes, some that only read
writer       one transaction at a time, many works in one commit
rows         a row as a domain value, and back
registry, evidence, messages, orders, claims, outbox
             the words of one transaction, a capability each
transaction  all of them: `ports.Transaction`
store        `ports.Store`
queries      what pages and commands look up
"""
