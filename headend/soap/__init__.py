"""The utility's systems at our SOAP door, and what goes out to them: each kind of desk a folder."""
