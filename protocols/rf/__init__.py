"""A wireless-M-Bus-like radio link at 169 and 868 MHz: bands, airtime, frames, error rates."""
