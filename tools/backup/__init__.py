"""`ami backup`: copies of everything that a head-end must not lose, in a place apart."""
