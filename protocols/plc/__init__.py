"""A PRIME-like narrowband power-line link: schemes, airtime, frames, error-rate tables."""
