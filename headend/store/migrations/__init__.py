"""How the head-end's database came to have its tables; `env` serves the legacy database too."""
