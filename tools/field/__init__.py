"""`ami field`: a scenario's field on a real broker, until it is told to stop."""
