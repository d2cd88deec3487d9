"""How a head-end's database came to have its tables, revision by revision."""
