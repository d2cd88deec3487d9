"""The legacy integration database (interface I5): what became of each order, for others to read.

Its tables are an interface of their own, in the commercial side's words (docs/legacy-database.md):
they change only by migrations that keep what a reader relies on, and hold nothing that the head-end
itself needs.  It is one of the outbox's channels; the commit is the acknowledgement.
"""

from headend.integration.legacy.database import LegacyDatabase

__all__ = ["LegacyDatabase"]
