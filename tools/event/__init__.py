"""`ami event`: what meters noticed, and who has seen it."""
