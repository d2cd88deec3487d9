"""`ami database`; `opening` is how any other command opens a head-end's database."""
