"""`ami campaign`: orders for many meters, in waves."""
