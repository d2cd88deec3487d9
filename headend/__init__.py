"""The head-end system: takes orders, reaches devices, remembers, answers."""
