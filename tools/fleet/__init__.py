"""`ami fleet`: a city's meters entered into a head-end's database, and their profiles collected."""
