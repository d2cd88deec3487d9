"""The legacy database's revisions, in the order of their numbers."""
