"""`ami demo`: a newcomer's first minute, and with `--serve` a living division to look at."""
