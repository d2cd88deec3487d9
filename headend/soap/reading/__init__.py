"""Readings and events asked for at the SOAP door: from the store, later, and of the meters."""
