"""Tells people and systems of events and incidents, by rules."""
