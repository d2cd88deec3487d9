"""The commercial system's door: orders in by SOAP 1.1, results out by SOAP callback."""
