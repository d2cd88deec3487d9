"""Stories told as data, the engine that runs them, and stand-ins of the utility's other systems."""
