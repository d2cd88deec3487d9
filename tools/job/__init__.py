"""`ami job`: packages for technicians' devices, and what comes back of them."""
