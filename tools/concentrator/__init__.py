"""`ami concentrator`: concentrators in the registry, what is asked of them, their messages."""
