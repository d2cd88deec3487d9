"""Messages on the result queue between head-end and commercial side: typed, versioned, JSON."""
