"""`ami task`: what the head-end does by schedule, and what came of it."""
