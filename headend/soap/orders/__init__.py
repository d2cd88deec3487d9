"""Orders at the SOAP door: taken, changed, withdrawn, several in one message."""
