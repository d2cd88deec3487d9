"""`python -m tools` is `ami`, where the command itself is not on the path."""

from tools.cli import main

main()
